import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { CoalescingLogRecordProcessor } from '../../src/export.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';
import { startSessionLogs } from '../../src/index.ts';
import { patternRedaction } from '../../src/redact/pattern-redaction.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { ScriptedExporter } from '../support/scripted-exporter.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import type { SdkLine } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const diagnostics = recordDiagnostics();

/** In a provider of the line, beside what an exporter behind gets: chunk by chunk, and merged. */
function start(line: SdkLine, options: object = {}) {
  const exporter = new line.sdk.InMemoryLogRecordExporter();
  const merged = new line.sdk.InMemoryLogRecordExporter();
  const heard: string[] = [];
  let provider: InstanceType<SdkLine['sdk']['LoggerProvider']> | undefined;
  const sessions = new SessionLogs({
    streamHandler: (text) => void heard.push(text),
    loggerProvider: () => provider,
    ...options,
  });
  provider = new line.sdk.LoggerProvider({
    processors: [
      sessions.processor,
      new line.sdk.SimpleLogRecordProcessor({ exporter }),
      new CoalescingLogRecordProcessor({ processor: new line.sdk.SimpleLogRecordProcessor({ exporter: merged }) }),
    ],
  });
  onTestFinished(() => sessions.shutdown());
  const read = (): string[] => sessions.getAllLogsInQueue({ sessionId: 's' }).map(({ message }) => message);
  const exported = (): unknown[] => exporter.getFinishedLogRecords().map(({ body }) => body);
  return { sessions, heard, read, exported, merged: () => merged.getFinishedLogRecords() };
}

describe.each(sdkLines)('who gets what is written, on %s', (_, line) => {
  it('with `export: false` readers alone: no processor behind ours, no stream handler', async () => {
    const { sessions, heard, read, exported } = start(line);
    await sessions.logChunkToQueue('frame', 's', { export: false });
    await sessions.session('s').write('another', { export: false, kind: 'text', attributes: { n: 1 } });
    await sessions.logChunkToQueue('</end>', 's', { export: false });
    await sessions.logChunkToQueue('text', 's', { export: true });
    expect(read()).toEqual(['frame', 'another', '</end>', 'text']);
    expect(sessions.getAllLogsInQueue().map(({ kind }) => kind)).toEqual(['text', 'text', 'stream-end', 'text']);
    expect(exported()).toEqual(['text']);
    expect(heard).toEqual(['text']);
    expect(sessions.stats().lost).toEqual({});
    expect(diagnostics.lines).toEqual([]);
  });

  it('with `read: false` exporters alone, with the session stamped', async () => {
    const { sessions, heard, read, exported, merged } = start(line);
    await sessions.logChunkToQueue('clean', 's', { read: false, attributes: { n: 1 } });
    await sessions.logChunkToQueue('</end>', 's', { read: false });
    expect(read()).toEqual([]);
    expect(sessions.allSessionsInQueue).toEqual([]);
    expect(exported()).toEqual(['clean', '</end>']);
    expect(heard).toEqual(['clean', '</end>']);
    expect(merged()[0]?.attributes).toMatchObject({ 'session.id': 's', n: 1 });
    expect(sessions.stats().lost).toEqual({});
  });

  it('frames and the clean text of one answer stand in one session: readers get the frames, exporters one record', async () => {
    const { sessions, read, merged } = start(line);
    const answer = async function* (): AsyncGenerator<string> {
      yield* ['Hel', 'lo'];
    };
    const attributes = { 'gen_ai.request.model': 'm' };
    const tapped = sessions.tap('s', answer(), { read: false, attributes });
    const frames = async function* (): AsyncGenerator<string> {
      for await (const text of tapped) yield `data: ${text}\n\n`;
    };
    for await (const _frame of sessions.tap('s', frames(), { export: false }));
    expect(read()).toEqual(['<start>', 'data: Hel\n\n', 'data: lo\n\n', '</end>']);
    expect(merged().map(({ body }) => body)).toEqual(['Hello']);
    expect(merged()[0]?.attributes).toMatchObject({ 'session_logs.chunk_count': 2, ...attributes });
    let shown = '';
    for await (const text of sessions.toReadableStream('s')) shown += text;
    expect(shown).toBe('data: Hel\n\ndata: lo\n\n');
  });

  it('the end of an answer has what it took, however many attributes the application gives', async () => {
    const { sessions, merged } = start(line);
    const attributes = Object.fromEntries(Array.from({ length: 128 }, (_each, index) => [`k${index}`, index]));
    const answer = async function* (): AsyncGenerator<object> {
      yield { type: 'finish', finishReason: 'stop', totalUsage: { inputTokens: 4, outputTokens: 6 } };
    };
    await sessions.consume('s', answer(), { attributes, map: () => 'text' });
    const took = { 'gen_ai.usage.input_tokens': 4, 'gen_ai.usage.output_tokens': 6 };
    expect(sessions.getAllLogsInQueue().at(-1)?.attributes).toMatchObject(took);
    expect(merged()[0]?.attributes).toMatchObject({ ...took, 'gen_ai.response.finish_reasons': ['stop'] });
  });

  it('a redaction sees both, and what it holds back of one does not go out with the other', async () => {
    const redact = patternRedaction([{ pattern: /sk-[a-z0-9]{8,}/, replacement: '[KEY]' }]);
    const { sessions, read, exported } = start(line, { redact });
    for (const token of ['<start>', 'a s', 'k-abcd', 'efgh12', '.', '</end>']) {
      await sessions.logChunkToQueue(token, 's', { export: false });
      await sessions.logChunkToQueue(token, 's', { read: false });
    }
    expect(read().join('')).toBe('<start>a [KEY].</end>');
    expect(exported().join('')).toBe('<start>a [KEY].</end>');
  });

  it('a mark for all divides the texts of either', async () => {
    const redact = patternRedaction([{ pattern: /sk-[a-z0-9]{8,}/, replacement: '[KEY]' }]);
    const { sessions, read, exported } = start(line, { redact });
    await sessions.logChunkToQueue('frame sk-', 's', { export: false });
    await sessions.logChunkToQueue('clean sk-', 's', { read: false });
    await sessions.logChunkToQueue('</end>', 's');
    expect(read().join('')).toBe('frame sk-</end>');
    expect(exported().join('')).toBe('clean sk-</end>');
  });

  it('a function that drops records drops those for readers too', async () => {
    const { sessions, read } = start(line, {
      redact: (entry: { message: string }) => (entry.message === 'no' ? undefined : entry),
    });
    await sessions.logChunkToQueue('no', 's', { export: false });
    await sessions.logChunkToQueue('yes', 's', { export: false });
    expect(read()).toEqual(['yes']);
    expect(sessions.stats().lost).toEqual({ redacted: 1 });
  });
});

