import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { LogEntry } from '../../src/entry/entry.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';
import { patternRedaction } from '../../src/redact/pattern-redaction.ts';
import type { RedactionPattern } from '../../src/redact/pattern-redaction.ts';
import { startSessionLogs } from '../../src/start/start-session-logs.ts';
import { LOGTAPE, OWN, PARTS } from '../redact/patterns.ts';
import { builtSource } from '../support/built-source.ts';
import { runs } from '../support/properties.ts';
import { ScriptedExporter } from '../support/scripted-exporter.ts';
import { processorThat, sdkLines } from '../support/sdk-lines.ts';
import type { Provider, SdkLine } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SSN: RedactionPattern = { pattern: /(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)/, replacement: 'XXX' };
const KEY: RedactionPattern = { pattern: /sk-[a-z0-9]{8,}/, replacement: '[KEY]' };

let running: SessionLogs[] = [];

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(running.map((each) => each.shutdown()));
  running = [];
});

function keep(sessions: SessionLogs): SessionLogs {
  running.push(sessions);
  return sessions;
}

/** In a provider of the line, or without one, beside what an exporter behind gets. */
function start(line: SdkLine | undefined, patterns: readonly RedactionPattern[], options: object = {}) {
  const redact = patternRedaction(patterns, options);
  const heard: string[] = [];
  const streamHandler = (text: string): void => void heard.push(text);
  if (line === undefined) {
    return { sessions: keep(new SessionLogs({ redact, streamHandler })), heard, exported: undefined };
  }
  const exporter = new line.sdk.InMemoryLogRecordExporter();
  let provider: InstanceType<SdkLine['sdk']['LoggerProvider']> | undefined;
  const sessions = keep(new SessionLogs({ redact, streamHandler, loggerProvider: () => provider }));
  provider = new line.sdk.LoggerProvider({
    processors: [sessions.processor, new line.sdk.SimpleLogRecordProcessor({ exporter })],
  });
  return { sessions, heard, exported: () => exporter.getFinishedLogRecords() };
}

const held = (sessions: SessionLogs, sessionId = 's'): LogEntry[] => sessions.getAllLogsInQueue({ sessionId });
const texts = (entries: readonly LogEntry[]): string[] => entries.map(({ message }) => message);

type Step =
  | { readonly kind: 'text'; readonly pieces: readonly string[] }
  | { readonly kind: 'mark'; readonly token: string };

/** Texts cut anywhere, between marks, in one of two answers side by side. */
const steps = fc.array(
  fc.record({
    streamId: fc.constantFrom('a', 'b'),
    step: fc.oneof(
      fc
        .tuple(fc.array(fc.constantFrom(...PARTS), { maxLength: 8 }), fc.integer({ min: 1, max: 6 }))
        .map(([parts, size]): Step => {
          const text = parts.join('');
          return {
            kind: 'text',
            pieces: Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
              text.slice(n * size, (n + 1) * size),
            ),
          };
        }),
      fc
        .constantFrom('<think>', '</think>', '<tool>', '</tool>', '</end>', '<start>')
        .map((token): Step => ({ kind: 'mark', token })),
    ),
  }),
  { maxLength: 8 },
);

const ways: readonly (readonly [string, SdkLine | undefined])[] = [['no provider', undefined], ...sdkLines];

