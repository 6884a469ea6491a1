import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { AbstractChat, DefaultChatTransport, JsonToSseTransformStream, simulateReadableStream, streamText } from 'ai';
import type { ChatState, ChatStatus, UIMessage } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';

import type { SessionLogs } from '../../src/facade/session-logs.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import type { EventSourceClass } from './event-sources.ts';

/** What became of what was written while connections were cut. */
export interface CutTally {
  readonly cuts: number;
  readonly written: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface CutPlan {
  /** The first one writes; connections go to each in turn. */
  readonly machines: readonly [SessionLogs, ...SessionLogs[]];
  /** How many connections are cut, at least. */
  readonly cuts: number;
  readonly random: () => number;
}

type Handle = (machine: SessionLogs, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Runs the work against a proxy in front of a server for each machine. */
async function behindProxy<T>(
  { machines }: CutPlan,
  handle: Handle,
  budget: () => number,
  work: (proxy: CuttingProxy) => Promise<T>,
): Promise<T> {
  const servers = machines.map((machine) =>
    createServer((request, response) => {
      // A connection for each request: what is cut is always the answer to it.
      response.shouldKeepAlive = false;
      handle(machine, request, response).catch(() => response.destroy());
    }),
  );
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let connections = 0;
  const target = (): number => {
    const server = servers[(connections += 1) % servers.length] as Server;
    return (server.address() as AddressInfo).port;
  };
  const proxy = await CuttingProxy.start(target, budget);
  try {
    return await work(proxy);
  } finally {
    await proxy.close();
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

/** Longer than the head of what the server answers. */
const HEAD_BYTES = 400;

/**
 * A page with an `EventSource` follows a session while its connections are cut.
 *
 * @param name Those of Node and Chromium give up where they are cut within the head of an answer: Node when it connects again, Chromium
 *   since it takes what it has for the whole head, without a content type. They are spared that.
 */
export async function cutEventSource(plan: CutPlan, name: string, Source: EventSourceClass): Promise<CutTally> {
  const { machines, random } = plan;
  const [writing] = machines;
  const sessionId = `cut-${Math.floor(random() * 2 ** 31)}`;
  const handle: Handle = (machine, request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    const lastEventId = request.headers['last-event-id'];
    return machine.sendEventStream(response, sessionId, { from: 'start', retryMillis: 1, lastEventId });
  };
  const spared = name === 'Node' || name === 'Chromium' ? HEAD_BYTES : 0;
  let proxy: CuttingProxy | undefined;
  // Within the head of the answer, an event, an id, a letter of two bytes, or before the first byte.
  const budget = (): number =>
    (proxy?.cuts ?? 0) < plan.cuts ? spared + Math.floor(random() * 2_500) : Number.POSITIVE_INFINITY;
  return behindProxy(plan, handle, budget, async (started) => {
    proxy = started;
    const seen: number[] = [];
    const source = new Source(started.url);
    const ended = new Promise<void>((resolve) => source.addEventListener('end', () => resolve()));
    source.addEventListener('message', ({ data }) => {
      const { message } = JSON.parse(String(data)) as { message: string };
      seen.push(Number(message.split(' ')[0]));
    });
    let written = 0;
    while (started.cuts < plan.cuts) {
      // Not so far ahead that the session drops what the page has not seen: that would be a gap, which it is told of.
      const many = written - seen.length < 2_000 ? 4 : 0;
      for (let i = 0; i < many; i += 1) void writing.logChunkToQueue(`${written++} ü`, sessionId);
      await delay(1);
    }
    writing.endSession(sessionId);
    await ended;
    source.close();
    return tally(started.cuts, written, seen);
  });
}

/** What comes again, or after what came later, counts as doubled. */
function tally(cuts: number, written: number, seen: readonly number[]): CutTally {
  let newest = -1;
  let doubled = 0;
  for (const number of seen) {
    if (number <= newest) doubled += 1;
    newest = Math.max(newest, number);
  }
  return { cuts, written, lost: written - new Set(seen).size, doubled };
}

const WORDS = Array.from({ length: 200 }, (_, index) => `wörd${index} `);
const ANSWER = WORDS.join('');
const CUTS_PER_ANSWER = 25;

function model(): MockLanguageModelV3 {
  return new MockLanguageModelV3({
    doStream: () =>
      Promise.resolve({
        stream: simulateReadableStream({
          chunkDelayInMs: 1,
          chunks: [
            { type: 'text-start', id: '1' },
            ...WORDS.map((delta) => ({ type: 'text-delta' as const, id: '1', delta })),
            { type: 'text-end', id: '1' },
            {
              type: 'finish',
              finishReason: { unified: 'stop', raw: undefined },
              usage: {
                inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
                outputTokens: { total: WORDS.length, text: WORDS.length, reasoning: 0 },
              },
            },
          ],
        }),
      }),
  });
}

/** What of a chat's state React would keep. */
class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready';
  error: Error | undefined = undefined;
  messages: UIMessage[] = [];
  pushMessage = (message: UIMessage): void => void (this.messages = [...this.messages, message]);
  popMessage = (): void => void (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index: number, message: UIMessage): void =>
    void (this.messages = this.messages.with(index, message));
  snapshot = <T>(value: T): T => structuredClone(value);
}

class PlainChat extends AbstractChat<UIMessage> {}

/** Chats of AI SDK with its own transport ask and resume while their connections are cut. */
export async function cutChats(plan: CutPlan): Promise<CutTally> {
  const { machines, random } = plan;
  const [writing] = machines;
  const handle: Handle = async (machine, request, response) => {
    const [, , , chatId = ''] = (request.url ?? '').split('/');
    let id = chatId;
    if (request.method === 'POST') {
      ({ id } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { id: string });
      const answer = streamText({ model: model(), prompt: 'Hello' });
      void writing.consume(id, answer.toUIMessageStream().pipeThrough(new JsonToSseTransformStream()));
    } else if ((await machine.answerState(id)) === 'none') return void response.writeHead(204).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const text = machine.toReadableStream(id);
    const body = Readable.fromWeb(text as Parameters<typeof Readable.fromWeb>[0]);
    response.on('close', () => body.destroy());
    body.on('error', () => response.destroy());
    body.pipe(response);
  };
  let cutsOfThisAnswer = 0;
  const budget = (): number => {
    cutsOfThisAnswer += 1;
    // Mostly near the beginning, where an answer is while it is written.
    return cutsOfThisAnswer <= CUTS_PER_ANSWER ? Math.floor(random() ** 2 * 8_000) : Number.POSITIVE_INFINITY;
  };
  return behindProxy(plan, handle, budget, async (proxy) => {
    let [written, lost, doubled] = [0, 0, 0];
    for (; proxy.cuts < plan.cuts; written += WORDS.length) {
      cutsOfThisAnswer = 0;
      const { text, wasOdd } = await oneChat(`chat-${Math.floor(random() * 2 ** 31)}`, proxy.url);
      lost += WORDS.filter((word) => !text.includes(word)).length;
      if (wasOdd || text.length > ANSWER.length) doubled += 1;
    }
    return { cuts: proxy.cuts, written, lost, doubled };
  });
}

/** Asks once, and resumes until the answer has come to its end. `wasOdd`: what was shown was once no beginning of the answer. */
async function oneChat(id: string, url: string): Promise<{ readonly text: string; readonly wasOdd: boolean }> {
  let isOver = false;
  let wasOdd = false;
  const textOf = (message: UIMessage | undefined): string =>
    message?.role === 'assistant' ? message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('') : '';
  const state = new PlainState();
  const { replaceMessage } = state;
  state.replaceMessage = (index, message) => {
    replaceMessage(index, message);
    if (!ANSWER.startsWith(textOf(message))) wasOdd = true;
  };
  const chat = new PlainChat({
    id,
    state,
    transport: new DefaultChatTransport({ api: `${url}/api/chat` }),
    onError: () => {},
    onFinish: ({ isDisconnect, isError, finishReason }) => {
      if (!isDisconnect && !isError && finishReason === 'stop') isOver = true;
    },
  });
  await chat.sendMessage({ text: 'Hello' });
  while (!isOver) await chat.resumeStream();
  return { text: textOf(chat.lastMessage), wasOdd };
}
