import type { BlockChange } from '../../../src/serve/protocol.ts';
import type { OlderBlocks } from '../blocks.ts';
import { conversationJson, conversationMarkdown } from '../details/copy.ts';
import type { CopyForm } from '../details/copy-menu.tsx';
import { MAX_WRITES, recordsIn, testFixture } from '../details/fixture.ts';
import type { OtlpRecord } from '../details/fixture.ts';

/** Most blocks of a copy, and about the most characters. The export has all. */
const MAX_COPIED = 20_000;
const MAX_COPIED_CHARS = 16 * 1024 * 1024;
const BLOCKS_PER_REQUEST = 1_000;
/** The most characters of each text: as many as the viewer keeps. */
const CHARS_PER_TEXT = 1_048_576;

/** The forms in which a session can be copied, with all that the viewer holds of it, whatever the filters of the page. */
export function sessionCopies(session: string, entries: () => number): readonly CopyForm[] {
  const name = session.slice(2);
  return [
    { name: 'Copy as Markdown', text: async () => conversationMarkdown(name, await newestBlocks(session)) },
    { name: 'Copy as JSON', text: async () => conversationJson(name, await newestBlocks(session)) },
    { name: 'Copy as test fixture', text: async () => testFixture(name, await firstRecords(session), entries()) },
  ];
}

/** All blocks that the viewer holds of the session, or the newest ones if there are very many. */
async function newestBlocks(session: string): Promise<OlderBlocks> {
  const groups: (readonly BlockChange[])[] = [];
  let [before, count, chars, hasOlder] = ['', 0, 0, true];
  while (hasOlder && count < MAX_COPIED && chars < MAX_COPIED_CHARS) {
    const query = new URLSearchParams({ session, before, limit: String(BLOCKS_PER_REQUEST) });
    query.set('chars', String(CHARS_PER_TEXT));
    const response = await asked(`./api/blocks?${query.toString()}`);
    const answer = (await response.json()) as OlderBlocks;
    groups.unshift(answer.blocks);
    count += answer.blocks.length;
    for (const { parts } of answer.blocks) chars += parts.reduce((sum, { text }) => sum + text.length, 0);
    before = String(answer.blocks[0]?.id ?? 0);
    hasOlder = answer.hasOlder;
  }
  return { blocks: groups.flat(), hasOlder };
}

/** The first records of the export, as many as a fixture takes. The rest is not read. */
async function firstRecords(session: string): Promise<OtlpRecord[]> {
  const response = await asked(`./api/export?${new URLSearchParams({ session }).toString()}`);
  const records: OtlpRecord[] = [];
  let rest = '';
  for await (const text of (response.body ?? new ReadableStream<never>()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    records.push(...lines.flatMap(recordsIn));
    if (records.length >= MAX_WRITES) break;
  }
  return records;
}

async function asked(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response;
}