describe.each(ways)('the text of an answer with %s', (_, line) => {
  it.each([
    ['those of @logtape/redaction', LOGTAPE],
    ['ten others', OWN],
  ])(
    'is redacted as one text between marks, for session, event stream, exporter and stream handler alike: %s',
    async (__, patterns) => {
      const redaction = patternRedaction(patterns);
      await fc.assert(
        fc.asyncProperty(steps, async (given) => {
          const { sessions, heard, exported } = start(line, patterns);
          const expected: Record<string, string[]> = { a: [], b: [] };
          const open: Record<string, string> = { a: '', b: '' };
          const divide = (id: string): void => {
            if (open[id] !== '') expected[id]?.push(redaction.text(open[id] as string));
            open[id] = '';
          };
          for (const { streamId, step } of given) {
            if (step.kind === 'mark') {
              divide(streamId);
              expected[streamId]?.push(step.token);
              await sessions.logChunkToQueue(step.token, 's', { streamId });
              continue;
            }
            for (const piece of step.pieces) {
              open[streamId] += piece;
              await sessions.logChunkToQueue(piece, 's', { streamId, kind: 'text' });
            }
          }
          divide('a');
          divide('b');
          sessions.endSession('s');
          for (const id of ['a', 'b']) {
            const ofAnswer = held(sessions).filter((entry) => entry.streamId === id);
            expect(joined(ofAnswer.map(({ kind, message }) => [kind === 'text', message]))).toEqual(expected[id]);
            if (exported === undefined) continue;
            const records = exported().filter(({ attributes }) => attributes['session_logs.stream_id'] === id);
            expect(joined(records.map(({ eventName, body }) => [eventName === undefined, body as string]))).toEqual(
              expected[id],
            );
          }
          expect(heard.join('')).toBe(texts(held(sessions)).join(''));
          await sessions.shutdown();
        }),
        runs(40),
      );
    },
  );
});

/** Texts that follow on each other as one, marks as they are. */
function joined(parts: readonly (readonly [isText: boolean, text: string])[]): string[] {
  const all: { isText: boolean; text: string }[] = [];
  for (const [isText, text] of parts) {
    const last = all.at(-1);
    if (isText && last?.isText === true) last.text += text;
    else all.push({ isText, text });
  }
  return all.map(({ text }) => text).filter((text) => text !== '');
}

