/**
 * Makes the pictures of the documents, in `docs/pictures`: none is drawn by hand, so that they stay true.
 *
 *   npm run docs:pictures                all of them
 *   npm run docs:pictures -- diagrams    the diagrams alone, which need no terminal and no browser
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { demoPictures } from './pictures/demo.ts';
import { diagrams } from './pictures/diagrams.ts';

const ROOT = join(import.meta.dirname, '..');
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

function write(pictures: ReadonlyMap<string, string>): void {
  mkdirSync(join(ROOT, 'docs/pictures'), { recursive: true });
  for (const [name, svg] of pictures) {
    writeFileSync(join(ROOT, 'docs/pictures', name), svg);
    console.log(`docs/pictures/${name}`);
  }
}

/** Those of the viewer are screenshots, which a script of its workspace makes. */
function makeViewerPictures(): void {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  if (scripts['viewer:pictures'] === undefined) return;
  if (!existsSync(CHROMIUM)) return console.warn(`no pictures of the viewer: no Chromium at ${CHROMIUM}`);
  const { status } = spawnSync('npm', ['run', 'viewer:pictures'], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

write(await diagrams());
if (process.argv[2] !== 'diagrams') {
  if (existsSync('/usr/bin/script')) write(await demoPictures());
  else console.warn('no pictures of the demo: no `script` of util-linux');
  makeViewerPictures();
}
