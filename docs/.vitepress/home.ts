import { sentencesOf, titleOf } from './pages.ts';

interface Feature {
  readonly title: string;
  /** HTML. */
  readonly details: string;
  readonly link: string;
}

interface Home {
  readonly layout: string;
  readonly sidebar: boolean;
  readonly hero: Readonly<Record<string, unknown>>;
  readonly features: readonly Feature[];
}

const FEATURES: readonly Feature[] = [
  {
    title: 'Readers that resume',
    details:
      'Any number of readers follow a session with <code>for await</code>, each at its own pace. Each continues after any entry, and is told when entries are gone.',
    link: '/read',
  },
  {
    title: 'Live in the browser',
    details:
      'Event streams survive a reload, a second tab, a lost connection and a deployment. You decide who may read which session.',
    link: '/screen',
  },
  {
    title: 'One processor in your setup',
    details:
      'It fits into NodeSDK, auto-instrumentations, Next.js and the SDKs of vendors. Your exporter gets what it got before.',
    link: '/opentelemetry',
  },
  {
    title: 'Nothing lost',
    details:
      'A spool on disk keeps every record through outages, kills and restarts, and tells you up to where your collector has a session.',
    link: '/delivery',
  },
  {
    title: 'Many hosts',
    details:
      'With Redis or Valkey, a session that one host writes is read on every other host, through the same calls.',
    link: '/many-hosts',
  },
  {
    title: 'Private by design',
    details:
      'Secrets are redacted before anything is stored, even if a model spreads one over two tokens. One call erases a session everywhere.',
    link: '/privacy',
  },
];

/** The home page begins with the words of `index.md`, as the theme lays out a home page. */
export function homePage(): Home {
  const [text = '', ...rest] = sentencesOf('index');
  return {
    layout: 'HomePage',
    sidebar: false,
    hero: {
      name: titleOf('index'),
      text: text.replace(/\.$/u, ''),
      tagline: rest.join(' '),
      actions: [
        { theme: 'brand', text: 'Start in five minutes', link: '/start' },
        { theme: 'alt', text: 'Watch sessions live', link: '/viewer' },
      ],
    },
    features: FEATURES,
  };
}
