import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const page = new URL('../../docs/chat.md', import.meta.url);
const examples = new URL('../../examples/', import.meta.url);

/** The file of an example: of the first that has it. */
function exampleFile(name: string): string {
  const folder = ['chat-hono/', 'chat-next/'].find((each) => existsSync(new URL(`${each}${name}`, examples)));
  if (folder === undefined) throw new Error(`docs/chat.md shows ${name}, which no example has`);
  return readFileSync(new URL(`${folder}${name}`, examples), 'utf8');
}

// `npx vitest run chat-page -u` takes them over into the page.
it('the page `docs/chat.md` shows the files of the examples as they are', async () => {
  const shown = readFileSync(page, 'utf8').replaceAll(
    /^```(tsx?)\n\/\/ (\S+)\n[^]*?^```$/gmu,
    (_, language: string, name: string) => `\`\`\`${language}\n// ${name}\n${exampleFile(name)}\`\`\``,
  );
  expect(shown.match(/^```tsx?$/gmu)).toHaveLength(14);
  await expect(shown).toMatchFileSnapshot(fileURLToPath(page));
});
