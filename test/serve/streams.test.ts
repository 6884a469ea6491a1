import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { createParser } from 'eventsource-parser';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { LogEntry } from '../../src/entry/entry.ts';
import type { EventStreamResponseOptions } from '../../src/serve/event-stream-response.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';
import { MemoryCursor } from '../../src/store/memory/memory-cursor.ts';
import { MemorySessionStore } from '../../src/store/memory/memory.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { runs } from '../support/properties.ts';

const diagnostics = recordDiagnostics();
let sessions = new SessionLogs();

afterEach(async () => {
  await sessions.shutdown();
  sessions = new SessionLogs();
});

const write = (...messages: string[]): void => {
  for (const message of messages) void sessions.logChunkToQueue(message, 's');
};

interface Received {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: unknown;
}

/** What an independent parser makes of the bytes. */
function parse(text: string): { events: Received[]; comments: string[]; retry: number[] } {
  const events: Received[] = [];
  const comments: string[] = [];
  const retry: number[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => events.push({ id, event, data: JSON.parse(data) as unknown }),
    onComment: (comment) => comments.push(comment),
    onRetry: (millis) => retry.push(millis),
    onError: (error) => {
      throw error;
    },
  });
  parser.feed(text);
  return { events, comments, retry };
}

const text = (result: { readonly value?: Uint8Array | undefined } | undefined): string =>
  new TextDecoder().decode(result?.value);

const messagesOf = (events: readonly Received[]): unknown[] =>
  events.filter(({ event }) => event === undefined).map(({ data }) => (data as { message: string }).message);

describe('toReadableStream', () => {
  it('is the text of the latest answer, without tokens, and closes after it', async () => {
    write('<start>', 'old', '</end>', '<start>', 'Hel', 'lo', '</end>', 'after');
    const response = new Response(sessions.toReadableStream('s').pipeThrough(new TextEncoderStream()));
    expect(await response.text()).toBe('Hello');
  });

  it('is live: it waits for a session that begins later', async () => {
    const reader = sessions.toReadableStream('s').getReader();
    const first = reader.read();
    write('<start>', 'a');
    expect(await first).toEqual({ done: false, value: 'a' });
    const second = reader.read();
    write('</end>');
    expect(await second).toEqual({ done: true, value: undefined });
  });

  it('leaves out what the operator logs', async () => {
    write('<start>', 'a');
    void sessions.logChunkToQueue('internal', 's', { logType: 'log' });
    write('b', '</end>');
    const seen: string[] = [];
    for await (const text of sessions.toReadableStream('s')) seen.push(text);
    expect(seen).toEqual(['a', 'b']);
  });

  it('counts from the first pull, and cancel frees it at once on a silent session', async () => {
    const stream = sessions.toReadableStream('s');
    expect(sessions.stats().readers).toBe(0);
    const reader = stream.getReader();
    const pending = reader.read();
    await delay(0);
    expect(sessions.stats().readers).toBe(1);
    await reader.cancel();
    expect(sessions.stats().readers).toBe(0);
    expect((await pending).done).toBe(true);
  });

  it('emoji halves in two chunks arrive whole through a TextEncoderStream', async () => {
    write('<start>', 'a\ud83d', '\ude00b', '</end>');
    const stream = sessions.toReadableStream('s').pipeThrough(new TextEncoderStream());
    expect(await new Response(stream).text()).toBe('a😀b');
  });

  it('takes reader options, and refuses wrong ones at the call', async () => {
    write('one', 'two');
    const stream = sessions.toReadableStream('s', { from: 'start', until: 'caught-up' });
    expect(await new Response(stream.pipeThrough(new TextEncoderStream())).text()).toBe('onetwo');
    expect(() => sessions.toReadableStream('s', { untill: 'x' } as never)).toThrow(/toReadableStream.*untill/);
    expect(() => sessions.toReadableStream('')).toThrow(TypeError);
  });

  it('fails at shutdown in mid-answer: what was read would pass for the whole answer', async () => {
    write('<start>', '15 of 60 tokens');
    const reader = sessions.toReadableStream('s').getReader();
    expect((await reader.read()).value).toBe('15 of 60 tokens');
    const pending = reader.read();
    await sessions.shutdown();
    await expect(pending).rejects.toMatchObject({ code: 'shut_down' });
    await expect(sessions.toReadableStream('s').getReader().read()).rejects.toMatchObject({ code: 'shut_down' });
    expect(sessions.stats().readers).toBe(0);
  });

  it('has no text of an error in it', async () => {
    write('<start>', 'The capital of France is ');
    void sessions.logChunkToQueue('connect ECONNREFUSED', 's', { kind: 'error', exception: new Error('refused') });
    write('</end>');
    const stream = sessions.toReadableStream('s').pipeThrough(new TextEncoderStream());
    expect(await new Response(stream).text()).toBe('The capital of France is ');
  });

  it('an abort rejects the pending read with its reason', async () => {
    const abort = new AbortController();
    const reader = sessions.toReadableStream('s', { signal: abort.signal }).getReader();
    const pending = reader.read();
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });
});

