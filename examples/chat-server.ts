/**
 * A chat over server-sent events that survives a reload mid-answer, and shows the same stream in every tab.
 *
 *     npx tsx examples/chat-server.ts
 *
 * It answers from a real document, the licence of this package, so no model is needed: `answer()` is where yours goes.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { SessionLogs } from 'otel-session-logs';
import type { LogEntry } from 'otel-session-logs';

import { answerTo, tokensOf } from './chat-answers.ts';

const PAGE = readFileSync(new URL('chat-page.html', import.meta.url), 'utf8');
const MAX_QUESTION_BYTES = 4096;

export interface ChatServer {
  readonly server: Server;
  readonly sessions: SessionLogs;
}

/** @param options `tokenMillis`: the time between two tokens of an answer. */
export function createChatServer(options: { readonly tokenMillis?: number } = {}): ChatServer {
  const { tokenMillis = 35 } = options;
  const sessions = new SessionLogs();
  /** Answers under way. What a session said is in its log; this is only how to stop the one that speaks. */
  const running = new Map<string, AbortController>();

  async function* model(question: string, signal: AbortSignal): AsyncGenerator<string> {
    await delay(tokenMillis * 8, undefined, { signal });
    for (const token of tokensOf(answerTo(question))) {
      await delay(tokenMillis * (0.5 + Math.random()), undefined, { signal });
      yield token;
    }
  }

  async function answer(sessionId: string, question: string): Promise<void> {
    const stop = new AbortController();
    running.set(sessionId, stop);
    try {
      await sessions.logChunkToQueue(question, sessionId, { kind: 'text', attributes: { role: 'user' } });
      // It logs start, tokens and end. Browsers follow the session, not this call: they may come and go.
      await sessions.consume(sessionId, model(question, stop.signal), { signal: stop.signal });
    } finally {
      running.delete(sessionId);
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'GET' && url.pathname === '/') {
      response.writeHead(303, { location: `/chat/${randomUUID()}` }).end();
      return;
    }
    // Whoever knows the id may read the session. Check here that it belongs to your user.
    const [, sessionId, action] = /^\/chat\/([0-9a-f-]{36})(?:\/(\w+))?$/u.exec(url.pathname) ?? [];
    switch (sessionId === undefined ? undefined : `${request.method} ${action ?? 'page'}`) {
      case 'GET page':
        return sendPage(response);
      case 'GET events':
        return sessions.sendEventStream(response, sessionId as string, {
          from: 'start', // a page that loads has nothing yet; one that reconnects says where it was
          lastEventId: request.headers['last-event-id'],
          map: toBrowser,
        });
      case 'POST ask':
        return ask(request, response, sessionId as string);
      case 'POST stop':
        running.get(sessionId as string)?.abort();
        response.writeHead(204).end();
        return undefined;
      default:
        response.writeHead(404).end();
        return undefined;
    }
  }

  async function ask(request: IncomingMessage, response: ServerResponse, sessionId: string): Promise<void> {
    const question = await readQuestion(request);
    if (question === undefined) return void response.writeHead(400).end();
    if (running.has(sessionId)) return void response.writeHead(409).end();
    response.writeHead(202).end();
    await answer(sessionId, question);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      console.error(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  return { server, sessions };
}

/** All that a browser gets to see of an entry. */
function toBrowser({ kind, message, streamId, attributes }: LogEntry): unknown {
  return {
    kind,
    text: message,
    stream: streamId,
    role: attributes?.['role'],
    reason: attributes?.['gen_ai.response.finish_reasons'],
  };
}

function sendPage(response: ServerResponse): void {
  const nonce = randomBytes(16).toString('base64');
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    .end(PAGE.replaceAll('{{nonce}}', nonce));
}

/** JSON only: another site cannot send that here without a preflight, which is not answered. */
async function readQuestion(request: IncomingMessage): Promise<string | undefined> {
  if (request.headers['content-type'] !== 'application/json') return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_QUESTION_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    const { question } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { question?: unknown };
    return typeof question === 'string' && question.trim() !== '' ? question.trim() : undefined;
  } catch {
    return undefined; // no JSON: the answer is 400
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { server } = createChatServer();
  server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
    const address = server.address();
    console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  });
}