describe('what is held back of an answer', () => {
  it('is nothing while no pattern has begun, and goes out with the chunk that decides it', async () => {
    const { sessions } = start(undefined, [SSN]);
    for (const chunk of ['<start>', 'Hello', ', ', 'call 12', '3', ' now', ' 123-', '45-6789']) {
      await sessions.logChunkToQueue(chunk, 's');
    }
    expect(texts(held(sessions))).toEqual(['<start>', 'Hello', ', ', 'call ', '123 now', ' ']);
    await sessions.logChunkToQueue('!', 's');
    expect(texts(held(sessions)).slice(6)).toEqual(['XXX!']);
  });

  it.each([
    ['a mark', (sessions: SessionLogs) => sessions.logChunkToQueue('<tool>', 's'), ['<tool>']],
    ['the end of the answer', (sessions: SessionLogs) => sessions.logChunkToQueue('</end>', 's'), ['</end>']],
    ['an error', (sessions: SessionLogs) => sessions.logChunkToQueue('lost', 's', { kind: 'error' }), ['lost']],
    ['the end of the session', (sessions: SessionLogs) => sessions.endSession('s'), []],
    ['shutdown', (sessions: SessionLogs) => void sessions.shutdown(), []],
  ])('goes out with %s, before it', async (_, act, after) => {
    const { sessions } = start(undefined, [SSN]);
    await sessions.logChunkToQueue('<start>', 's');
    await sessions.logChunkToQueue('12', 's', { attributes: { model: 'm' } });
    expect(texts(held(sessions))).toEqual(['<start>']);
    await act(sessions);
    expect(texts(held(sessions))).toEqual(['<start>', '12', ...after]);
    expect(held(sessions)[1]?.attributes).toEqual({ model: 'm' });
  });

  it('is not released by `forceFlush` or by time within an answer', async () => {
    vi.useFakeTimers();
    const { sessions } = start(undefined, [SSN]);
    await sessions.logChunkToQueue('<start>', 's');
    await sessions.logChunkToQueue('123-45', 's');
    await sessions.forceFlush();
    vi.advanceTimersByTime(600_000);
    expect(texts(held(sessions))).toEqual(['<start>']);
    await sessions.logChunkToQueue('-6789', 's');
    await sessions.logChunkToQueue('</end>', 's');
    expect(texts(held(sessions))).toEqual(['<start>', 'XXX', '</end>']);
  });

  it('goes out when nothing came for `holdMillis` outside of an answer, and only then', async () => {
    vi.useFakeTimers();
    const { sessions } = start(undefined, [SSN], { holdMillis: 400 });
    await sessions.logChunkToQueue('is 123', 's');
    vi.advanceTimersByTime(300);
    await sessions.logChunkToQueue('-45', 's');
    vi.advanceTimersByTime(300);
    expect(texts(held(sessions))).toEqual(['is ']);
    await sessions.logChunkToQueue('-67', 's');
    vi.advanceTimersByTime(520);
    expect(texts(held(sessions))).toEqual(['is ', '123-45-67']);
    await sessions.logChunkToQueue('89', 's');
    vi.advanceTimersByTime(520);
    expect(texts(held(sessions))).toEqual(['is ', '123-45-67', '89']);
    expect(vi.getTimerCount()).toBeLessThan(4);
  });

  it('is gone with its session when that is deleted', async () => {
    const { sessions } = start(undefined, [SSN]);
    await sessions.logChunkToQueue('123-45', 's');
    sessions.deleteSession('s');
    await sessions.logChunkToQueue('-6789 ', 's');
    expect(texts(held(sessions))).toEqual(['-6789 ']);
  });

  it('keeps the attributes of the chunks that it was held back of', async () => {
    const { sessions } = start(undefined, [SSN]);
    await sessions.logChunkToQueue('123', 's', { attributes: { a: 1, user: '123-45-6789' } });
    await sessions.logChunkToQueue('-45-6789.', 's', { attributes: { b: 2 } });
    expect(held(sessions)).toMatchObject([{ message: 'XXX.', attributes: { a: 1, b: 2, user: 'XXX' } }]);
  });

  it('keeps the time of the chunk that it was held back of', async () => {
    const { sessions } = start(undefined, [SSN]);
    await sessions.logChunkToQueue('123', 's', { timestamp: '2020-01-01T00:00:00.000Z' });
    sessions.endSession('s');
    expect(held(sessions)).toMatchObject([{ message: '123', timestamp: '2020-01-01T00:00:00.000Z' }]);
  });

  it.each(['the answer', 'the session'])(
    'is not lost when a processor logs more of it at the end of %s',
    async (end) => {
      for (const [, line] of sdkLines) {
        let provider: Provider | undefined;
        const sessions = keep(new SessionLogs({ redact: patternRedaction([KEY]), loggerProvider: () => provider }));
        const onEmit = ({ body }: { readonly body?: unknown }): void => {
          if (body === 'sk-') void sessions.logChunkToQueue('sk-more', 's');
        };
        const processors = [processorThat(onEmit), sessions.processor as never];
        provider = new line.sdk.LoggerProvider({ processors });
        const answer = sessions.session('s');
        await answer.mark('stream-start');
        await answer.write('sk-');
        if (end === 'the answer') await answer.mark('stream-end');
        else answer.end();
        sessions.endSession('s');
        expect(texts(held(sessions)).filter((text) => text.startsWith('sk'))).toEqual(['sk-', 'sk-more']);
      }
    },
  );

  it('stays whole when a replacement logs into the same session', async () => {
    const sessions: SessionLogs = keep(
      new SessionLogs({
        redact: patternRedaction([
          {
            pattern: KEY.pattern,
            replacement: () => {
              void sessions.logChunkToQueue('found a key; ', 's');
              sessions.withSession('s', () => sessions.logger.info('found a key'));
              return '[KEY]';
            },
          },
        ]),
      }),
    );
    await sessions.logChunkToQueue('is sk-abcd', 's');
    await sessions.logChunkToQueue('efghij, ', 's');
    await sessions.logChunkToQueue('sk-abcdefgh too', 's');
    const found = ['found a key; ', 'found a key'];
    expect(texts(held(sessions))).toEqual(['is ', ...found, '[KEY], ', ...found, '[KEY] too']);
    expect(sessions.stats().lost).toEqual({});
  });

  it('is redacted also when a replacement fails, and reaches nobody', async () => {
    for (const line of [undefined, ...sdkLines.map(([, each]) => each)]) {
      const replacement = (): string => {
        throw new Error('no');
      };
      const { sessions, heard } = start(line, [{ pattern: KEY.pattern, replacement }]);
      await sessions.logChunkToQueue('is sk-abcd', 's');
      await sessions.logChunkToQueue('efghij. ', 's');
      await sessions.logChunkToQueue('more', 's');
      expect(texts(held(sessions))).toEqual(['is ', '. ', 'more']);
      expect(heard).toEqual(['is ', '. ', 'more']);
    }
  });

  it('leaves `pop` its last word', async () => {
    const { sessions } = start(undefined, [{ pattern: /<\/think>!/, replacement: '*' }]);
    await sessions.logChunkToQueue('thought</think>', 's');
    expect(held(sessions)).toMatchObject([{ message: 'thought</think>' }]);
    const popped: string[] = [];
    for await (const chunk of sessions.pop('s')) popped.push(chunk);
    expect(popped).toEqual(['thought</think>']);
  });

  it('is refused for a wrong option before anything of it is taken', async () => {
    const { sessions } = start(undefined, [SSN]);
    await sessions.logChunkToQueue('123-', 's');
    expect(() => sessions.logChunkToQueue('4', 's', { streamId: '' })).toThrow('streamId');
    await sessions.logChunkToQueue('45-6789.', 's');
    expect(texts(held(sessions))).toEqual(['XXX.']);
  });

  it('is bounded in sessions: those that began first end', async () => {
    const { sessions } = start(undefined, [SSN]);
    for (let n = 0; n < 10_001; n += 1) await sessions.logChunkToQueue('1', `s${n}`);
    expect(texts(held(sessions, 's0'))).toEqual(['1']);
    expect(texts(held(sessions, 's1'))).toEqual([]);
  });
});

