import { defineConfig } from 'vitepress';
import type { DefaultTheme, UserConfig } from 'vitepress';

import { writeForModels } from './llms.ts';
import { readAsOnGitHub, slugOf } from './markdown.ts';
import { sidebar } from './pages.ts';

/** `npm run docs` builds the site from these pages and what is on this machine; the site asks nothing of another one. */
const config: UserConfig<DefaultTheme.Config> = defineConfig({
  title: 'otel-session-logs',
  description: 'OpenTelemetry session logs for Node: read each session live, resume it, and know what was exported.',
  // Where the site is served, if not at the root of its host.
  base: process.env['DOCS_SITE_BASE'] ?? '/',
  lang: 'en',
  ignoreDeadLinks: false,
  lastUpdated: false,
  srcExclude: ['**/node_modules/**', 'data/**', 'pictures/**'],
  markdown: { anchor: { slugify: slugOf }, headers: { slugify: slugOf, level: [2, 3] }, config: readAsOnGitHub },
  buildEnd: writeForModels,
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Reference', link: '/reference/' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local' },
    docFooter: { prev: 'Before', next: 'Next' },
  },
});

export default config;
