import assert from 'node:assert/strict';

import type { Browser, BrowserContext } from 'playwright-core';

import { answerTo } from '../../../examples/chat-hono/chat/model.ts';
import type { OtlpReceiver, ReceivedRecord } from '../../support/otlp-receiver.ts';
import type { ChatServer } from './chat-program.ts';
import { ChatTab } from './chat-tab.ts';

/** What functions that run in the page may name. */
declare const document: { readonly documentElement: { readonly scrollWidth: number } };

/** Long enough to be within an answer, and far from its end. */
const SOME = 100;

export interface ChatUse {
  readonly browser: Browser;
  readonly server: ChatServer;
  readonly receiver: OtlpReceiver;
  /** Where a picture of this state goes. */
  readonly picture: (state: string) => string;
}

/** Uses a chat as people do, in one chat from its first question on, and looks at what the collector got of it. */
export async function useChat({ browser, server, receiver, picture }: ChatUse): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 900, height: 800 } });
  context.setDefaultTimeout(30_000);
  const tab = await ChatTab.open(context, server.url);
  const sessionId = tab.page.url().split('/').at(-1) ?? '';
  const show = async (state: string): Promise<void> => void (await tab.page.screenshot({ path: picture(state) }));
  const records = (count: number): Promise<ReceivedRecord[]> => recordsOf(receiver, sessionId, count);

  await show('1-empty');
  await reloadInMidAnswer(tab, context, show);
  checkWhole(await records(1), 'Who owns this?');

  const part = await stopFromAnotherTab(tab, context, show);
  checkStopped((await records(2)).slice(1), part);

  await tab.page.reload();
  await tab.shows(4, 0);
  assert.equal(await tab.notes.textContent(), 'Stopped.');
  await show('5-history');

  await leaveInMidAnswer(tab, context);
  checkWhole((await records(3)).slice(2), 'Who reads on?');

  const kept = await restart(tab, server, show);
  checkStopped((await records(4)).slice(3), kept);

  await die(tab, server, show);
  checkWhole((await records(5)).slice(4), 'And if you die?');
  assert.equal((await tab.said()).length, 10);
  await onPhone(tab, show);
  await context.close();
}

/** A reload in mid-answer, with a second tab that is opened then: neither loses a word, and none is there twice. */
async function reloadInMidAnswer(
  tab: ChatTab,
  context: BrowserContext,
  show: (state: string) => Promise<void>,
): Promise<void> {
  const question = 'Who owns this?';
  await tab.ask(question);
  await tab.shows(2, SOME);
  await show('2-mid-answer');
  const before = await tab.lastSaid();
  await tab.page.reload();
  const second = ChatTab.open(context, tab.page.url());
  await tab.shows(2, before.length);
  assert.ok((await tab.lastSaid()).length < answerTo(question).length, 'the answer was over before the reload');
  await show('3-reloaded-in-mid-answer');
  for (const each of [tab, await second]) {
    await each.isAt('ready');
    await each.shows(2, answerTo(question).length - 1);
    assert.deepEqual(await each.said(), [question, answerTo(question)]);
  }
  await close(await second);
}

/** A tab that is there before the question sees it and the answer come, and stops it for both. */
async function stopFromAnotherTab(
  tab: ChatTab,
  context: BrowserContext,
  show: (state: string) => Promise<void>,
): Promise<string> {
  const second = await ChatTab.open(context, tab.page.url());
  await second.shows(2, 0);
  await tab.ask('Can it be stopped?');
  await second.shows(4, SOME);
  await second.press('Stop');
  for (const each of [tab, second]) {
    await each.notes.waitFor();
    await each.isAt('ready');
    assert.equal(await each.notes.textContent(), 'Stopped.');
  }
  await show('4-stopped');
  const part = await tab.lastSaid();
  assert.equal(await second.lastSaid(), part);
  assert.ok(answerTo('Can it be stopped?').startsWith(part) && part.length < answerTo('Can it be stopped?').length);
  await close(second);
  return part;
}

