import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';

const sessions = new SessionLogs();
let server: Server;
let breaksOff: boolean;

/** The part of the API that streams chat completions, as server-sent events. */
beforeEach(async () => {
  breaksOff = false;
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
      send({ role: 'assistant', content: '' });
      for (const content of ['Hel', 'lo ', '😀', '</end>']) send({ content });
      if (breaksOff) return response.write('data: {"error":{"message":"overloaded"}}\n\n');
      send({}, 'stop');
      return response.end('data: [DONE]\n\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

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

  it('an error in mid-answer reaches the caller and stands in the session', async () => {
    breaksOff = true;
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
