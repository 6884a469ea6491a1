import assert from 'node:assert/strict';

import { entryDetail } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { sleep } from '../../support/timers.ts';
import { AT, END, log, logAll, names, nextStep, readAll, readCount, readFrom, START } from './contract-kit.ts';
import type { ContractTest } from './contract-kit.ts';

/** Ids that have been keys, paths, prototypes and patterns elsewhere. */
export const HOSTILE_IDS: readonly string[] = [
  '__proto__',
  'constructor',
  '../../etc/passwd',
  'a\r\nSET x y\r\n',
  '{a}:l',
  'a}:l',
  '*',
  '[a-z]',
  'h.abc',
  '\u0000',
  ' ',
  '😀'.repeat(128),
  '\ud800',
  '\udfff',
  'x'.repeat(64),
  'x'.repeat(65),
  'x'.repeat(256),
];

/** Order, content and independence. */
export function readingContract(test: ContractTest): void {
  test('entries are read in the order logged, each once', async (store) => {
    const cursor = store.open('s', { from: 'start' });
    assert.equal(await cursor.step(), 'unknown');
    for (const name of names(1_000)) log(store, 's', name);
    assert.deepEqual(await readCount(cursor, 1_000), names(1_000));
    assert.equal(await cursor.step(), 'none');
    assert.equal(cursor.missed, 0);
    cursor.leave();
  });

  test('text arrives as it was logged', async (store) => {
    const texts = ['', ' ', 'a\r\nb', '</end>', '{"m":1}', 'é😀', '😀'.slice(0, 1), '\u0000', ',', 'x'.repeat(100_000)];
    await logAll(store, 's', ...texts);
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, texts);
  });

  test('time and detail arrive as they were logged', async (store) => {
    const detail = entryDetail({
      logType: 'log',
      kind: 'error',
      streamId: 'stream',
      severityNumber: 17,
      severityText: 'ERROR',
      attributes: { text: 'a', number: 1.5, flag: true, list: ['a', 'b'], nested: { deep: null } },
      eventName: 'event',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      endsReasoning: true,
    });
    assert.equal(store.append('s', 'with', AT + 1, detail), true);
    assert.equal(store.append('s', 'without', 0, undefined), true);
    assert.equal(store.append('s', 'ends', -1, entryDetail({ endsReasoning: true })), true);
    await store.flush();
    const cursor = store.open('s', { from: 'start' });
    assert.equal(await cursor.step(), 'entry');
    assert.equal(cursor.timestamp, AT + 1);
    assert.deepEqual({ ...cursor.detail }, { ...detail });
    assert.equal(await cursor.step(), 'entry');
    assert.equal(cursor.timestamp, 0);
    assert.equal(cursor.detail === undefined, true);
    assert.equal(await cursor.step(), 'entry');
    assert.equal(cursor.timestamp, -1);
    assert.equal(cursor.detail?.endsReasoning, true);
    cursor.leave();
  });

  test('values changed by their writer after `append` are not seen', async (store) => {
    const given = { text: 'a', list: ['a', 1.5, { deep: true }], nested: { deep: { text: 'b' }, list: [1] } };
    const before = structuredClone(given);
    const fields: { -readonly [Key in keyof EntryDetail]: EntryDetail[Key] } = {
      ...entryDetail({ logType: 'log', severityText: 'INFO', attributes: given }),
    };
    assert.equal(store.append('s', 'm', AT, fields), true);
    given.text = 'changed';
    given.list.push('added');
    (given.list[2] as { deep: boolean }).deep = false;
    given.nested.deep.text = 'changed';
    given.nested.list.length = 0;
    Object.assign(given, { added: true });
    fields.severityText = 'ERROR';
    fields.attributes = undefined;
    await store.flush();
    const cursor = store.open('s', { from: 'start' });
    assert.equal(await cursor.step(), 'entry');
    assert.deepEqual(cursor.detail?.attributes, before);
    assert.equal(cursor.detail?.severityText, 'INFO');
    cursor.leave();
  });

  test('a reader that stands still takes nothing from the others', async (store) => {
    const slow = store.open('s', { from: 'start' });
    await slow.step();
    const quick = store.open('s', { from: 'start' });
    await quick.step();
    for (const name of names(300)) log(store, 's', name);
    assert.deepEqual(await readCount(quick, 300), names(300));
    assert.deepEqual(await readCount(slow, 300), names(300));
    slow.leave();
    quick.leave();
  });

  test("four producers interleave: each one's order is kept", async (store) => {
    const cursor = store.open('s', { from: 'start' });
    await cursor.step();
    const produce = async (name: string): Promise<void> => {
      for (let index = 0; index < 250; index += 1) {
        log(store, 's', `${name}${index}`);
        if (index % 10 === 0) await sleep(0);
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(produce));
    const messages = await readCount(cursor, 1_000);
    for (const name of ['a', 'b', 'c', 'd']) {
      assert.deepEqual(
        messages.filter((message) => message.startsWith(name)),
        names(250, 0, name),
      );
    }
    cursor.leave();
  });

  test('hostile session ids each have a log of their own', async (store) => {
    for (const [index, id] of HOSTILE_IDS.entries()) log(store, id, `of ${index}`);
    await store.flush();
    for (const [index, id] of HOSTILE_IDS.entries()) {
      const cursor = store.open(id, { from: 'start' });
      assert.deepEqual((await readAll(cursor)).messages, [`of ${index}`], JSON.stringify(id));
      assert.equal(cursor.sessionId, id);
      cursor.leave();
    }
    assert.deepEqual(store.sessionIds(), [...HOSTILE_IDS].sort());
  });

  test('no wake-up is missed', async (store) => {
    const cursor = store.open('s', { from: 'start' });
    await cursor.step();
    for (let round = 0; round < 100; round += 1) {
      const arrives = nextStep(cursor);
      // At every distance from the moment the cursor begins to wait.
      for (let turn = 0; turn < round % 7; turn += 1) await sleep(0);
      log(store, 's', `m${round}`);
      assert.equal(await arrives, 'entry');
      assert.equal(cursor.message, `m${round}`);
    }
    cursor.leave();
  });
}