describe('an answer and its first client', () => {
  /** A model that speaks when it is told to, and notices that nobody listens any more. */
  function model(): {
    readonly stream: ReadableStream<string>;
    readonly say: (text?: string) => void;
    isStopped: boolean;
  } {
    let controller: ReadableStreamDefaultController<string> | undefined;
    const made = {
      stream: new ReadableStream<string>({
        start: (own) => void (controller = own),
        cancel: () => void (made.isStopped = true),
      }),
      say: (said?: string): void => (said === undefined ? controller?.close() : controller?.enqueue(said)),
      isStopped: false,
    };
    return made;
  }

  it('a tap that is handed to the client stops the model when that client leaves', async () => {
    const speaking = model();
    const body = sessions.tap('s', speaking.stream).getReader();
    speaking.say('half');
    expect((await body.read()).value).toBe('half');
    await body.cancel();
    expect(speaking.isStopped).toBe(true);
    const entries = sessions.getAllLogsInQueue();
    expect(entries.at(-1)?.attributes).toEqual({ 'gen_ai.response.finish_reasons': ['aborted'] });
  });

  it('a tap that the server reads goes on when its first client leaves, and the next one has all of it', async () => {
    const speaking = model();
    const answering = (async () => {
      for await (const _ of sessions.tap('s', speaking.stream));
    })();
    const first = await sessions.toEventStreamResponse('s', { until: 'stream-end' });
    const reader = first.body?.getReader();
    speaking.say('half, ');
    let received = '';
    while (!received.includes('half')) received += text(await reader?.read());
    await reader?.cancel();
    speaking.say('and the rest');
    speaking.say();
    await answering;
    expect(speaking.isStopped).toBe(false);
    const second = await sessions.toEventStreamResponse('s', { until: 'stream-end' });
    const { events } = parse(await second.text());
    expect(messagesOf(events)).toEqual(['<start>', 'half, ', 'and the rest', '</end>']);
  });
});