describe('who gets what is written', () => {
  it('in a start of its own: frames are in the session, not in file and exporter', async () => {
    const directory = temporaryDirectory();
    const exporter = new ScriptedExporter();
    const sessions = await startSessionLogs({ directory, exporter, console: false, streamHandler: false });
    await sessions.logChunkToQueue('data: frame', 's', { export: false });
    await sessions.logChunkToQueue('clean', 's', { read: false });
    expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(['data: frame']);
    await sessions.shutdown();
    expect(exporter.bodies).toEqual(['clean']);
    const lines = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
    expect(lines.join('')).toContain('clean');
    expect(lines.join('')).not.toContain('frame');
  });

  it('without a provider `read: false` goes nowhere, and that is said once', async () => {
    const sessions = new SessionLogs({ loggerProvider: () => undefined });
    await sessions.logChunkToQueue('clean', 's', { read: false });
    await sessions.logChunkToQueue('clean', 's', { read: false });
    expect(sessions.getAllLogsInQueue()).toEqual([]);
    expect(diagnostics.lines.filter((line) => line.includes('with `read: false` may be lost'))).toHaveLength(1);
    await sessions.shutdown();
  });

  it('is refused when nobody would get it, or it is no boolean', async () => {
    const sessions = new SessionLogs({ loggerProvider: () => undefined });
    const neither = { export: false, read: false };
    expect(() => sessions.logChunkToQueue('a', 's', neither)).toThrow(/^logChunkToQueue: .*nobody would get it/);
    expect(() => sessions.tap('s', new ReadableStream(), neither)).toThrow(/^tap: .*nobody would get it/);
    expect(() => sessions.logChunkToQueue('a', 's', { read: 0 as never })).toThrow(/`read` to be a boolean, got 0/);
    expect(() => sessions.logChunkToQueue('a', 's', { export: 'no' as never })).toThrow(/`export` to be a boolean/);
    expect(sessions.getAllLogsInQueue()).toEqual([]);
    await sessions.shutdown();
  });
});
