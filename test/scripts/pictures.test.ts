import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { demoVersion } from '../../scripts/pictures/demo.ts';
import { diagrams } from '../../scripts/pictures/diagrams.ts';
import { numberIn, sourceOf } from '../../scripts/pictures/source.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PICTURES = `${ROOT}docs/pictures/`;
const textOf = (name: string): string => readFileSync(`${PICTURES}${name}`, 'utf8');

describe('the pictures of the documents (`npm run docs:pictures` makes them anew)', () => {
  it('the diagrams are what the source makes of them now', async () => {
    for (const [name, svg] of await diagrams()) expect(textOf(name) === svg, `${name} is stale`).toBe(true);
  });

  it('the pictures of the demo are of the demo as it is', () => {
    for (const scheme of ['light', 'dark']) {
      const svg = textOf(`demo-${scheme}.svg`);
      expect(svg).toContain(`made from ${demoVersion()}<`);
      expect(svg.match(/\u00a0equal</g)).toHaveLength(4);
    }
  });

  it('what a diagram says of the source is looked up there', () => {
    expect(sourceOf('write/writer.ts', 'class SessionWriter')).toBe('write/writer.ts');
    expect(() => sourceOf('write/writer.ts', 'class Scribe')).toThrow('src/write/writer.ts has no `class Scribe`');
    expect(() => sourceOf('write/scribe.ts')).toThrow('ENOENT');
    expect(numberIn('export/spool/segment.ts', 'MAX_SEGMENT_BYTES')).toBe(8 * 1024 * 1024);
    expect(() => numberIn('export/spool/segment.ts', 'MIN_SEGMENT_BYTES')).toThrow('gives no number');
  });

  it('each picture is shown in both schemes, and each that is shown is there', () => {
    const pages = ['README.md', 'ARCHITECTURE.md', ...readdirSync(`${ROOT}docs`).map((name) => `docs/${name}`)]
      .filter((name) => name.endsWith('.md'))
      .map((name) => readFileSync(`${ROOT}${name}`, 'utf8'));
    const shown = pages.flatMap((page) => [...page.matchAll(/pictures\/([\w-]+\.svg)/gu)].map(([, name]) => name));
    const made = readdirSync(PICTURES).filter((name) => name.endsWith('.svg'));
    expect(new Set(shown)).toEqual(new Set(made));
    for (const name of made)
      expect(made).toContain(name.replace(/light|dark/u, (now) => (now === 'dark' ? 'light' : 'dark')));
  });

  it('no picture loads or runs anything', () => {
    for (const name of readdirSync(PICTURES).filter((each) => each.endsWith('.svg'))) {
      expect(textOf(name)).not.toMatch(/<script|<style|<image|href=|url\(|\son\w+=/u);
    }
  });
});
