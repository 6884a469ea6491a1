import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';

import { EventSource } from 'eventsource';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { answerTo, tokensOf } from '../../examples/chat-answers.ts';
import { createChatServer } from '../../examples/chat-server.ts';
import type { ChatServer } from '../../examples/chat-server.ts';

// The page itself is tested in Chromium: test/integration/chat-server.test.ts.
describe('the example chat over HTTP', () => {
  let chat: ChatServer;
  let base: string;

  beforeEach(async () => {
    chat = createChatServer({ tokenMillis: 1 });
    await new Promise<void>((resolve) => chat.server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(chat.server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    chat.server.closeAllConnections();
    await new Promise((resolve) => chat.server.close(resolve));
    await chat.sessions.shutdown();
  });

  const ask = (id: string, body: string, type = 'application/json'): Promise<Response> =>
    fetch(`${base}/chat/${id}/ask`, { method: 'POST', headers: { 'content-type': type }, body });

  it('streams question and answer; the tokens joined are the passage of the document', async () => {
    const question = 'May I use the trademarks?';
    const id = randomUUID();
    const source = new EventSource(`${base}/chat/${id}/events`);
    const seen: { kind: string; text: string; role?: string }[] = [];
    const done = new Promise<void>((resolve) => {
      source.addEventListener('message', ({ data }) => {
        seen.push(JSON.parse(String(data)) as (typeof seen)[number]);
        if (seen.at(-1)?.kind === 'stream-end') resolve();
      });
    });
    expect((await ask(id, JSON.stringify({ question }))).status).toBe(202);
    expect((await ask(id, JSON.stringify({ question }))).status).toBe(409);
    await done;
    source.close();
    expect(seen[0]).toMatchObject({ kind: 'text', text: question, role: 'user' });
    const answer = seen.filter(({ kind, role }) => kind === 'text' && role === undefined);
    expect(answer.map(({ text }) => text).join('')).toBe(answerTo(question));
    expect(answer.map(({ text }) => text)).toEqual(tokensOf(answerTo(question)));
  });

  it('refuses what is no question, and what another site could send', async () => {
    const id = randomUUID();
    const good = JSON.stringify({ question: 'x' });
    for (const body of [
      '',
      '{',
      'null',
      '{}',
      '{"question":""}',
      '{"question":3}',
      `{"question":"${'x'.repeat(5000)}"}`,
    ]) {
      expect((await ask(id, body)).status).toBe(400);
    }
    expect((await ask(id, good, 'text/plain')).status).toBe(400);
    for (const path of ['/chat/short', `/chat/${id}/other`, '/../LICENSE', '/favicon.ico']) {
      expect((await fetch(base + path)).status).toBe(404);
    }
    expect(chat.sessions.allSessionsInQueue).toEqual([]);
  });

  it('serves a page of its own for each chat, under a policy that allows its own script only', async () => {
    const response = await fetch(base);
    expect(response.url).toMatch(/\/chat\/[0-9a-f-]{36}$/);
    const policy = response.headers.get('content-security-policy') ?? '';
    const [, nonce = ''] = /script-src 'nonce-([^']+)'/.exec(policy) ?? [];
    expect(policy).toContain("default-src 'none'");
    const html = await response.text();
    expect(html).toContain(`<script nonce="${nonce}">`);
    expect(html).not.toContain('{{nonce}}');
    expect(html).not.toMatch(/(?:src|href)="https?:/);
  });
});
