import { expect, it } from 'vitest';

import { seeded } from '../../test/support/properties.ts';
import type { DevServer } from '../src/dev/dev-server.ts';
import { postLogs } from '../test/support/dev-server.ts';
import { describePage } from './support/chromium.ts';

const SESSIONS = 200;
const WORDS = 30;
const WORDS_PER_REQUEST = 100;

/** The text of a session, which no other one has. */
function textOf(session: number): string {
  return Array.from({ length: WORDS }, (_, word) => wordOf(session, word))
    .join('')
    .trim();
}

function wordOf(session: number, word: number): string {
  return `word-${session}-${word} `;
}

function record(session: number, fields: object): object {
  return { ...fields, attributes: [{ key: 'session.id', value: { stringValue: `session-${session}` } }] };
}

/** All sessions write at once: the seed decides whose word comes next. */
async function writeAll(server: DevServer): Promise<void> {
  const random = seeded(7);
  const open = Array.from({ length: SESSIONS }, (_, session) => ({ session, word: 0 }));
  let records = open.map(({ session }) => record(session, { eventName: 'session_logs.stream_start' }));
  while (open.length > 0) {
    const at = Math.floor(random() * open.length);
    const writer = open[at];
    if (writer === undefined) break;
    records.push(record(writer.session, { body: { stringValue: wordOf(writer.session, writer.word) } }));
    writer.word += 1;
    if (writer.word === WORDS) {
      records.push(record(writer.session, { eventName: 'session_logs.stream_end' }));
      open.splice(at, 1);
    }
    if (records.length < WORDS_PER_REQUEST && open.length > 0) continue;
    const request = { resourceLogs: [{ scopeLogs: [{ logRecords: records }] }] };
    expect((await postLogs(server, JSON.stringify(request))).status).toBe(200);
    records = [];
  }
}

describePage(`${SESSIONS} sessions that are written at once`, (open) => {
  it('are all on the page with every word, those that it follows and those that are opened later', async () => {
    const followed = [0, 50, 100, 199].map((session) => `s:session-${session}`);
    const [first = '', ...pins] = followed;
    const view = new URLSearchParams([
      ['follow', first],
      ['sort', 'oldest'],
      ...pins.map((pin): [string, string] => ['pin', pin]),
    ]);
    const { server, page, complaints } = await open({
      view: `#${view.toString()}`,
      context: { viewport: { width: 1_600, height: 900 } },
    });
    await writeAll(server);
    for (const key of followed) await page.getByText(textOf(Number(key.split('-')[1])), { exact: true }).waitFor();
    await page.getByText(`${SESSIONS} sessions`).first().waitFor();
    for (let session = 0; session < SESSIONS; session += 1) {
      await page.evaluate(`location.hash = 'follow=s:session-${session}&sort=oldest'`);
      await page.getByText(textOf(session), { exact: true }).waitFor();
    }
    expect(complaints).toEqual([]);
  });
});