describe('the signal of what is read in a browser', () => {
  const reason = new Error('gone');
  let abort: AbortController;

  beforeEach(() => {
    abort = new AbortController();
  });

  it('frees the reader of a text stream that is no longer pulled, and errors it', async () => {
    write('<start>', 'a', 'b');
    const reader = sessions.toReadableStream('s', { signal: abort.signal }).getReader();
    expect((await reader.read()).value).toBe('a');
    expect(sessions.stats().readers).toBe(1);
    abort.abort(reason);
    expect(sessions.stats().readers).toBe(0);
    await expect(reader.closed).rejects.toBe(reason);
  });

  it('frees the reader of a response that is no longer pulled, and closes its body', async () => {
    write('<start>', 'a', 'b');
    const response = await sessions.toEventStreamResponse('s', { signal: abort.signal });
    const reader = response.body?.getReader();
    for (const part of ['retry', '<start>']) expect(text(await reader?.read())).toContain(part);
    expect(sessions.stats().readers).toBe(1);
    abort.abort(reason);
    expect(sessions.stats().readers).toBe(0);
    await reader?.closed;
  });

  it('frees a reader that waits, closes the body behind its end, and leaves no listener', async () => {
    const response = await sessions.toEventStreamResponse('s', { signal: abort.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    const pending = reader?.read();
    await delay(0);
    expect(sessions.stats().readers).toBe(1);
    abort.abort(reason);
    expect(sessions.stats().readers).toBe(0);
    expect(text(await pending)).toBe('retry: 2000\n\n');
    await reader?.closed;
  });

  it('aborted before the call opens no reader', async () => {
    abort.abort(reason);
    write('<start>', 'a');
    const response = await sessions.toEventStreamResponse('s', { signal: abort.signal });
    const received = response.text();
    expect(sessions.stats().readers).toBe(0);
    expect(await received).toBe('retry: 2000\n\n');
    const reader = sessions.toReadableStream('s', { signal: abort.signal }).getReader();
    await expect(reader.read()).rejects.toBe(reason);
    expect(sessions.stats().readers).toBe(0);
  });

  it.each(['read to the end', 'cancelled', 'failed', 'never pulled'])('holds no stream that is %s', async (how) => {
    const { signal } = abort;
    const listeners = (): number => getEventListeners(signal, 'abort').length;
    const logs = new SessionLogs();
    void logs.logChunkToQueue('a', 's');
    const streams = [
      logs.toReadableStream('s', { signal, from: 'start' }),
      (await logs.toEventStreamResponse('s', { signal })).body,
    ];
    for (const stream of streams) {
      const reader = stream?.getReader() as ReadableStreamDefaultReader<unknown>;
      if (how === 'never pulled') continue;
      await reader.read();
      expect(listeners()).toBe(1);
      if (how === 'cancelled') await reader.cancel();
      if (how === 'read to the end') {
        logs.endSession('s');
        while (!(await reader.read()).done);
      }
      if (how === 'failed') {
        const step = vi.spyOn(MemoryCursor.prototype, 'step').mockRejectedValue(new Error('away'));
        const rest = (async () => {
          while (!(await reader.read()).done);
        })();
        // The client of an event stream connects again, to a server that can read perhaps.
        await (stream === streams[0] ? expect(rest).rejects.toThrow('away') : expect(rest).resolves.toBeUndefined());
        step.mockRestore();
        if (stream !== streams[0]) expect(diagnostics.lines.filter((line) => line.includes('away'))).toHaveLength(1);
      }
      expect(listeners()).toBe(0);
    }
    expect(listeners()).toBe(0);
    await logs.shutdown();
  });
});

describe('toEventStreamResponse', () => {
  it('sends retry, then each entry with its id as JSON of kind, message and timestamp, then the end', async () => {
    void sessions.logChunkToQueue('Hi', 's', { attributes: { secret: 'x' } });
    sessions.endSession('s');
    const response = await sessions.toEventStreamResponse('s', { wait: false });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
    const text = await response.text();
    const [entry] = sessions.getAllLogsInQueue();
    expect(text).toBe(
      `retry: 2000\n\nid: ${entry?.id}\ndata: {"kind":"text","message":"Hi","timestamp":"${entry?.timestamp}"}\n\n` +
        'event: end\ndata: {"reason":"session-end"}\n\n',
    );
    expect(text).not.toContain('secret');
  });

  it('sends nothing but what map gives; undefined leaves the entry out', async () => {
    write('<start>', 'a', 'b', '</end>');
    const map = (entry: LogEntry): unknown =>
      entry.kind === 'text' && entry.message !== 'b' ? { t: entry.message } : undefined;
    const response = await sessions.toEventStreamResponse('s', { map, until: 'stream-end', retryMillis: 10 });
    const { events, retry } = parse(await response.text());
    expect(retry).toEqual([10]);
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      [undefined, { t: 'a' }],
      ['end', { reason: 'stream-end' }],
    ]);
    // Connecting again after what was left out finds nothing more, instead of the same end each time.
    const again = await sessions.toEventStreamResponse('s', {
      map,
      until: 'stream-end',
      lastEventId: events.at(-1)?.id,
    });
    expect(again.status).toBe(204);
  });

  it('a map that throws or gives no JSON leaves the entry out and is reported', async () => {
    write('a', 'b', 'c');
    const map = ({ message }: LogEntry): unknown => {
      if (message === 'a') throw new Error('bad map');
      return message === 'b' ? 10n : message;
    };
    const response = await sessions.toEventStreamResponse('s', { map, until: 'caught-up' });
    const { events } = parse(await response.text());
    expect(events.map(({ data }) => data)).toEqual(['c', { reason: 'caught-up' }]);
    expect(diagnostics.lines.filter((line) => line.includes('bad map'))).toHaveLength(1);
  });

  it('masks errors; onError gets the entry and may give a text', async () => {
    const seen: LogEntry[] = [];
    const fail = (exception: unknown): void => {
      void sessions.logChunkToQueue('details', 's', { kind: 'error', exception, attributes: { internal: 1 } });
    };
    fail(new RangeError('too long'));
    fail(new Error('other'));
    const masked = parse(await (await sessions.toEventStreamResponse('s', { until: 'caught-up' })).text());
    expect(messagesOf(masked.events)).toEqual(['An error occurred.', 'An error occurred.']);
    const onError = (entry: LogEntry): string | undefined => {
      seen.push(entry);
      return entry.attributes?.['exception.type'] === 'RangeError' ? 'Please ask shorter.' : undefined;
    };
    const text = await (await sessions.toEventStreamResponse('s', { until: 'caught-up', onError })).text();
    expect(messagesOf(parse(text).events)).toEqual(['Please ask shorter.', 'An error occurred.']);
    expect(text).not.toContain('too long');
    expect(seen).toEqual(sessions.getAllLogsInQueue());
    const broken = await sessions.toEventStreamResponse('s', {
      until: 'caught-up',
      onError: () => {
        throw new Error('x');
      },
    });
    expect(messagesOf(parse(await broken.text()).events)).toEqual(['An error occurred.', 'An error occurred.']);
  });

  it('a law: the parser gives any text back, event by event', async () => {
    const text = fc.string({
      unit: fc.constantFrom(
        '\n',
        '\r',
        '\r\n',
        '\u2028',
        '\u2029',
        '\u0000',
        ':',
        'data: x',
        'id: 9',
        '😀',
        '\ud83d',
        'a',
      ),
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 8 }), async (messages) => {
        const logs = new SessionLogs();
        for (const message of messages) void logs.logChunkToQueue(message, 's', { kind: 'text' });
        const response = await logs.toEventStreamResponse('s', { until: 'caught-up' });
        const { events } = parse(await response.text());
        expect(messagesOf(events)).toEqual(messages);
        expect(events.filter(({ event }) => event !== undefined)).toHaveLength(1);
        await logs.shutdown();
      }),
      runs(100),
    );
  });

  it('shows the tokens of a session and none of its log lines', async () => {
    write('<start>', 'a');
    void sessions.logChunkToQueue('pino line', 's', { logType: 'log' });
    write('b', '</end>');
    const { events } = parse(await (await sessions.toEventStreamResponse('s', { until: 'caught-up' })).text());
    expect(messagesOf(events)).toEqual(['<start>', 'a', 'b', '</end>']);
    const all = await sessions.toEventStreamResponse('s', { until: 'caught-up', logType: 'all' });
    expect(messagesOf(parse(await all.text()).events)).toContain('pino line');
  });

  it('tells how many entries were evicted, before the next one', async () => {
    const logs = new SessionLogs({ store: new MemorySessionStore({ maxEntriesPerSession: 100 }) });
    void logs.logChunkToQueue('first', 's');
    const [first] = logs.getAllLogsInQueue();
    for (let i = 0; i < 149; i += 1) void logs.logChunkToQueue(`m${i}`, 's');
    const gaps: unknown[] = [];
    const response = await logs.toEventStreamResponse('s', {
      lastEventId: first?.id,
      until: 'caught-up',
      onGap: (gap) => gaps.push(gap),
    });
    const { events } = parse(await response.text());
    expect(events[0]).toMatchObject({ event: 'gap', data: { missed: 49 } });
    expect(events).toHaveLength(102);
    expect(gaps).toEqual([{ missed: 49 }]);
    await logs.shutdown();
  });

  it('a client that reads nothing has nothing queued: neither entries nor keep-alives', async () => {
    const response = await sessions.toEventStreamResponse('s', { keepAliveMillis: 5 });
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    expect(decoder.decode((await reader?.read())?.value)).toBe('retry: 2000\n\n');
    expect(decoder.decode((await reader?.read())?.value)).toBe(': keep-alive\n\n');
    await delay(60); // a dozen keep-alives were due
    const events: string[] = [];
    events.push(decoder.decode((await reader?.read())?.value)); // the one that is due
    await delay(60);
    write('x', 'y');
    await delay(0);
    for (let i = 0; i < 2; i += 1) events.push(decoder.decode((await reader?.read())?.value));
    expect(events[0]).toBe(': keep-alive\n\n');
    // What is ready goes out together.
    expect(events[1]).toMatch(/"message":"x".*\n\nid: .*\n.*"message":"y"/);
    expect(events[2]).toBe(': keep-alive\n\n');
    await reader?.cancel();
    expect(sessions.stats().readers).toBe(0);
  });

  it('keeps a silent wire warm, and frees the reader at once when the client hangs up', async () => {
    const response = await sessions.toEventStreamResponse('s', { keepAliveMillis: 10 });
    expect(sessions.stats().readers).toBe(1);
    const reader = response.body?.getReader();
    let text = '';
    for (let i = 0; i < 3; i += 1) text += new TextDecoder().decode((await reader?.read())?.value);
    expect(sessions.stats().readers).toBe(1);
    const pending = reader?.read();
    await delay(1);
    await reader?.cancel();
    expect(sessions.stats().readers).toBe(0);
    expect((await pending)?.done).toBe(true);
    expect(sessions.allSessionsInQueues).toEqual([]);
  });

  it('refuses wrong options, and says which', async () => {
    const refused = async (options: unknown): Promise<unknown> => {
      const error: unknown = await sessions.toEventStreamResponse('s', options as never).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(TypeError);
      return (error as TypeError).message;
    };
    expect(await refused(5)).toMatch(/toEventStreamResponse.*got 5 \(number\).*idleTimeoutMillis/);
    expect(await refused({ keepAliveMilis: 1 })).toMatch(/toEventStreamResponse: unknown option `keepAliveMilis`/);
    expect(await refused({ keepAliveMillis: -1 })).toMatch(/keepAliveMillis.*got -1/);
    expect(await refused({ map: 'x' })).toMatch(/map.*a function, got "x"/);
    expect(await refused({ until: 'x' })).toMatch(/toEventStreamResponse.*until.*got "x"/);
    await expect(sessions.toEventStreamResponse('')).rejects.toThrow(/session id/);
  });

  describe('an end that the log does not tell is none: the client connects again', () => {
    /** The whole body, with what ends it while it waits. */
    async function bodyOf(options: EventStreamResponseOptions, end?: () => void): Promise<string> {
      const response = await sessions.toEventStreamResponse('s', { retryMillis: 7, ...options });
      const reader = response.body?.getReader();
      let body = '';
      for (;;) {
        const part = reader?.read();
        // Nothing is there after the entry: this read waits.
        if (body.includes('data:') && end !== undefined) setImmediate(end);
        const { done = true, value } = (await part) ?? {};
        if (done) return body;
        body += text({ value });
      }
    }
    const abort = new AbortController();
    const ends: [string, EventStreamResponseOptions, (() => void)?][] = [
      ['shutdown', {}, () => void sessions.shutdown()],
      ['an abort', { signal: abort.signal }, () => abort.abort()],
      ['an idle time-out', { idleTimeoutMillis: 1 }],
    ];

    it.each(ends)('%s', async (_, options, end) => {
      write('x');
      const [entry] = sessions.getAllLogsInQueue();
      const body = await bodyOf(options, end);
      const event = { kind: 'text', message: 'x', timestamp: entry?.timestamp };
      expect(body).toBe(`retry: 7\n\nid: ${entry?.id}\ndata: ${JSON.stringify(event)}\n\nretry: 7\n\n`);
    });

    it('a store that fails, before the stream or in it', async () => {
      write('x', 'y');
      const lastEventId = sessions.getAllLogsInQueue()[0]?.id;
      const failing = vi.spyOn(MemoryCursor.prototype, 'step').mockRejectedValue(new Error('the store is away'));
      const state = vi.spyOn(MemorySessionStore.prototype, 'streamState').mockImplementation(() => {
        throw new Error('the state is away');
      });
      try {
        const options = { retryMillis: 7, until: 'stream-end' } as const;
        expect(await (await sessions.toEventStreamResponse('s', options)).text()).toBe('retry: 7\n\nretry: 7\n\n');
        failing.mockRestore();
        const resumed = await sessions.toEventStreamResponse('s', { ...options, lastEventId: `${lastEventId}` });
        expect(resumed.status).toBe(200);
        const latest = sessions.getAllLogsInQueue().at(-1)?.id;
        const looking = await sessions.toEventStreamResponse('s', { ...options, lastEventId: latest });
        expect([looking.status, await looking.text()]).toEqual([200, 'retry: 7\n\nretry: 7\n\n']);
        await resumed.body?.cancel();
      } finally {
        failing.mockRestore();
        state.mockRestore();
      }
      expect(sessions.stats().readers).toBe(0);
    });

    it('goes on behind what `map` left out last', async () => {
      write('x');
      const [entry] = sessions.getAllLogsInQueue();
      const body = await bodyOf({ map: () => undefined, idleTimeoutMillis: 1 });
      expect(body).toBe(`retry: 7\n\nid: ${entry?.id}\nretry: 7\n\n`);
    });

    it('deletion is an end that the log tells', async () => {
      write('x');
      const body = await bodyOf({}, () => sessions.deleteSession('s'));
      expect(parse(body).events.at(-1)).toMatchObject({ event: 'end', data: { reason: 'deleted' } });
    });
  });
});

