import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { UIMessage } from 'ai';

/** Your database goes here. This is a directory with a file for each chat. */
const DIRECTORY = process.env['CHATS_PATH'] ?? 'chats';

/** A message, with whether it is an answer that somebody stopped. */
export type ChatMessage = UIMessage<{ readonly isStopped?: boolean }>;

export async function readMessages(chatId: string): Promise<ChatMessage[]> {
  try {
    return JSON.parse(await readFile(fileOf(chatId), 'utf8')) as ChatMessage[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export async function saveMessages(chatId: string, messages: readonly ChatMessage[]): Promise<void> {
  await mkdir(DIRECTORY, { recursive: true, mode: 0o700 });
  const next = `${fileOf(chatId)}.next`;
  await writeFile(next, JSON.stringify(messages), { mode: 0o600 });
  await rename(next, fileOf(chatId));
}

function fileOf(chatId: string): string {
  return join(DIRECTORY, `${chatId}.json`);
}
