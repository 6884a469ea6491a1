import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import {
  DefaultChatTransport,
  readUIMessageStream,
  simulateReadableStream,
  streamText,
  UI_MESSAGE_STREAM_HEADERS,
} from 'ai';
import type { LanguageModel, UIMessage } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { afterEach, describe, expect, it } from 'vitest';

import { CoalescingLogRecordProcessor } from '../../src/export.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';

const WORDS = Array.from({ length: 40 }, (_, i) => `word${i} `);
const ANSWER = WORDS.join('');

const exporter = new InMemoryLogRecordExporter();
let sessions = startMerging();
let server: Server | undefined;

/** In a provider whose exporter gets one record per answer. */
function startMerging(): SessionLogs {
  let provider: LoggerProvider | undefined;
  const started = new SessionLogs({ loggerProvider: () => provider });
  const behind = new CoalescingLogRecordProcessor({ processor: new SimpleLogRecordProcessor({ exporter }) });
  provider = new LoggerProvider({ processors: [started.processor, behind] });
  return started;
}

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await sessions.shutdown();
  exporter.reset();
  sessions = startMerging();
});

function mockModel(chunkDelayInMs: number): LanguageModel {
  return new MockLanguageModelV3({
    doStream: async () => ({
      stream: simulateReadableStream({
        chunkDelayInMs,
        chunks: [
          { type: 'text-start', id: '1' },
          ...WORDS.map((delta) => ({ type: 'text-delta' as const, id: '1', delta })),
          { type: 'text-end', id: '1' },
          {
            type: 'finish' as const,
            finishReason: { unified: 'stop' as const, raw: undefined },
            usage: {
              inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
              outputTokens: { total: 40, text: 40, reasoning: undefined },
            },
          },
        ],
      }),
    }),
  });
}

describe('Vercel AI SDK', () => {
  it('the text of streamText is read through a tap and stands in the session', async () => {
    const model = mockModel(1);
    const chatId = 'abc123';
    let shown = '';
    // recipe: Vercel AI SDK
    const { textStream } = streamText({ model, prompt: 'Hello' });
    for await (const text of sessions.tap(chatId, textStream)) shown += text;
    // end
    expect(shown).toBe(ANSWER);
    const entries = sessions.getAllLogsInQueue({ sessionId: chatId });
    expect(entries.map(({ message }) => message)).toEqual(['<start>', ...WORDS, '</end>']);
  });

  it('what it tells of its end stands on the merged record of the answer', async () => {
    const { fullStream } = streamText({ model: mockModel(1), prompt: 'Hello' });
    const consumed = await sessions.consume('c1', fullStream, {
      map: (part) => (part.type === 'text-delta' ? part.text : undefined),
    });
    expect(consumed).toEqual({ finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 40 } });
    const records = exporter.getFinishedLogRecords();
    expect(records.map(({ body }) => body)).toEqual([ANSWER]);
    expect(records[0]?.attributes).toMatchObject({
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 3,
      'gen_ai.usage.output_tokens': 40,
    });
  });

  it.each(['textStream', 'fullStream'] as const)('stopped, its %s says so', async (which) => {
    const stop = new AbortController();
    const result = streamText({ model: mockModel(5), prompt: 'Hello', abortSignal: stop.signal });
    const stream: AsyncIterable<unknown> = result[which];
    let chunks = 0;
    // `fullStream` has a part that says it; `textStream` just ends.
    const signal = which === 'textStream' ? stop.signal : undefined;
    for await (const _chunk of sessions.tap('c1', stream, { signal })) if ((chunks += 1) === 6) stop.abort();
    const [end] = sessions.getAllLogsInQueue({ sessionId: 'c1', limit: 1 });
    expect(end?.attributes?.['gen_ai.response.finish_reasons']).toEqual(['aborted']);
    expect(sessions.getAllLogsInQueue({ sessionId: 'c1' }).some(({ kind }) => kind === 'error')).toBe(false);
  });

  it('what went wrong, of which it throws nothing, stands in the session and at the exporter', async () => {
    const error = new Error('the model is away');
    const model = new MockLanguageModelV3({ doStream: () => Promise.reject(error) });
    const { fullStream } = streamText({ model, prompt: 'Hello', maxRetries: 0, onError: () => {} });
    const consumed = await sessions.consume('c1', fullStream, { map: () => undefined });
    expect(consumed).toEqual({ finishReason: 'error', usage: undefined, error });
    const entries = sessions.getAllLogsInQueue({ sessionId: 'c1' });
    expect(entries.map(({ kind }) => kind)).toEqual(['stream-start', 'error', 'stream-end']);
    expect(exporter.getFinishedLogRecords()[0]).toMatchObject({
      body: 'the model is away',
      attributes: { 'exception.message': 'the model is away' },
    });
  });

  it('a chat resumes in mid-answer without Redis: the transport of useChat gets the whole message', async () => {
    const model = mockModel(10);
    const { signal } = new AbortController();
    async function POST(chatId: string): Promise<Response> {
      // recipe: Vercel AI SDK, resume: POST
      const answer = streamText({ model, prompt: 'Hello', abortSignal: signal });
      void sessions.consume(chatId, answer.fullStream, {
        map: (part) => (part.type === 'text-delta' ? part.text : undefined),
        read: false,
        signal,
      });
      return answer.toUIMessageStreamResponse({
        consumeSseStream: ({ stream }) => void sessions.consume(chatId, stream, { export: false, signal }),
      });
      // end
    }
    async function GET(chatId: string): Promise<Response> {
      // recipe: Vercel AI SDK, resume: GET
      if ((await sessions.answerState(chatId)) !== 'running') return new Response(null, { status: 204 });
      const bytes = sessions.toReadableStream(chatId).pipeThrough(new TextEncoderStream());
      return new Response(bytes, { headers: UI_MESSAGE_STREAM_HEADERS });
      // end
    }
    const fetch = (request: Request): Promise<Response> => {
      const [, , , chatId = 'c1'] = new URL(request.url).pathname.split('/');
      return request.method === 'POST' ? POST('c1') : GET(chatId);
    };
    server = createAdaptorServer({ fetch }) as Server;
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`;
    const transport = new DefaultChatTransport<UIMessage>({ api });

    expect(await transport.reconnectToStream({ chatId: 'c1' })).toBeNull();
    const hangUp = new AbortController();
    const first = await transport.sendMessages({
      chatId: 'c1',
      messageId: undefined,
      trigger: 'submit-message',
      messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
      abortSignal: hangUp.signal,
    });
    const reader = first.getReader();
    for (let i = 0; i < 8; i += 1) await reader.read();
    hangUp.abort(); // the page is reloaded
    await reader.cancel().catch(() => {});

    const resumed = await transport.reconnectToStream({ chatId: 'c1' });
    expect(resumed).not.toBeNull();
    let text = '';
    for await (const message of readUIMessageStream({ stream: resumed as NonNullable<typeof resumed> })) {
      text = message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
    }
    expect(text).toBe(ANSWER);
    expect(await transport.reconnectToStream({ chatId: 'c1' })).toBeNull();
    await expect.poll(() => sessions.stats().readers).toBe(0);
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual([ANSWER]);
  });
});
