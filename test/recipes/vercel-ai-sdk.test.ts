import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import {
  consumeStream,
  DefaultChatTransport,
  readUIMessageStream,
  simulateReadableStream,
  streamText,
  UI_MESSAGE_STREAM_HEADERS,
} from 'ai';
import type { LanguageModel, UIMessage } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { afterEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';

const WORDS = Array.from({ length: 40 }, (_, i) => `word${i} `);
const ANSWER = WORDS.join('');

let sessions = new SessionLogs();
let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await sessions.shutdown();
  sessions = new SessionLogs();
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

  it('a chat resumes in mid-answer without Redis: the transport of useChat gets the whole message', async () => {
    const model = mockModel(10);
    async function POST(chatId: string): Promise<Response> {
      // recipe: Vercel AI SDK, resume without Redis: POST
      return streamText({ model, prompt: 'Hello' }).toUIMessageStreamResponse({
        consumeSseStream: ({ stream }) => consumeStream({ stream: sessions.tap(chatId, stream) }),
      });
      // end
    }
    function GET(chatId: string): Response {
      // recipe: Vercel AI SDK, resume without Redis: GET
      const [last] = sessions.getAllLogsInQueue({ sessionId: chatId, limit: 1 });
      if (last === undefined || last.kind === 'stream-end') return new Response(null, { status: 204 });
      const bytes = sessions.toReadableStream(chatId).pipeThrough(new TextEncoderStream());
      return new Response(bytes, { headers: UI_MESSAGE_STREAM_HEADERS });
      // end
    }
    const fetch = (request: Request): Response | Promise<Response> => {
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
  });
});
