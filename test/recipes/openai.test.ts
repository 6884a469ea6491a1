import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';

const sessions = new SessionLogs();
let server: Server;
let breaksOff: 'with an error' | 'in silence' | undefined;

/** The part of the API that streams chat completions, as server-sent events. */
beforeEach(async () => {
  breaksOff = undefined;
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const send = (delta: object, finish_reason: string | null = null): void => {
        const chunk = {
          id: 'c1',
          object: 'chat.completion.chunk',
          created: 1,
          model: 'm',
          choices: [{ index: 0, delta, finish_reason }],
        };
        response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      };
      if (request.url?.endsWith('/responses') === true) return sendResponse(response);
      send({ role: 'assistant', content: '' });
      for (const content of ['Hel', 'lo ', '😀', '</end>']) send({ content });
      if (breaksOff === 'in silence') return undefined;
      if (breaksOff !== undefined) return response.write('data: {"error":{"message":"overloaded"}}\n\n');
      send({}, 'stop');
      const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
      response.write(`data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', choices: [], usage })}\n\n`);
      return response.end('data: [DONE]\n\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

/** The part of the API that streams responses. */
function sendResponse(response: ServerResponse): void {
  const usage = { input_tokens: 3, output_tokens: 4, total_tokens: 7 };
  const events = [
    { type: 'response.output_text.delta', delta: 'Hel' },
    { type: 'response.output_text.delta', delta: 'lo' },
    {
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [], usage },
    },
  ];
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}

afterEach(async () => {
  server.closeAllConnections();
  server.close();
});

describe('openai', () => {
  const connect = (): OpenAI =>
    new OpenAI({
      apiKey: 'none',
      baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      maxRetries: 0,
    });
  const messages = [{ role: 'user' as const, content: 'Hello' }];

  it('a streamed completion is read through a tap and stands in the session', async () => {
    const client = connect();
    const sessionId = 'abc123';
    const model = 'm';
    let shown = '';
    // recipe: OpenAI
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const tapped = sessions.tap(sessionId, stream, { map: (chunk) => chunk.choices[0]?.delta.content || undefined });
    for await (const chunk of tapped) shown += chunk.choices[0]?.delta.content ?? '';
    // end
    expect(shown).toBe('Hello 😀</end>');
    const entries = sessions.getAllLogsInQueue({ sessionId });
    expect(entries.map(({ kind, message }) => (kind === 'text' ? message : kind))).toEqual([
      'stream-start',
      'Hel',
      'lo ',
      '😀',
      '</end>',
      'stream-end',
    ]);
  });

  const end = (sessionId: string): unknown => sessions.getAllLogsInQueue({ sessionId, limit: 1 })[0]?.attributes;

  it('what a completion and a response tell of their end stands on the end of the answer', async () => {
    const client = connect();
    const completion = await client.chat.completions.create({ model: 'm', messages, stream: true });
    const chat = await sessions.consume('chat', completion, { map: (c) => c.choices[0]?.delta.content ?? undefined });
    expect(chat).toEqual({ finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 4 } });
    expect(end('chat')).toMatchObject({
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 3,
      'gen_ai.usage.output_tokens': 4,
    });
    const stream = await client.responses.create({ model: 'm', input: 'Hello', stream: true });
    const answered = await sessions.consume('response', stream, {
      map: (event) => (event.type === 'response.output_text.delta' ? event.delta : undefined),
    });
    expect(answered).toEqual({ finishReason: 'length', usage: { inputTokens: 3, outputTokens: 4 } });
  });

  it('a stream that its controller stops says so', async () => {
    breaksOff = 'in silence';
    const stream = await connect().chat.completions.create({ model: 'm', messages, stream: true });
    for await (const { choices } of sessions.tap('stopped', stream, { signal: stream.controller.signal })) {
      if (choices[0]?.delta.content === 'lo ') stream.controller.abort();
    }
    expect(end('stopped')).toMatchObject({ 'gen_ai.response.finish_reasons': ['aborted'] });
  });

  it('an error in mid-answer reaches the caller and stands in the session', async () => {
    breaksOff = 'with an error';
    const stream = await connect().chat.completions.create({ model: 'm', messages, stream: true });
    const read = async (): Promise<void> => {
      for await (const _chunk of sessions.tap('broken', stream, { map: (c) => c.choices[0]?.delta.content ?? '' }));
    };
    await expect(read()).rejects.toThrow(/overloaded/);
    const entries = sessions.getAllLogsInQueue({ sessionId: 'broken' });
    expect(entries.slice(-2)).toMatchObject([
      { kind: 'error', message: expect.stringContaining('overloaded') as string },
      { kind: 'stream-end', attributes: { 'gen_ai.response.finish_reasons': ['error'] } },
    ]);
  });
});
