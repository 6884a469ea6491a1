import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { patternRedaction } from '../../src/redact/pattern-redaction.ts';
import { startSessionLogs } from '../../src/start/start-session-logs.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { runs } from '../support/properties.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { LOGTAPE, OWN } from './patterns.ts';

/** What no byte that leaves the process may show: each has a part that stands nowhere else. */
const SECRETS: readonly (readonly [secret: string, tell: string])[] = [
  ['qzada@example.com', 'qzada'],
  ['qz.lovelace@mail.example', 'lovelace'],
  ['4111 1111 1111 1111', '1111 1111'],
  ['378282246310005', '2246310'],
  ['123-45-6789', '45-6789'],
  ['900101-1234567', '101-1234'],
  ['eyJhbGciOi.eyJzdWIi.qzc2ln-_', 'qzc2ln'],
  ['sk-qzabcdefgh12345678', 'qzabcdefgh'],
  ['AKIAQZX123', 'QZX'],
  ['DE89 3704 0044 0532', '3704 0044'],
  ['10.209.77.31', '209.77'],
  ['password: qzhunter22', 'hunter22'],
  ['qzroot:qztoor5@host', 'toor5'],
];
const TELLS = SECRETS.map(([, tell]) => tell);
const FILLERS = ['the', 'quick 😀', 'ß', '\ud83d', 'eyJ', 'sk-', 'tok', '12', 'a@b', '(see', 'DE89', 'x'.repeat(70)];
const MARKS = ['<think>', '</think>', '<tool>', '</tool>'] as const;

interface Answer {
  readonly session: number;
  /** Text, cut into pieces of this size, or a mark. */
  readonly parts: readonly { readonly text: string; readonly size: number; readonly mark: string | undefined }[];
}

const answers: fc.Arbitrary<readonly Answer[]> = fc.array(
  fc.record({
    session: fc.nat(3),
    parts: fc.array(
      fc.record({
        text: fc
          .array(fc.constantFrom(...FILLERS, ...SECRETS.map(([secret]) => secret)), { minLength: 1, maxLength: 6 })
          // A pattern may take digits of what stands beside a secret, and break the next one.
          .map((words) => ` and ${words.join(' and ')} and `),
        size: fc.integer({ min: 1, max: 20 }),
        mark: fc.option(fc.constantFrom(...MARKS), { nil: undefined, freq: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  { minLength: 20, maxLength: 20 },
);

function bytesBelow(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

const found = (text: string): string[] => TELLS.filter((tell) => text.includes(tell));

describe('secrets that are spread over the chunks of answers', () => {
  it.each([
    ['a record per answer', true],
    ['a record per chunk', false],
  ])(
    'are in no session, event stream, file, spool or request, and their answers are the redaction of the whole: %s',
    async (_, coalesce) => {
      const redact = patternRedaction([...LOGTAPE, ...OWN]);
      await fc.assert(
        fc.asyncProperty(answers, async (given) => {
          const [directory, spool] = [temporaryDirectory(), temporaryDirectory()];
          const receiver = await startOtlpReceiver();
          let spooled = '';
          receiver.answer(() => {
            // What a request carries is in the spool until it is answered.
            spooled += bytesBelow(spool);
            return 'ok';
          });
          const sessions = await startSessionLogs({
            directory,
            console: false,
            endpoint: receiver.logsUrl,
            spool: { directory: spool },
            coalesce,
            redact,
          });
          const expected = ['', '', '', ''];
          for (const { session, parts } of given) {
            const id = `s${session}`;
            await sessions.logChunkToQueue('<start>', id);
            // Chunks without a mark between them are one text.
            let open = '';
            for (const { text, size, mark } of parts) {
              open += text;
              for (let at = 0; at < text.length; at += size) {
                await sessions.logChunkToQueue(text.slice(at, at + size), id, { kind: 'text' });
              }
              if (mark === undefined) continue;
              await sessions.logChunkToQueue(mark, id);
              expected[session] += redact.text(open);
              open = '';
            }
            await sessions.logChunkToQueue('</end>', id);
            expected[session] += redact.text(open);
          }
          const textOf = (id: string): string =>
            sessions
              .getAllLogsInQueue({ sessionId: id })
              .filter(({ kind }) => kind === 'text')
              .map(({ message }) => message)
              .join('');
          const streams: string[] = [];
          for (const [session, text] of expected.entries()) {
            const id = `s${session}`;
            expect(textOf(id)).toBe(text);
            const options = { from: 'start', until: 'caught-up', wait: false } as const;
            streams.push(await (await sessions.toEventStreamResponse(id, options)).text());
          }
          await sessions.shutdown();
          const written = bytesBelow(directory);
          const bodies = receiver.records().map(({ body }) => String(body));
          await receiver.close();
          expect(found(streams.join('\n'))).toEqual([]);
          expect(found(written)).toEqual([]);
          expect(spooled.length).toBeGreaterThan(100);
          expect(found(spooled)).toEqual([]);
          expect(found(bodies.join('\n'))).toEqual([]);
          expect(found(bodies.join(''))).toEqual([]);
        }),
        runs(5),
      );
    },
    120_000,
  );
});
