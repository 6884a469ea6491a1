/**
 * Takes the pictures of the page that the documents show: light, dark, and on a narrow screen, with the sessions of the demo.
 *
 *     npm run viewer:pictures [-- DIRECTORY]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { takePictures } from './take-pictures.ts';

const directory = process.argv[2] ?? fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
mkdirSync(directory, { recursive: true });
for (const { name, png } of await takePictures()) {
  writeFileSync(join(directory, name), png);
  console.log(`${name}  ${Math.round(png.length / 1024)} KiB`);
}