describe('an answer with a stream id', () => {
  it.each(['deleteSession', 'endSession'] as const)('over %s goes on to its end, never by time', async (how) => {
    vi.useFakeTimers();
    const { sessions } = start(undefined, [KEY], { holdMillis: 100 });
    const streamId = 'a';
    await sessions.logChunkToQueue('<start>', 's', { streamId });
    await sessions.logChunkToQueue('gone sk-', 's', { streamId });
    sessions[how]('s');
    await sessions.logChunkToQueue('then sk-abcd', 's', { streamId });
    await vi.advanceTimersByTimeAsync(10_000);
    await sessions.logChunkToQueue('efgh12', 's', { streamId });
    await sessions.logChunkToQueue('</end>', 's', { streamId });
    const before = how === 'endSession' ? ['<start>', 'gone ', 'sk-'] : [];
    expect(texts(held(sessions))).toEqual([...before, 'then ', '[KEY]', '</end>']);
  });

  it('is redacted as one text as a log too', async () => {
    const { sessions } = start(undefined, [KEY]);
    const options = { streamId: 'a', logType: 'log' } as const;
    for (const piece of ['the sk-ab', 'cdefgh12', ' is it']) await sessions.logChunkToQueue(piece, 's', options);
    sessions.endSession('s');
    expect(texts(held(sessions)).join('')).toBe('the [KEY] is it');
    expect(new Set(held(sessions).map(({ logType, streamId }) => `${logType} ${streamId}`))).toEqual(
      new Set(['log a']),
    );
  });

  it('counts as pending for `flushSession` what is held back of it, but not what exporters never get', async () => {
    const exporter = new ScriptedExporter();
    const sessions = keep(
      await startSessionLogs({ file: false, console: false, exporter, redact: patternRedaction([KEY]) }),
    );
    await sessions.logChunkToQueue('frame sk-', 's', { streamId: 'f', export: false });
    await sessions.logChunkToQueue('the sk-ab', 's', { streamId: 'a' });
    expect(await sessions.flushSession('s')).toMatchObject({ pending: 1 });
    await sessions.logChunkToQueue('</end>', 's', { streamId: 'a' });
    expect(await sessions.flushSession('s')).toMatchObject({ pending: 0 });
  });
});