/** Nobody is there when the answer comes to its end. */
async function leaveInMidAnswer(tab: ChatTab, context: BrowserContext): Promise<void> {
  const url = tab.page.url();
  await tab.ask('Who reads on?');
  await tab.shows(6, SOME);
  await tab.page.goto('about:blank');
  const later = await ChatTab.open(context, url);
  await later.isAt('ready');
  await later.shows(6, answerTo('Who reads on?').length - 1);
  assert.equal(await later.lastSaid(), answerTo('Who reads on?'));
  await close(later);
  await tab.page.goto(url);
  await tab.shows(6, 0);
}

/** The server is told to end in mid-answer: what was said is kept, and the page goes on by itself. */
async function restart(tab: ChatTab, server: ChatServer, show: (state: string) => Promise<void>): Promise<string> {
  await tab.isAt('ready');
  await tab.ask('What does a restart do?');
  await tab.shows(8, SOME);
  await server.end('SIGTERM');
  await tab.isAt('disconnected');
  await show('6-restarting');
  await server.start();
  await tab.isAt('ready');
  await tab.shows(8, SOME);
  assert.deepEqual(await tab.notes.allTextContents(), ['Stopped.', 'Stopped.']);
  await show('7-restarted');
  tab.forgive();
  return tab.lastSaid();
}

/** The server dies in mid-answer: the page says so, and the question can be asked again. */
async function die(tab: ChatTab, server: ChatServer, show: (state: string) => Promise<void>): Promise<void> {
  const question = 'And if you die?';
  await tab.ask(question);
  await tab.shows(10, SOME);
  await server.end('SIGKILL');
  await tab.isAt('disconnected');
  await server.start();
  await tab.isAt('ready');
  await tab.page.getByRole('button', { name: 'Ask again' }).waitFor();
  await show('8-broken-off');
  await tab.page.reload();
  await tab.press('Ask again');
  await tab.shows(10, answerTo(question).length - 1);
  await tab.isAt('ready');
  assert.equal(await tab.lastSaid(), answerTo(question));
  await show('9-asked-again');
  tab.forgive();
}

/** On a phone all of it fits beside each other, and only what can be done is offered. */
async function onPhone(tab: ChatTab, show: (state: string) => Promise<void>): Promise<void> {
  await tab.page.setViewportSize({ width: 390, height: 760 });
  await tab.ask('And on a phone?');
  await tab.shows(12, SOME);
  assert.deepEqual(await tab.page.getByRole('button').allTextContents(), ['Stop']);
  assert.equal(await tab.page.evaluate(() => document.documentElement.scrollWidth), 390);
  await show('10-phone');
  await tab.press('Stop');
  await tab.isAt('ready');
}

async function close(tab: ChatTab): Promise<void> {
  assert.deepEqual(tab.complaints, []);
  await tab.page.close();
}

/** The records of the chat, when there are so many. One too many that comes later is found with the next ones. */
async function recordsOf(receiver: OtlpReceiver, sessionId: string, count: number): Promise<ReceivedRecord[]> {
  const own = (): ReceivedRecord[] =>
    receiver.records().filter(({ attributes }) => attributes['session.id'] === sessionId);
  await receiver.until(() => own().length >= count);
  assert.equal(own().length, count, `records: ${JSON.stringify(own().map(({ body }) => body))}`);
  return own();
}

function checkWhole(records: readonly ReceivedRecord[], question: string): void {
  const answer = answerTo(question);
  assert.deepEqual(
    records.map(({ body }) => body),
    [answer],
  );
  assert.deepEqual(records[0]?.attributes['gen_ai.response.finish_reasons'], ['stop']);
  assert.equal(Number(records[0]?.attributes['gen_ai.usage.input_tokens']), 12);
  assert.equal(Number(records[0]?.attributes['gen_ai.usage.output_tokens']), answer.match(/\S+\s*/gu)?.length);
}

function checkStopped(records: readonly ReceivedRecord[], shown: string): void {
  assert.deepEqual(
    records.map(({ body }) => body),
    [shown],
  );
  assert.deepEqual(records[0]?.attributes['gen_ai.response.finish_reasons'], ['aborted']);
}
