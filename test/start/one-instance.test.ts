import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import type { LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it } from 'vitest';

import { MemorySessionStore, sharedSessionLogs, startSessionLogs } from '../../src/index.ts';
import type { SessionLogs, StartSessionLogsOptions } from '../../src/index.ts';
import { globalLoggerProvider } from '../../src/otel/logs-api.ts';
import { patternRedaction } from '../../src/redaction.ts';
import { builtSource } from '../support/built-source.ts';
import { collect } from '../support/collect.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { runProgram } from '../support/run-script.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const open = new Set<SessionLogs>();

async function start(options: StartSessionLogsOptions = {}): Promise<SessionLogs> {
  const sessions = await startSessionLogs({
    directory: temporaryDirectory(),
    console: false,
    streamHandler: false,
    ...options,
  });
  open.add(sessions);
  return sessions;
}

function shared(): SessionLogs {
  const sessions = sharedSessionLogs();
  open.add(sessions);
  return sessions;
}

function textIn(directory: string): string {
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
}

afterEach(async () => {
  const ended = [...open].map((sessions) => sessions.shutdown({ timeoutMillis: 500 }));
  open.clear();
  await Promise.allSettled(ended);
});

describe('sharedSessionLogs() is the instance that was started', () => {
  it('when it is called after the start, and while the start is under way', async () => {
    const starting = start();
    const early = shared();
    const sessions = await starting;
    expect(early).toBe(sessions);
    expect(shared()).toBe(sessions);
  });

  it('when it was handed out before: all that was taken from it goes to the destinations of the start', async () => {
    const early = shared();
    // oxlint-disable-next-line typescript/unbound-method -- that is what is tried
    const { logChunkToQueue, logger, getSessionLogs } = early;
    const handle = early.session('a');
    await logChunkToQueue('before', 'a');
    const reader = getSessionLogs('a');
    expect(await reader.next()).toEqual({ value: 'before', done: false });
    const waiting = reader.next();

    const directory = temporaryDirectory();
    const exporter = new InMemoryLogRecordExporter();
    const seen: string[] = [];
    const sessions = await start({ directory, exporter, streamHandler: (message) => seen.push(message) });
    expect(sessions).toBe(early);

    await logChunkToQueue('after', 'a');
    void handle.write('by handle');
    logger.info('leveled');
    expect(await waiting).toEqual({ value: 'after', done: false });
    expect(getMessages(shared(), 'a')).toEqual(['before', 'after', 'by handle']);
    await early.forceFlush();
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(['after', 'by handle', 'leveled']);
    expect(textIn(directory)).toContain('by handle');
    expect(seen).toEqual(['after', 'by handle']);
  });

  it('its options about sessions are those of the start', async () => {
    const early = shared();
    await start({
      redact: (entry) => ({ ...entry, message: entry.message.replace('secret', '***') }),
      sessionIdKeys: ['chat'],
      sessionId: () => 'by callback',
      registerGlobally: true,
    });
    early.logger.info('a secret', { chat: 'c' });
    early.logger.info('no key');
    expect(early.getAllLogsInQueue().map(({ sessionId, message }) => [sessionId, message])).toEqual([
      ['c', 'a ***'],
      ['by callback', 'no key'],
    ]);
  });

  it('what its sessions hold moves into the store of the start, redacted, and readers of before end with shutdown', async () => {
    const early = shared();
    await early.logChunkToQueue('a secret', 'a', { timestamp: 1000 });
    early.logger.warn('leveled', { 'session.id': 'a', plan: 'free' });
    await early.logChunkToQueue('over', 'ended');
    early.endSession('ended');
    const reader = early.getSessionLogs('a');
    const store = new MemorySessionStore();
    await start({ store, redact: (entry) => ({ ...entry, message: entry.message.replace('secret', '***') }) });
    expect(early.processor.store).toBe(store);
    expect(await collect(reader)).toEqual(['a secret']);
    expect(reader.endReason).toBe('shutdown');
    expect(early.getAllLogsInQueue({ sessionId: 'a' })).toMatchObject([
      { message: 'a ***', timestamp: '1970-01-01T00:00:01.000Z', logType: 'chat' },
      { message: 'leveled', logType: 'log', severityText: 'WARN', attributes: { plan: 'free' } },
    ]);
    expect(await collect(early.getSessionLogs('ended'))).toEqual(['over']);
  });

  it.each(sdkLines)('its processor stays where it was plugged in, SDK %s', async (_name, { sdk }) => {
    const early = shared();
    const provider = new sdk.LoggerProvider({ processors: [early.processor] });
    await start();
    provider.getLogger('app').emit({ body: 'by the own provider', attributes: { 'session.id': 's' } });
    expect(getMessages(early, 's', 'all')).toEqual(['by the own provider']);
    await provider.shutdown();
  });

  it('of several the first that runs; after the last another one, with queues only', async () => {
    const first = await start();
    const second = await start();
    expect(second).not.toBe(first);
    expect(shared()).toBe(first);
    await first.shutdown();
    expect(shared()).toBe(second);
    await second.shutdown();
    const third = shared();
    expect([first, second]).not.toContain(third);
    await third.logChunkToQueue('alive', 's');
    expect(third.allSessionsInQueue).toEqual(['s']);
  });

  it('a start that fails leaves it as it was', async () => {
    const early = shared();
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    await expect(start({ directory: join(file, 'logs') })).rejects.toMatchObject({ code: 'directory_unusable' });
    await early.logChunkToQueue('alive', 's');
    expect(getMessages(early, 's')).toEqual(['alive']);
    expect(shared()).toBe(early);
    expect(await start()).toBe(early);
  });

  it('one that was shut down, by itself or by the provider that has its processor, becomes nothing', async () => {
    const ended = shared();
    await ended.shutdown();
    const started = await start();
    expect(started).not.toBe(ended);
    await started.shutdown();
    const dead = shared();
    await dead.processor.shutdown();
    expect(await start()).not.toBe(dead);
  });

  it('a start whose provider was shut down by others is over: the same start makes another instance', async () => {
    const options = { directory: temporaryDirectory(), registerGlobally: true };
    const dead = await start(options);
    await (globalLoggerProvider() as LoggerProvider).shutdown();
    expect(shared()).not.toBe(dead);
    const sessions = await start(options);
    expect(sessions).not.toBe(dead);
    sessions.logger.info('alive', { 'session.id': 's' });
    expect(getMessages(sessions, 's', 'all')).toEqual(['alive']);
    expect(shared()).toBe(sessions);
    await sessions.forceFlush();
    expect(textIn(options.directory)).toContain('alive');
  });

  it('a store of the start that throws costs the entries that it throws on', async () => {
    const early = shared();
    for (const text of ['one', 'bad', 'three']) await early.logChunkToQueue(text, 's');
    early.endSession('s');
    const store = new MemorySessionStore();
    const append = store.append.bind(store);
    store.append = (id, message, ...rest) => {
      if (message === 'bad') throw new Error('the store throws');
      return append(id, message, ...rest);
    };
    store.end = () => {
      throw new Error('the store throws');
    };
    expect(await start({ store })).toBe(early);
    expect(getMessages(early, 's')).toEqual(['one', 'three']);
    expect(early.stats().lost).toEqual({ internal_error: 2 });
  });

  it('chunks that move are redacted as the texts that they are pieces of', async () => {
    const early = shared();
    for (const piece of ['my key: sk-', 'abc', 'def', ' and a']) await early.logChunkToQueue(piece, 's');
    await early.logChunkToQueue('of an answer sk-', 's', { streamId: 'x' });
    await early.logChunkToQueue('more sk-a', 's');
    await early.logChunkToQueue('abcdef', 's', { streamId: 'x' });
    await early.logChunkToQueue('sk-abc', 's', { streamId: 'x' });
    await early.logChunkToQueue('</end>', 's', { streamId: 'x' });
    early.logger.info('leveled sk-abcdef', { 'session.id': 's', key: 'sk-abcdef' });
    await early.logChunkToQueue('bcdef', 's');
    const store = new MemorySessionStore();
    await start({ store, redact: patternRedaction([{ pattern: /sk-[a-f]{6}/, replacement: '***' }]) });
    const entries = early.getAllLogsInQueue({ sessionId: 's' });
    expect(entries.map(({ message }) => message)).toEqual([
      'my key: ',
      '',
      '***',
      ' and a',
      'of an answer ',
      'more ',
      '***',
      '',
      'sk-abc',
      '</end>',
      'leveled ***',
      '***',
    ]);
    expect(entries[10]?.attributes).toEqual({ key: '***' });
    expect(entries[8]).toMatchObject({ streamId: 'x', kind: 'text' });
  });

  it('shut down while the start is under way: the start makes another one', async () => {
    const early = shared();
    const starting = start();
    await early.shutdown();
    const sessions = await starting;
    expect(sessions).not.toBe(early);
    await sessions.logChunkToQueue('alive', 's');
    expect(getMessages(sessions, 's')).toEqual(['alive']);
  });

  it('for every copy of this package in the process', async () => {
    const [one, other] = [builtSource().url('index.js'), builtSource('test/lines/sdk-0.2xx/').url('index.js')];
    const directory = temporaryDirectory();
    const receiver = await startOtlpReceiver();
    writeFileSync(
      join(directory, 'program.mjs'),
      `import * as one from ${JSON.stringify(one)};
       import * as other from ${JSON.stringify(other)};
       import assert from 'node:assert';
       assert.notEqual(one.SessionLogs, other.SessionLogs);
       const early = one.sharedSessionLogs();
       const options = { console: false, streamHandler: false };
       const [sessions, again] = await Promise.all([other.startSessionLogs(options), one.startSessionLogs(options)]);
       assert.equal(sessions, early);
       assert.equal(again, early);
       assert.equal(other.sharedSessionLogs(), early);
       await early.logChunkToQueue('by both', 's');
       await early.shutdown();`,
    );
    const env = { ...process.env, LOGS_PATH: join(directory, 'logs'), OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    const ran = await runProgram(process.execPath, ['program.mjs'], { cwd: directory, env });
    await receiver.close();
    expect(ran).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(textIn(join(directory, 'logs'))).toContain('by both');
    expect(receiver.records().map(({ body }) => body)).toEqual(['by both']);
  });
});

describe('the same start a second time', () => {
  it('gives the same instance, also while both are under way; the first shutdown ends it', async () => {
    const directory = temporaryDirectory();
    const options = {
      directory,
      spool: { directory: join(directory, 'spool') },
      exporter: new InMemoryLogRecordExporter(),
    };
    const listeners = process.listenerCount('beforeExit');
    const [first, second] = await Promise.all([start(options), start(options)]);
    expect(second).toBe(first);
    expect(await start(options)).toBe(first);
    expect(process.listenerCount('beforeExit')).toBe(listeners + 1);
    await second.shutdown();
    expect(first.isShutDown).toBe(true);
    const next = await start(options);
    expect(next).not.toBe(first);
    await next.logChunkToQueue('alive', 's');
    expect(getMessages(next, 's')).toEqual(['alive']);
  });

  it('functions and objects of classes are not compared: a module that is loaded again makes new ones', async () => {
    const directory = temporaryDirectory();
    const options = (): StartSessionLogsOptions => ({
      directory,
      redact: (entry) => entry,
      exporter: new InMemoryLogRecordExporter(),
      store: new MemorySessionStore(),
      file: { format: (record) => JSON.stringify(record.body) },
      resource: { 'service.name': 'app' },
      minimumSeverity: { file: 'info' },
    });
    const first = await start(options());
    expect(await start(options())).toBe(first);
    await expect(start({ ...options(), redact: undefined })).rejects.toThrow('other values of `redact`');
    await expect(start({ ...options(), resource: { 'service.name': 'other' } })).rejects.toThrow('`resource`');
  });

  it('is known by the place of its directory, however it is written', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'link'));
    const first = await start({ directory: join(root, 'link', 'logs') });
    expect(await start({ directory: join(root, 'real', 'x', '..', 'logs') })).toBe(first);
  });

  it('another directory, or where none is held another exporter, is another instance', async () => {
    const first = await start();
    expect(await start()).not.toBe(first);
    const directory = temporaryDirectory();
    const options = { directory, file: false, exporter: new InMemoryLogRecordExporter() };
    const second = await start(options);
    expect(await start(options)).toBe(second);
    expect(await start({ ...options, exporter: new InMemoryLogRecordExporter() })).not.toBe(second);
  });

  it('fails for all that wait for it, and can be tried again', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    const directory = join(file, 'logs');
    const failed = await Promise.allSettled([start({ directory }), start({ directory })]);
    expect(failed).toMatchObject([1, 2].map(() => ({ status: 'rejected', reason: { code: 'directory_unusable' } })));
    const again = temporaryDirectory();
    expect((await start({ directory: again })).isShutDown).toBe(false);
  });

  it('waits for an instance that is being shut down, as after a reload that does not wait', async () => {
    const directory = temporaryDirectory();
    const exporter = new InMemoryLogRecordExporter();
    let release = (): void => {};
    const asked = new Promise<void>((resolve) => {
      exporter.shutdown = () => {
        resolve();
        return new Promise((end) => (release = end));
      };
    });
    const first = await start({ directory, exporter });
    const ending = first.shutdown();
    const starting = start({ directory, exporter: new InMemoryLogRecordExporter() });
    await asked;
    release();
    const second = await starting;
    await ending;
    expect(second).not.toBe(first);
    expect(second.isShutDown).toBe(false);
  });

  it('is compared in no time, however values refer to each other', async () => {
    const directory = temporaryDirectory();
    const resource = (): Record<string, object> => {
      const nodes = Array.from({ length: 20 }, (): Record<string, object> => ({}));
      for (const node of nodes) nodes.forEach((other, index) => (node[`to ${index}`] = other));
      return nodes[0] as Record<string, object>;
    };
    const first = await start({ directory, resource: resource() });
    expect(await start({ directory, resource: resource() })).toBe(first);
  });

  it('a store and the like may be a literal: what it holds by now is no option', async () => {
    const directory = temporaryDirectory();
    const literal = (): StartSessionLogsOptions => {
      const memory = new MemorySessionStore();
      const own = { made: Math.random() } as unknown as MemorySessionStore;
      const get = (target: MemorySessionStore, key: PropertyKey): unknown => {
        const member: unknown = Reflect.get(memory, key);
        return typeof member === 'function' ? member.bind(memory) : Reflect.get(target, key);
      };
      return { directory, store: new Proxy(own, { get }) };
    };
    expect(Object.getPrototypeOf(literal().store)).toBe(Object.prototype);
    const first = await start(literal());
    expect(await start(literal())).toBe(first);
  });

  it('takes plain values that are within themselves, or cannot be compared, for what they are', async () => {
    const directory = temporaryDirectory();
    const resource: Record<string, unknown> = { 'service.name': 'app' };
    resource['self'] = resource;
    const first = await start({ directory, resource: { list: [Number.NaN, undefined] } });
    expect(await start({ directory, resource: { list: [Number.NaN, undefined] } })).toBe(first);
    await expect(start({ directory, resource })).rejects.toThrow('`resource`');
  });
});

function getMessages(sessions: SessionLogs, sessionId: string, type: 'all' | 'chat' = 'chat'): string[] {
  const entries = sessions.getAllLogsInQueue({ sessionId });
  return entries.filter(({ logType }) => type === 'all' || logType === type).map(({ message }) => message);
}