describe('connecting again', () => {
  const statusOf = async (options: Parameters<SessionLogs['toEventStreamResponse']>[1]): Promise<number> => {
    const response = await sessions.toEventStreamResponse('s', options);
    await response.body?.cancel();
    return response.status;
  };
  const idOf = (message: string): string | undefined =>
    sessions.getAllLogsInQueue().findLast((entry) => entry.message === message)?.id;

  it('goes on strictly after lastEventId', async () => {
    write('a', 'b', 'c');
    const response = await sessions.toEventStreamResponse('s', { lastEventId: idOf('a'), until: 'caught-up' });
    expect(messagesOf(parse(await response.text()).events)).toEqual(['b', 'c']);
  });

  it('is 204 for a session that has ended with nothing left', async () => {
    write('a', 'b');
    const a = idOf('a');
    sessions.endSession('s');
    expect(await statusOf({ lastEventId: a })).toBe(200);
    expect(await statusOf({ lastEventId: idOf('b') })).toBe(204);
  });

  it('waits for a session that is not there, and tells that something is missed: it may have been lost', async () => {
    const response = await sessions.toEventStreamResponse('s', { lastEventId: 'of-another-process' });
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    const next = async (): Promise<string> => new TextDecoder().decode((await reader?.read())?.value);
    expect([await next(), await next()]).toEqual(['retry: 2000\n\n', 'event: gap\ndata: {"missed":-1}\n\n']);
    write('it begins again');
    expect(await next()).toContain('it begins again');
    await reader?.cancel();
    expect(await statusOf({ lastEventId: 'x', wait: false })).toBe(200); // the session is there
    expect((await sessions.toEventStreamResponse('t', { lastEventId: 'x', wait: false })).status).toBe(204);
  });

  it('is 204 when what is left does not pass the filters', async () => {
    write('a');
    const a = idOf('a');
    void sessions.logChunkToQueue('log line', 's', { logType: 'log' });
    expect(await statusOf({ lastEventId: a })).toBe(200); // the session lives
    sessions.endSession('s');
    expect(await statusOf({ lastEventId: a })).toBe(204);
    expect(await statusOf({ lastEventId: a, logType: 'all' })).toBe(200);
  });

  it('is 204 after the stream around it, with until stream-end, though the session lives', async () => {
    write('<start>', 'a', 'b');
    const until = 'stream-end';
    expect(await statusOf({ lastEventId: idOf('b'), until })).toBe(200); // it still runs
    write('</end>');
    expect(await statusOf({ lastEventId: idOf('b'), until })).toBe(200); // the end itself is left
    expect(await statusOf({ lastEventId: idOf('b'), until, tokens: false })).toBe(204);
    expect(await statusOf({ lastEventId: idOf('</end>'), until })).toBe(204);
    expect(await statusOf({ lastEventId: idOf('</end>') })).toBe(200); // until the session's end there may be more
    write('<start>', 'next');
    expect(await statusOf({ lastEventId: idOf('</end>'), until })).toBe(200);
  });

  it('does not take an empty or missing id for one, and takes any other for an id of this session only', async () => {
    void sessions.logChunkToQueue('of another', 'other');
    const foreign = sessions.getAllLogsInQueue({ sessionId: 'other' })[0]?.id;
    write('<start>', 'a');
    for (const lastEventId of ['', null, undefined]) {
      const response = await sessions.toEventStreamResponse('s', { lastEventId, until: 'caught-up' });
      expect(messagesOf(parse(await response.text()).events)).toEqual(['<start>', 'a']);
    }
    const newer = [`v2.${foreign}`, `${foreign}-1`, `~${foreign}`, '{"v":2}'];
    for (const lastEventId of [foreign, 'garbage', '../../etc/passwd', '1'.repeat(9999), '__proto__', ...newer]) {
      const response = await sessions.toEventStreamResponse('s', { lastEventId, until: 'caught-up' });
      const { events } = parse(await response.text());
      expect(events[0]).toMatchObject({ event: 'gap', data: { missed: -1 } });
      expect(messagesOf(events)).toEqual(['<start>', 'a']);
    }
    await expect(sessions.toEventStreamResponse('s', { lastEventId: 3 as never })).rejects.toThrow(
      /toEventStreamResponse.*lastEventId.*got 3/,
    );
  });

  it('is a stream that only says when to come back, when no reader can be had and after shutdown', async () => {
    const refused = async (): Promise<void> => {
      for (const lastEventId of [undefined, 'x']) {
        const response = await logs.toEventStreamResponse('s', { retryMillis: 9, lastEventId });
        expect(response.status).toBe(200);
        expect(response.headers.get('content-type')).toBe('text/event-stream');
        expect(await response.text()).toBe('retry: 9\n\n');
      }
    };
    const logs = new SessionLogs({ store: new MemorySessionStore({ maxReaders: 1 }) });
    const first = (await logs.toEventStreamResponse('s')).body?.getReader();
    await first?.read();
    void first?.read();
    await delay(0);
    await refused();
    await first?.cancel();
    const free = await logs.toEventStreamResponse('s');
    expect(free.status).toBe(200);
    await free.body?.cancel();
    await logs.shutdown();
    await refused();
  });

  it('deciding the status moves no unread mark, counts as one reader and leaves none behind', async () => {
    write('a', 'b');
    const response = await sessions.toEventStreamResponse('s', { from: 'unread' });
    expect(sessions.stats().readers).toBe(1);
    await response.body?.cancel();
    expect(sessions.stats().readers).toBe(0);
    const next = await sessions.getSessionLogs('s').next();
    expect(next.value).toBe('a');
  });
});

