// AI SDK 6. For AI SDK 7 take answer.ai-sdk-7.ts in the place of this file.
import { convertToModelMessages, generateId, JsonToSseTransformStream, streamText } from 'ai';

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
  const text = sessions.consume(chatId, answer.fullStream, {
    map: (part) => (part.type === 'text-delta' ? part.text : undefined),
    read: false,
    signal,
  });
  // The frames for browsers. They stay in the session.
  const frames = answer.toUIMessageStream<ChatMessage>({
    originalMessages: messages,
    generateMessageId: generateId,
    messageMetadata: ({ part }) => (part.type === 'abort' ? { isStopped: true } : undefined),
    onFinish: (end) => saveMessages(chatId, end.messages),
  });
  const events = frames.pipeThrough(new JsonToSseTransformStream());
  return { done: Promise.all([text, sessions.consume(chatId, events, { export: false, signal })]) };
}