/** Where cursors start. */
export function startContract(test: ContractTest): void {
  test("'now' meets only what comes", async (store) => {
    await logAll(store, 's', 'old');
    const cursor = store.open('s', { from: 'now' });
    assert.equal(await cursor.step(), 'none');
    log(store, 's', 'new');
    assert.deepEqual(await readCount(cursor, 1), ['new']);
    cursor.leave();
  });

  test("'start' is the oldest entry of the current life", async (store) => {
    await logAll(store, 's', 'a', 'b');
    store.end('s');
    await logAll(store, 's', 'c', 'd');
    assert.deepEqual((await readFrom(store, 's', 'start')).messages, ['c', 'd']);
    store.end('s');
    await store.flush();
    const cursor = store.open('s', { from: 'start' });
    assert.deepEqual(pick(await readAll(cursor)), { messages: ['c', 'd'], step: 'end' });
    assert.equal(await cursor.step(), 'unknown');
    cursor.leave();
  });

  test("'stream' is the start of the latest stream of the current life, else like 'start'", async (store) => {
    await logAll(store, 's', 'a');
    assert.deepEqual((await readFrom(store, 's', 'stream')).messages, ['a']);
    log(store, 's', 'one', START);
    log(store, 's', 'one end', END);
    log(store, 's', 'two', START);
    await logAll(store, 's', 'b');
    assert.deepEqual((await readFrom(store, 's', 'stream')).messages, ['two', 'b']);
    log(store, 's', 'three', { ...START, streamId: 'x' });
    log(store, 's', 'two end', END);
    await store.flush();
    assert.deepEqual((await readFrom(store, 's', 'stream')).messages, ['three', 'two end']);
    store.end('s');
    await logAll(store, 's', 'c');
    assert.deepEqual((await readFrom(store, 's', 'stream')).messages, ['c']);
  });

  test("'stream' takes a stream that goes on after a tool call for one", async (store) => {
    log(store, 's', 'start', START);
    log(store, 's', 'tool', { kind: 'tool-call-start' });
    log(store, 's', 'tool end', { kind: 'tool-call-end' });
    log(store, 's', 'again', START);
    await logAll(store, 's', 'b');
    const expected = ['start', 'tool', 'tool end', 'again', 'b'];
    assert.deepEqual((await readFrom(store, 's', 'stream')).messages, expected);
    log(store, 's', 'end', END);
    log(store, 's', 'late', { kind: 'tool-call-end' });
    log(store, 's', 'next', START);
    await store.flush();
    assert.deepEqual((await readFrom(store, 's', 'stream')).messages, ['next']);
  });

  test('{ after } goes on strictly after any entry, over end marks too', async (store) => {
    await logAll(store, 's', ...names(10));
    store.end('s');
    await logAll(store, 's', ...names(10, 10));
    const first = store.open('s', { from: { after: 'no id' } });
    const ids: string[] = [];
    while (ids.length < 20) {
      const step = await first.step();
      if (step === 'entry') ids.push(first.id);
      else assert.equal(step, 'end');
    }
    first.leave();
    for (const [index, after] of ids.entries()) {
      const cursor = store.open('s', { from: { after } });
      const { messages, step } = await readAll(cursor);
      const rest = step === 'end' ? [...messages, ...(await readAll(cursor)).messages] : messages;
      assert.deepEqual(rest, names(19 - index, index + 1));
      assert.equal(cursor.missed, 0);
      cursor.leave();
    }
  });

  test('a cursor of another session, of the future or of no session replays from the oldest entry and says so', async (store) => {
    await logAll(store, 'other', 'x');
    const [foreign] = (await readFrom(store, 'other', 'start')).ids;
    await sleep(5);
    await logAll(store, 's', 'a', 'b');
    const [own] = (await readFrom(store, 's', 'start')).ids;
    const bad = ['', '-', '0', '0-0', '1-1-1', 'a b', '\r\n', '*', '+', '$', `(${own}`, `${own}x`, `${own}-0`, foreign];
    const large = [
      'n99999999999999a0',
      't18446744073709551615t18446744073709551615',
      't18446744073709551616a0',
      'a0t18446744073709551616',
      '99999999999999-0',
      '18446744073709551615-18446744073709551615',
      '18446744073709551616-0',
      // Not as a store spells a number.
      'b07a0',
      'a10a0',
      'a0',
      'a0a0a0',
      // Older ids.
      'mf3k2a1b4c5d6e7f-1-0',
      '1700000000000-0',
    ];
    // What a newer version of a store may make of its ids.
    const newer = [
      `v2.${own}`,
      `${own}.1`,
      `${own}~`,
      `~${own}`,
      `${own}-1-1`,
      `A${own}`,
      `${own}=`,
      '{"v":2}',
      'é',
      'x'.repeat(999),
    ];
    for (const after of [...bad, ...large, ...newer] as string[]) {
      const cursor = store.open('s', { from: { after } });
      assert.deepEqual((await readAll(cursor)).messages, ['a', 'b'], JSON.stringify(after));
      assert.equal(cursor.missed, -1, JSON.stringify(after));
      assert.equal(await store.streamState('s', after), 'none', JSON.stringify(after));
      cursor.leave();
    }
    const nowhere = store.open('nowhere', { from: { after: own as string } });
    assert.equal(await nowhere.step(), 'unknown');
    assert.equal(nowhere.missed, -1);
    nowhere.leave();
  });

  test('a bounded cursor ends at the entry that was last when it was opened', async (store) => {
    const unknown = store.open('s', { from: 'start', isBounded: true });
    assert.equal(await unknown.step(), 'unknown');
    unknown.leave();
    await logAll(store, 's', ...names(600));
    const cursor = store.open('s', { from: 'start', isBounded: true });
    assert.equal(await cursor.step(), 'entry');
    await logAll(store, 's', 'later');
    assert.deepEqual(pick(await readAll(cursor)), { messages: names(599, 1), step: 'caught-up' });
    assert.equal(await cursor.step(), 'caught-up');
    cursor.leave();
  });
}

function pick({ messages, step }: { readonly messages: string[]; readonly step: string }): object {
  return { messages, step };
}
