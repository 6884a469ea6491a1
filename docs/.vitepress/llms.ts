import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { SiteConfig } from 'vitepress';

import { sections, sentencesOf, titleOf } from './pages.ts';

/**
 * `llms.txt`, which lists the pages as https://llmstxt.org says, `llms-full.txt`, which has them, and the Markdown of
 * each page beside its HTML.
 */
export async function writeForModels({ pages, srcDir, outDir, site }: SiteConfig): Promise<void> {
  for (const page of pages) {
    await mkdir(dirname(join(outDir, page)), { recursive: true });
    await copyFile(join(srcDir, page), join(outDir, page));
  }
  const line = (page: string): string =>
    [`- [${titleOf(page)}](${site.base}${page}.md)`, ...sentencesOf(page).slice(0, 1)].join(': ');
  const reference = pages
    .filter((page) => /^reference\/.*index\.md$/u.test(page))
    .map((page) => page.slice(0, -'index.md'.length))
    .toSorted()
    .map((folder) => `${folder}index`);
  const guide = sections().map(({ title, rows }) => ({
    title,
    listed: rows.flat().filter((page) => !page.startsWith('reference/')),
  }));
  const head = `# ${site.title}\n\n> ${site.description}\n`;
  const lists = [...guide, { title: 'Reference', listed: reference }].map(
    ({ title, listed }) => `## ${title}\n\n${listed.map((page) => `${line(page)}\n`).join('')}`,
  );
  const whole = `All pages in one file: [llms-full.txt](${site.base}llms-full.txt)\n`;
  await writeFile(join(outDir, 'llms.txt'), [head, whole, ...lists].join('\n'));
  const texts = await Promise.all(
    [...guide.flatMap(({ listed }) => listed), ...reference].map((page) =>
      readFile(join(srcDir, `${page}.md`), 'utf8'),
    ),
  );
  await writeFile(join(outDir, 'llms-full.txt'), [head, ...texts].join('\n---\n\n'));
}
