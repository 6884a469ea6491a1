import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

import { DefaultChatTransport, readUIMessageStream } from 'ai';
import type { UIMessage, UIMessageChunk } from 'ai';
import { EventSource } from 'eventsource';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { answerTo } from '../../examples/chat-hono/chat/model.ts';
import { builtExample } from '../support/built-source.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver, ReceivedRecord } from '../support/otlp-receiver.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const examples = new URL('../../examples/', import.meta.url);
const QUESTION = 'Who owns this?';
const ANSWER = answerTo(QUESTION);

it('the chats for Hono and Next.js are one, but for their server', () => {
  const folders = ['chat-hono', 'chat-next'].map((name) => new URL(`${name}/chat/`, examples));
  const [hono, next] = folders.map((folder) =>
    readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
  );
  expect(next).toEqual(hono);
});

const textOf = (message: UIMessage | undefined): string =>
  (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');

// Its page is tested in Chromium, with AI SDK 7 and on Next.js too: `npm run test:chat`.
describe('the chat for Hono, over HTTP', () => {
  let receiver: OtlpReceiver;
  let server: ChildProcess;
  let base: string;
  let id: string;
  let transport: DefaultChatTransport<UIMessage>;

  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    id = randomUUID();
    server = spawn(process.execPath, [builtExample('chat-hono/server.ts')], {
      env: {
        ...process.env,
        PORT: '0',
        CHATS_PATH: temporaryDirectory(),
        WORD_MILLIS: '10',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    base = String(said).trim();
    transport = new DefaultChatTransport({
      api: `${base}/api/chat`,
      prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, message: messages.at(-1) } }),
    });
  });

  afterEach(async () => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    await receiver.close();
  });

  function ask(signal?: AbortSignal, messageId = 'q1'): Promise<ReadableStream<UIMessageChunk>> {
    const message: UIMessage = { id: messageId, role: 'user', parts: [{ type: 'text', text: QUESTION }] };
    return transport.sendMessages({
      chatId: id,
      messageId: undefined,
      trigger: 'submit-message',
      messages: [message],
      abortSignal: signal,
    });
  }

  /** The message as it is shown last. */
  async function read(stream: ReadableStream<UIMessageChunk> | null): Promise<UIMessage | undefined> {
    let last: UIMessage | undefined;
    if (stream !== null) for await (const message of readUIMessageStream({ stream })) last = message;
    return last;
  }

  const resume = async (): Promise<UIMessage | undefined> => read(await transport.reconnectToStream({ chatId: id }));
  const history = async (): Promise<UIMessage[]> =>
    (await (await fetch(`${base}/api/chat/${id}`)).json()) as UIMessage[];
  const post = (path: string, body?: unknown): Promise<Response> =>
    fetch(`${base}/api/chat${path}`, { method: 'POST', ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

  async function record(): Promise<ReceivedRecord> {
    await receiver.until(() => receiver.records().length > 0);
    expect(receiver.records()).toHaveLength(1);
    return receiver.records()[0] as ReceivedRecord;
  }

  it('an answer goes on when the page that asked leaves; any page has all of it, and the collector one record', async () => {
    expect(await resume()).toBeUndefined();
    const leaves = new AbortController();
    const reader = (await ask(leaves.signal)).getReader();
    for (let i = 0; i < 8; i += 1) await reader.read();
    leaves.abort();
    const pages = await Promise.all([resume(), resume()]);
    expect(pages.map(textOf)).toEqual([ANSWER, ANSWER]);
    expect(await resume()).toBeUndefined();
    const messages = await history();
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(messages.map(textOf)).toEqual([QUESTION, ANSWER]);
    expect(messages[1]?.id).toBe(pages[0]?.id);
    const { body, attributes } = await record();
    expect(body).toBe(ANSWER);
    expect(attributes).toMatchObject({
      'session.id': id,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.output_tokens': ANSWER.split(' ').length,
    });
  });

  it('stopped, an answer says so to its page, in the history, and at the collector', async () => {
    const shown = read(await ask());
    await expect.poll(async () => (await history()).length).toBe(1); // it is asked
    await post(`/${id}/stop`);
    const message = await shown;
    expect(message?.metadata).toEqual({ isStopped: true });
    expect(ANSWER.startsWith(textOf(message))).toBe(true);
    expect((await history())[1]).toMatchObject({ metadata: { isStopped: true } });
    expect(textOf((await history())[1])).toBe(textOf(message));
    expect((await record()).attributes['gen_ai.response.finish_reasons']).toEqual(['aborted']);
  });

  it('a question that is asked again replaces its answer, and what is no question is refused', async () => {
    const first = read(await ask());
    expect(
      (await post('', { id, message: { id: 'q2', role: 'user', parts: [{ type: 'text', text: 'x' }] } })).status,
    ).toBe(409);
    await first;
    await read(await ask());
    expect((await history()).map(textOf)).toEqual([QUESTION, ANSWER]);
    const parts = [{ type: 'text', text: 'x' }];
    for (const body of [undefined, null, {}, { id }, { id, message: { id: 'q', role: 'assistant', parts } }]) {
      expect((await post('', body)).status).toBe(400);
    }
    expect((await post('', { id: '../x', message: { id: 'q', role: 'user', parts } })).status).toBe(400);
  });

  it('tells every page that an answer begins and ends', async () => {
    const source = new EventSource(`${base}/api/chat/${id}/events`);
    const seen: string[] = [];
    source.addEventListener('message', ({ data }) => seen.push(String(data)));
    await once(source as unknown as EventTarget, 'open');
    await read(await ask());
    await until(() => seen.length === 2, 'both');
    source.close();
    expect(seen).toEqual(['{"kind":"stream-start"}', '{"kind":"stream-end"}']);
  });

  it('keeps what was said when it is told to end', async () => {
    const reader = (await ask()).getReader();
    for (let i = 0; i < 8; i += 1) await reader.read();
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
    const { body, attributes } = await record();
    expect(body).not.toBe('');
    expect(ANSWER.startsWith(String(body))).toBe(true);
    expect(attributes['gen_ai.response.finish_reasons']).toEqual(['aborted']);
  });
});
