import { defineConfig } from 'vite';
import type { UserConfig } from 'vite';

/** Builds the page beside the server. Its addresses are relative: it may be mounted anywhere. */
const config: UserConfig = defineConfig({
  root: new URL('page/', import.meta.url).pathname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: '../dist/page', emptyOutDir: true, modulePreload: { polyfill: false }, target: 'es2022' },
});

export default config;
