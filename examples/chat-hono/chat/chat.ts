/** A chat whose answers outlive the page that asked: what the routes of a server do, from `Request` to `Response`. */
import { safeValidateUIMessages, UI_MESSAGE_STREAM_HEADERS } from 'ai';
import type { EventStreamResponseOptions, LogEntry } from 'otel-session-logs';
import * as z from 'zod';

import { startAnswer } from './answer.ts';
import { readMessages, saveMessages } from './messages.ts';
import type { ChatMessage } from './messages.ts';
import { sessions } from './sessions.ts';

interface RunningAnswer {
  readonly stop: AbortController;
  readonly over: Promise<unknown>;
}

declare global {
  var runningAnswers: Map<string, RunningAnswer> | undefined;
}

/** The answers that this process writes: one map, however often a bundler loads this file. */
const running = (globalThis.runningAnswers ??= new Map<string, RunningAnswer>());

/** Whoever knows an id can read the chat, so check that it belongs to your user. Here the id is also the name of a file. */
const chatId = z.string().regex(/^[\w-]{1,64}$/u);
const isChatId = (id: string): boolean => chatId.safeParse(id).success;
const askedSchema = z.object({ id: chatId, message: z.unknown() });

/** POST /api/chat: a question, `{ id, message }`. One that is asked again replaces what came after it. */
export async function ask(request: Request): Promise<Response> {
  const asked = askedSchema.safeParse(await request.json().catch(() => undefined));
  const checked = await safeValidateUIMessages<ChatMessage>({ messages: [asked.data?.message] });
  const question = checked.success ? checked.data[0] : undefined;
  if (!asked.success || question?.role !== 'user') return empty(400);
  const { id } = asked.data;
  if (running.has(id)) return empty(409);
  const stop = new AbortController();
  const started = begin(id, question, stop.signal);
  const over = started
    .then(({ done }) => done)
    .catch(() => {}) // it did not begin, which the awaited promise below tells
    .finally(() => running.delete(id));
  running.set(id, { stop, over });
  await started;
  return latestAnswer(id);
}

async function begin(id: string, question: ChatMessage, signal: AbortSignal): ReturnType<typeof startAnswer> {
  const before = await readMessages(id);
  const place = before.findIndex((each) => each.id === question.id);
  const messages = [...(place === -1 ? before : before.slice(0, place)), question];
  await saveMessages(id, messages);
  return startAnswer(id, messages, signal);
}

/** GET /api/chat/:id/stream: the answer under way, from its first word on. `useChat` resumes with it. */
export async function resume(id: string): Promise<Response> {
  if (!isChatId(id) || (await sessions.answerState(id)) !== 'running') return empty(204);
  return latestAnswer(id);
}

/** POST /api/chat/:id/stop: leaving the page stops nothing, so a stop is a request of its own. */
export function stop(id: string): Response {
  running.get(id)?.stop.abort();
  return empty(204);
}

/** GET /api/chat/:id: the whole conversation, without an answer that is under way. */
export async function history(id: string): Promise<Response> {
  return isChatId(id) ? Response.json(await readMessages(id)) : empty(400);
}

/** GET /api/chat/:id/events: tells every page of the chat when an answer begins and ends, for an `EventSource`. */
export async function events(
  id: string,
  request: Request,
  response?: EventStreamResponseOptions['response'],
): Promise<Response> {
  if (!isChatId(id)) return empty(400);
  const lastEventId = request.headers.get('last-event-id');
  return sessions.toEventStreamResponse(id, {
    from: 'now',
    map: toMark,
    lastEventId,
    signal: request.signal,
    response,
  });
}

function toMark({ kind }: LogEntry): unknown {
  return kind === 'stream-start' || kind === 'stream-end' ? { kind } : undefined;
}

/** Every page, including the one that asked, reads the session: so any of them may leave. */
function latestAnswer(id: string): Response {
  const bytes = sessions.toReadableStream(id).pipeThrough(new TextEncoderStream());
  return new Response(bytes, { headers: UI_MESSAGE_STREAM_HEADERS });
}

/** From now on, SIGTERM ends the process when what was said so far is saved, and its records are sent. */
export function endOnSignal(): void {
  const end = async (): Promise<void> => {
    for (const { stop } of running.values()) stop.abort();
    await Promise.all([...running.values()].map(({ over }) => over));
    await sessions.shutdown().finally(() => process.exit());
  };
  process.once('SIGTERM', () => void end());
}

function empty(status: number): Response {
  return new Response(null, { status });
}
