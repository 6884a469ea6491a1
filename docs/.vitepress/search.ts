import type { DefaultTheme } from 'vitepress';

type Options = DefaultTheme.LocalSearchOptions;

/** What a block of code shows beside the code: in the index it would be one word with the first of the code. */
const LABELS = /<span class="lang">[^<]*<\/span>|<label [^]*?<\/label>/gu;

/** The HTML that goes into the index. */
const render: Options['_render'] = (source, env, md) => {
  // The home page says again what others say.
  if (env.relativePath === 'index.md') return '';
  const html = md.render(source, env).replaceAll(LABELS, '');
  if (!env.relativePath.startsWith('reference/')) return html;
  // A name is found as a whole, not its "Returns", and where it is declared rather than where it is inherited.
  return html
    .split(/(?=<h[1-3] )/u)
    .filter((section) => !/^<p>Inherited from /mu.test(section))
    .join('')
    .replaceAll(/<\/?h[4-6][^>]*>/gu, '');
};

/** Asked questions consist of these words for the most part, and each of them would be found on every page. */
function processTerm(term: string): string | null {
  const word = term.toLowerCase();
  const isFiller =
    /^(?:an?|and|are|as|at|be|by|can|do|does|for|from|how|i|if|in|is|it|its|my|not|of|on|or|that|the|to|was|what|when|where|which|why|will|with|you|your)$/u;
  return isFiller.test(word) ? null : word;
}

/** Pages that explain come first, then those that list what they mention; the reference is for those who type a name. */
function boostDocument(id: string): number {
  if (id.includes('/reference/')) return id.includes('/SessionLogs.html') ? 0.4 : 0.25;
  return /\/(?:recipes-\w+|set-ups|diagnose|performance|comparison|examples|upgrade)\.html/u.test(id) ? 0.7 : 1;
}

// The functions of `miniSearch` are written into the page as they stand: they can use nothing of this file.
export const search: { provider: 'local'; options: Options } = {
  provider: 'local',
  options: {
    _render: render,
    miniSearch: {
      options: { processTerm },
      searchOptions: {
        boostDocument,
        fuzzy: (term) => (term.length > 4 ? 0.2 : false),
        prefix: (term) => term.length > 2,
      },
    },
  },
};