describe('a record that is no chunk of ours', () => {
  it('is redacted as a whole, as with a function', async () => {
    const { sessions } = start(undefined, [SSN, KEY]);
    sessions.withSession('s', () => sessions.logger.info('is 123-45-6789', { key: 'sk-abcdefgh12' }));
    await sessions.logChunkToQueue('123-45-6789', 's', { logType: 'log' });
    await sessions.logChunkToQueue('failed: sk-abcdefgh12', 's', { kind: 'error' });
    expect(held(sessions)).toMatchObject([
      { message: 'is XXX', attributes: { key: '[KEY]' } },
      { message: 'XXX' },
      { message: 'failed: [KEY]' },
    ]);
  });
});

describe('a secret that a model spreads over its tokens', () => {
  it('is nowhere: not in session, event stream, file, spool or what is exported', async () => {
    const directory = temporaryDirectory();
    const spool = temporaryDirectory();
    const exporter = new ScriptedExporter();
    const sessions = keep(
      await startSessionLogs({
        directory,
        exporter,
        spool: { directory: spool },
        redact: patternRedaction([SSN, KEY]),
      }),
    );
    const secret = 'sk-abcdefgh12345678';
    for (const size of [1, 2, 4, 16]) {
      await sessions.logChunkToQueue('<start>', 's');
      const text = `the key ${secret} and 123-45-6789.`;
      for (let at = 0; at < text.length; at += size) await sessions.logChunkToQueue(text.slice(at, at + size), 's');
      await sessions.logChunkToQueue('</end>', 's');
    }
    const response = await sessions.toEventStreamResponse('s', { from: 'start', until: 'caught-up' });
    const shown = [...(await response.text()).matchAll(/"kind":"text","message":"([^"]*)"/g)].map(([, text]) => text);
    await sessions.forceFlush();
    const bodies = exporter.bodies.map(String);
    const written = filesBelow(directory)
      .concat(filesBelow(spool))
      .map((path) => readFileSync(path, 'latin1'));
    for (const text of [shown.join(''), texts(held(sessions)).join(''), bodies.join('')]) {
      expect(text.split('[KEY]')).toHaveLength(5);
      expect(text.split('XXX')).toHaveLength(5);
      expect(text).not.toContain('abcdefgh');
      expect(text).not.toContain('45-6789');
    }
    // Each by itself, however few characters a line has.
    expect(written.join('')).not.toMatch(/sk-|6789|gh12/);
  });

  it('goes out redacted when the process ends in the middle', () => {
    const directory = temporaryDirectory();
    const source = builtSource();
    const program = `
      import { startSessionLogs } from '${source.url('index.js')}';
      import { patternRedaction } from '${source.url('redaction.js')}';
      const redact = patternRedaction([{ pattern: /sk-[a-z0-9]{8,}/, replacement: '[KEY]' }]);
      const sessions = await startSessionLogs({ directory: process.argv[1], redact });
      await sessions.logChunkToQueue('<start>', 's');
      for (const part of ['my ', 's', 'k-abcd', 'efgh1']) await sessions.logChunkToQueue(part, 's');
      process.exit(0);`;
    execFileSync(process.execPath, ['--input-type=module', '--eval', program, directory]);
    const written = filesBelow(directory)
      .map((path) => readFileSync(path, 'utf8'))
      .join('');
    expect(written).toContain('[KEY]');
    expect(written).not.toContain('efgh');
  });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}
