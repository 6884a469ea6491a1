import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { SiteConfig } from 'vitepress';

import { leadOf, listedPages, titleOf } from './pages.ts';

/** `llms.txt`, which lists the pages, `llms-full.txt`, which has them, and the Markdown of each page beside its HTML. */
export async function writeForModels({ pages, srcDir, outDir, site }: SiteConfig): Promise<void> {
  for (const page of pages) {
    await mkdir(dirname(join(outDir, page)), { recursive: true });
    await copyFile(join(srcDir, page), join(outDir, page));
  }
  const listed = listedPages().flat();
  const lines = listed.map((page) => {
    const lead = leadOf(page);
    return `- [${titleOf(page)}](${site.base}${page}.md)${lead === '' ? '' : `: ${lead}`}`;
  });
  const head = `# ${site.title}\n\n> ${site.description}\n`;
  await writeFile(join(outDir, 'llms.txt'), `${head}\n${lines.join('\n')}\n`);
  const texts = await Promise.all(listed.map((page) => readFile(join(srcDir, `${page}.md`), 'utf8')));
  await writeFile(join(outDir, 'llms-full.txt'), [head, ...texts].join('\n---\n\n'));
}
