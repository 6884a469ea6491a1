import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { takePictures } from '../scripts/take-pictures.ts';

const DIRECTORY = fileURLToPath(new URL('../../test/artifacts/viewer/', import.meta.url));
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const hasChromium = existsSync(CHROMIUM);

describe.skipIf(!hasChromium)(`the pictures${hasChromium ? '' : `: there is no Chromium at ${CHROMIUM}`}`, () => {
  it('are taken light, dark and narrow, small enough for the documents, and kept beside the results', async () => {
    mkdirSync(DIRECTORY, { recursive: true });
    const pictures = await takePictures();
    for (const { name, png } of pictures) {
      writeFileSync(join(DIRECTORY, name), png);
      expect(png.length).toBeLessThan(150_000);
    }
    expect(pictures.map(({ name }) => name)).toEqual([
      'viewer-light.png',
      'viewer-dark.png',
      'viewer-narrow.png',
      'viewer-narrow-dark.png',
    ]);
  });
});