describe('two streams side by side', () => {
  it('until stream-end follows one to its end, and no entry of either is lost', async () => {
    const chunk = (message: string, streamId: string): void => {
      void sessions.logChunkToQueue(message, 's', { streamId });
    };
    chunk('<start>', 'a');
    chunk('<start>', 'b');
    chunk('a1', 'a');
    chunk('b1', 'b');
    chunk('</end>', 'a');
    chunk('b2', 'b');
    chunk('</end>', 'b');
    const response = await sessions.toEventStreamResponse('s', { from: 'start', until: 'stream-end' });
    const first = parse(await response.text()).events;
    expect(messagesOf(first)).toEqual(['<start>', '<start>', 'a1', 'b1', '</end>']);
    const rest = await sessions.toEventStreamResponse('s', {
      lastEventId: first.at(-2)?.id,
      until: 'stream-end',
    });
    expect(messagesOf(parse(await rest.text()).events)).toEqual(['b2', '</end>']);
  });

  it('a start after a crash: the stream that took the place of the broken one is followed', async () => {
    write('<start>', 'half', '<start>', 'whole', '</end>');
    const response = await sessions.toEventStreamResponse('s', { from: 'start', until: 'stream-end' });
    const { events } = parse(await response.text());
    expect(messagesOf(events)).toEqual(['<start>', 'half', '</end>', '<start>', 'whole', '</end>']);
  });

  it('turn 1 left after two tokens does not show up in turn 2', async () => {
    write('<start>', 'one', 'two');
    const response = await sessions.toEventStreamResponse('s', { from: 'unread' });
    const reader = response.body?.getReader();
    for (let i = 0; i < 3; i += 1) await reader?.read();
    await reader?.cancel();
    write('three', '</end>', '<start>', 'turn 2', '</end>');
    const next = await sessions.toEventStreamResponse('s', { from: 'unread', until: 'stream-end' });
    expect(messagesOf(parse(await next.text()).events)).toEqual(['<start>', 'turn 2', '</end>']);
  });
});
