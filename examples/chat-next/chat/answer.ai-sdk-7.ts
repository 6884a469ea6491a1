// AI SDK 7: copy it over answer.ts.
import { convertToModelMessages, generateId, JsonToSseTransformStream, streamText, toUIMessageStream } from 'ai';
import type { ToolSet } from 'ai';

import { saveMessages } from './messages.ts';
import type { ChatMessage } from './messages.ts';
import { model } from './model.ts';
import { sessions } from './sessions.ts';

/**
 * Begins the answer to a conversation; readers of the session see it from now on.
 *
 * @returns `done` resolves when it is over and saved, whoever listens.
 */
export async function startAnswer(
  chatId: string,
  messages: ChatMessage[],
  signal: AbortSignal,
): Promise<{ readonly done: Promise<unknown> }> {
  const answer = streamText({ model, messages: await convertToModelMessages(messages), abortSignal: signal });
  // One clean record for the collector: the text, with finish reason and token usage.
  const parts = sessions.tap(chatId, answer.stream, {
    map: (part) => (part.type === 'text-delta' ? part.text : undefined),
    read: false,
    signal,
  });
  // The frames for browsers. They stay in the session.
  const frames = toUIMessageStream<ToolSet, ChatMessage>({
    stream: parts,
    originalMessages: messages,
    generateMessageId: generateId,
    messageMetadata: ({ part }) => (part.type === 'abort' ? { isStopped: true } : undefined),
    onEnd: (end) => saveMessages(chatId, end.messages),
  });
  const events = frames.pipeThrough(new JsonToSseTransformStream());
  return { done: sessions.consume(chatId, events, { export: false, signal }) };
}
