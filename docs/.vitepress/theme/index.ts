/// <reference types="vitepress/client" />
import { Content, withBase } from 'vitepress';
import type { Theme } from 'vitepress';
// The theme in the fonts of the reader's machine: the site asks nothing of another host.
import DefaultTheme, { VPHomeContent, VPHomeFeatures, VPHomeHero } from 'vitepress/theme-without-fonts';
import { h } from 'vue';
import type { FunctionalComponent, VNode } from 'vue';

import dark from '../../pictures/data-flow-dark.svg';
import light from '../../pictures/data-flow-light.svg';
import './site.css';

const PICTURE =
  'A record goes from your application to the session log, and from there to readers, the daily file and the collector';

const heroPicture = (): VNode[] => [
  h('img', { class: 'light-only', src: light, alt: PICTURE }),
  h('img', { class: 'dark-only', src: dark, alt: PICTURE }),
];

/** The theme's own layouts of this page and the next have no main landmark. */
const HomePage: FunctionalComponent = () =>
  h('main', { class: 'HomePage' }, [
    h(VPHomeHero, null, { 'home-hero-image': heroPicture }),
    h(VPHomeFeatures),
    h(VPHomeContent, () => h(Content)),
  ]);

const NotFoundPage: FunctionalComponent = () =>
  h('main', { class: 'NotFoundPage vp-doc' }, [
    h('h1', 'This page does not exist'),
    h('p', ['Search for it, or go to the ', h('a', { href: withBase('/') }, 'home page'), '.']),
  ]);

const theme: Theme = {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'not-found': () => h(NotFoundPage), 'home-hero-image': heroPicture }),
  enhanceApp: ({ app }) => {
    app.component('HomePage', HomePage);
  },
};

export default theme;
