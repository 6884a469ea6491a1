/**
 * The chat programs of `examples/`, copied, installed with the packed package, built, and used in Chromium: a reload in
 * mid-answer, a second tab, stop, history, a restart; with what a collector got of it. Of each state there is a picture in
 * `test/artifacts/chat`.
 *
 *   npm run test:chat                       Hono and Next.js, with AI SDK 6 and 7
 *   npm run test:chat -- Hono '6'           those with these words in their name
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

import { pack } from '../hosts/pack.ts';
import { freePorts } from '../integration/free-ports.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { buildChat, CHAT_PROGRAMS, ChatServer } from './chat/chat-program.ts';
import type { BuiltChat } from './chat/chat-program.ts';
import { useChat } from './chat/use-chat.ts';
import { cell } from './matrix.ts';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const ARTIFACTS = join(import.meta.dirname, '..', 'artifacts', 'chat');

async function use(browser: Browser, chat: BuiltChat): Promise<void> {
  const pictures = join(ARTIFACTS, chat.program.name.replaceAll(/\W+/g, '-').toLowerCase());
  await mkdir(pictures, { recursive: true });
  const receiver = await startOtlpReceiver();
  const [port = 0] = await freePorts(1);
  const server = new ChatServer(chat, port, receiver.url);
  try {
    await server.start();
    await useChat({ browser, server, receiver, picture: (state) => join(pictures, `${state}.png`) });
    if (server.said.includes('rror')) throw new Error('it printed an error');
  } catch (error) {
    throw new Error(`${String((error as Error).stack)}\n${server.said}`, { cause: error });
  } finally {
    await server.end('SIGKILL');
    await receiver.close();
  }
}

async function main(directory: string): Promise<void> {
  if (!existsSync(CHROMIUM)) return console.warn(`skipped: no Chromium at ${CHROMIUM} (set CHROMIUM_PATH)`);
  const words = process.argv.slice(2);
  const tarball = await pack(directory);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  try {
    for (const program of CHAT_PROGRAMS.filter(({ name }) => words.every((word) => name.includes(word)))) {
      await cell(program.name, async () => {
        const chat = await buildChat(program, tarball, join(directory, program.name.replaceAll(/\W+/g, '-')));
        await use(browser, chat);
      });
    }
  } finally {
    await browser.close();
  }
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-chat-'));
try {
  await main(directory);
} finally {
  if (process.env['KEEP'] === undefined) await rm(directory, { recursive: true, force: true });
  else console.log(directory);
}
