import { defineConfig } from 'vitepress';
import type { DefaultTheme, UserConfig } from 'vitepress';

import { homePage } from './home.ts';
import { writeForModels } from './llms.ts';
import { readAsOnGitHub, slugOf } from './markdown.ts';
import { descriptionOf, sidebar } from './pages.ts';
import { search } from './search.ts';

/** Where the site is served, if not at the root of its host. */
const BASE = process.env['DOCS_SITE_BASE'] ?? '/';

/** `npm run docs` builds the site from these pages and what is on this machine; the site asks nothing of another one. */
const config: UserConfig<DefaultTheme.Config> = defineConfig({
  title: 'otel-session-logs',
  description: 'OpenTelemetry session logs for Node: read each session live, resume it, and know what was exported.',
  base: BASE,
  lang: 'en',
  head: [['link', { rel: 'icon', href: `${BASE}icon.svg`, type: 'image/svg+xml' }]],
  ignoreDeadLinks: false,
  lastUpdated: false,
  srcExclude: ['**/node_modules/**', 'data/**', 'pictures/**'],
  markdown: {
    anchor: { slugify: slugOf },
    headers: { slugify: slugOf, level: [2, 3] },
    // Those of the theme are too faint on its background.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
    config: readAsOnGitHub,
  },
  transformPageData: ({ relativePath }) => ({
    description: descriptionOf(relativePath.replace(/\.md$/u, '')),
    ...(relativePath === 'index.md' && { frontmatter: { ...homePage() } }),
  }),
  buildEnd: writeForModels,
  themeConfig: {
    logo: '/icon.svg',
    nav: [
      { text: 'Guide', link: '/start', activeMatch: '^/(?!reference|examples|troubleshooting)[a-z]' },
      { text: 'Reference', link: '/reference/', activeMatch: '^/reference' },
      { text: 'Examples', link: '/examples' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search,
  },
});

export default config;
