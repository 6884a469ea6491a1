import { describe, expect, it } from 'vitest';

import type { BlocksEvent, ListEvent, RowsEvent, StateEvent } from '../../src/serve/protocol.ts';
import { ask, askJson, startServer } from '../support/dev-server.ts';
import { PageEvents } from '../support/page-events.ts';
import { SessionScript } from '../support/records.ts';

describe('the stream of a page', () => {
  it('begins with the state, the list and the followed sessions as they are', async () => {
    const server = await startServer();
    new SessionScript(server.model, 'abc').mark('stream_start').chunk('Hel').chunk('lo');
    new SessionScript(server.model, 'def').log('other');
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=s:abc`);
    await page.until(() => page.conversations.has('s:abc'));
    expect(page.named<StateEvent>('state')[0]).toMatchObject({ sessions: 2, entries: 4, evicted: { entries: 0 } });
    expect(page.named<ListEvent>('list')[0]).toMatchObject({
      total: 2,
      matching: 2,
      rows: [{ name: 'def' }, { name: 'abc', openAnswers: 1 }],
    });
    expect(page.texts('s:abc')).toEqual(['Hello']);
    expect(page.conversations.has('s:def')).toBe(false);
  });

  it('grows an answer token by token, and begins a part after a mark', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'abc').mark('stream_start');
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=s:abc`);
    await page.until(() => page.conversations.has('s:abc'));
    const steps: (readonly [() => unknown, string])[] = [
      [() => script.chunk('So'), 'So'],
      [() => script.chunk(' it'), 'So it'],
      [() => script.mark('tool_call_start').chunk('a()'), 'So it|a()'],
      [() => script.mark('tool_call_end').mark('tool_call_start'), 'So it|a()'],
      [() => script.chunk('b()'), 'So it|a()|b()'],
      [() => script.mark('tool_call_end').chunk(' is'), 'So it|a()|b()| is'],
      [() => script.chunk('!').mark('stream_end'), 'So it|a()|b()| is!'],
    ];
    for (const [step, expected] of steps) {
      const count = page.events.length;
      step();
      await page.until(
        () => page.events.length > count && page.named('blocks').length > 0 && page.texts('s:abc')[0] === expected,
      );
    }
    await page.until(() => page.blocksOf('s:abc')[0]?.isOpen === false);
  });

  it('resumes after the last event that a page has seen, without a gap or a repetition', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'abc').mark('stream_start').chunk('one ');
    const url = `${server.endpoint}/api/stream?follow=s:abc`;
    const first = PageEvents.open(url);
    await first.until(() => first.texts('s:abc')[0] === 'one ');
    first.close();
    script.chunk('two ').log('between').chunk('three');
    const second = PageEvents.open(url, { 'last-event-id': first.lastId ?? '' });
    const known = first.conversations.get('s:abc');
    if (known !== undefined) second.conversations.set('s:abc', known);
    await second.until(() => second.texts('s:abc').length === 2);
    expect(second.texts('s:abc')).toEqual(['one two three', 'between']);
    expect(second.named<BlocksEvent>('blocks').some(({ isReset }) => isReset === true)).toBe(false);
  });

  it('sends a session from the start to a page that has seen others only', async () => {
    const server = await startServer();
    const scripts = ['abc', 'def'].map((id) => new SessionScript(server.model, id).log('one'));
    const after = `${(await askJson<StateEvent>(`${server.endpoint}/api/state`)).boot}-${server.model.cursor}`;
    const url = `${server.endpoint}/api/stream?limit=0&follow=s:abc&follow=s:def&anew=s:def&after=${after}`;
    const page = PageEvents.open(url);
    await page.until(() => page.conversations.has('s:def'));
    for (const script of scripts) script.log('two');
    await page.until(() => page.texts('s:abc').length === 1 && page.texts('s:def').length === 2);
    expect(page.texts('s:abc')).toEqual(['two']);
    expect(page.texts('s:def')).toEqual(['one', 'two']);
  });

  it('sends the row of a followed session that is in no window, even when only its delivery or state changes', async () => {
    let now = 1_790_000_000_000;
    const server = await startServer({ now: () => now });
    const script = new SessionScript(server.model, 'abc').log('one');
    const page = PageEvents.open(`${server.endpoint}/api/stream?limit=0&follow=s:abc`);
    const rows = (): BlocksEvent['row'][] => page.named<BlocksEvent>('blocks').map(({ row }) => row);
    await page.until(() => rows().at(-1)?.state === 'live');
    const seq = server.model.cursor;
    server.model.find('abc')?.markDelivered(seq, script.millis);
    await page.until(() => rows().at(-1)?.delivered?.seq === seq);
    now += 60_000;
    await page.until(() => rows().at(-1)?.state === 'ended');
    expect(page.texts('s:abc')).toEqual(['one']);
  });

  it('tells where traces can be seen', async () => {
    const traceLink = 'http://localhost:16686/trace/{traceId}';
    const server = await startServer({ traceLink });
    expect(await askJson<StateEvent>(`${server.endpoint}/api/state`)).toMatchObject({ traceLink });
  });

  it('starts over for a cursor of another start of the viewer', async () => {
    const server = await startServer();
    new SessionScript(server.model, 'abc').log('one');
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=s:abc&after=0123456789ab-7`);
    await page.until(() => page.conversations.has('s:abc'));
    expect(page.named<BlocksEvent>('blocks')[0]?.isReset).toBe(true);
  });

  it('says that a session is gone which the viewer does not hold, and shows it when it comes', async () => {
    const server = await startServer();
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=s:abc`);
    await page.until(() => page.named<BlocksEvent>('blocks')[0]?.isGone === true);
    new SessionScript(server.model, 'abc').log('here');
    await page.until(() => page.texts('s:abc')[0] === 'here');
    expect(page.named<BlocksEvent>('blocks').length).toBe(2);
  });

  it('sends the newest blocks of a long session, and the older ones when asked', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'abc');
    for (let at = 0; at < 1_000; at += 1) script.log(`${at}`);
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=s:abc&tail=10`);
    await page.until(() => page.texts('s:abc').length === 10);
    const [first] = page.named<BlocksEvent>('blocks');
    expect(first).toMatchObject({ isReset: true, hasOlder: true });
    const before = first?.blocks[0]?.id ?? 0;
    const got = await ask(`${server.endpoint}/api/blocks?session=s:abc&before=${before}&limit=5`);
    const older = JSON.parse(got.text) as { readonly blocks: BlocksEvent['blocks']; readonly hasOlder: boolean };
    expect(older.blocks.map(({ parts }) => parts[0]?.text)).toEqual(['985', '986', '987', '988', '989']);
    expect(older.hasOlder).toBe(true);
  });

  it('keeps its filters for what comes', async () => {
    const server = await startServer();
    const url = `${server.endpoint}/api/stream?follow=s:shop-1&search=SHOP&state=failed&severity=17`;
    const page = PageEvents.open(url);
    await page.until(() => page.named('list').length > 0);
    const script = new SessionScript(server.model, 'shop-1').log('fine').log('bad', 17);
    new SessionScript(server.model, 'other').log('bad', 17);
    await page.until(() => page.named<ListEvent>('list').at(-1)?.matching === 1 && page.texts('s:shop-1').length > 0);
    expect(
      page
        .named<ListEvent>('list')
        .at(-1)
        ?.rows.map(({ name }) => name),
    ).toEqual(['shop-1']);
    expect(page.texts('s:shop-1')).toEqual(['bad']);
    script.log('fine again');
    await page.until(() => page.named<ListEvent>('list').at(-1)?.matching === 0);
    expect(page.texts('s:shop-1')).toEqual(['bad']);
  });

  it('sends only the rows that changed, as long as the window stays the same', async () => {
    const server = await startServer();
    const scripts = Array.from({ length: 50 }, (_, at) => new SessionScript(server.model, `s${at}`).log('begins'));
    const page = PageEvents.open(`${server.endpoint}/api/stream?sort=oldest&limit=20`);
    await page.until(() => page.named('list').length > 0);
    scripts[3]?.log('more');
    scripts[40]?.log('more, out of the window');
    await page.until(() => page.named('rows').length > 0);
    expect(page.named<RowsEvent>('rows').flatMap(({ rows }) => rows.map(({ name }) => name))).toEqual(['s3']);
    expect(page.named('list').length).toBe(1);
  });

  it('puts a burst together for a page that is slow, in events of a bounded size', async () => {
    const server = await startServer();
    const script = new SessionScript(server.model, 'abc').mark('stream_start');
    const page = PageEvents.open(`${server.endpoint}/api/stream?follow=s:abc&limit=0`);
    await page.until(() => page.conversations.has('s:abc'));
    page.pause();
    for (let at = 0; at < 100_000; at += 1) script.chunk('0123456789');
    for (let at = 0; at < 5_000; at += 1) script.log('x'.repeat(1_000));
    page.resume();
    await page.until(() => page.texts('s:abc').length === 5_001);
    expect(page.texts('s:abc')[0]).toBe('0123456789'.repeat(100_000));
    const sizes = page.events.map(({ data }) => JSON.stringify(data).length);
    expect(Math.max(...sizes)).toBeLessThan(512 * 1024);
    expect(page.events.length).toBeLessThan(200);
  });

  it('follows at most 16 sessions, and names what is wrong in a query', async () => {
    const server = await startServer();
    const many = Array.from({ length: 17 }, (_, at) => `follow=s:${at}`).join('&');
    expect(await ask(`${server.endpoint}/api/stream?${many}`)).toMatchObject({
      status: 400,
      text: 'expected `follow` at most 16 times, got 17\n',
    });
    for (const query of [
      'sort=up',
      'limit=501',
      'limit=-1',
      'state=dead',
      'logType=x',
      'severity=25',
      'tail=a',
      `search=${'x'.repeat(1_001)}`,
    ]) {
      const got = await ask(`${server.endpoint}/api/stream?${query}`);
      expect([query, got.status]).toEqual([query, 400]);
      expect(got.text).toContain(`\`${query.split('=', 1)[0] ?? ''}\``);
    }
  });

  it('ends with the viewer, and holds nothing for a page that is gone', async () => {
    const server = await startServer();
    const pages = Array.from({ length: 64 }, () => PageEvents.open(`${server.endpoint}/api/stream`));
    await Promise.all(pages.map((page) => page.until(() => page.events.length > 0)));
    expect((await ask(`${server.endpoint}/api/stream`)).status).toBe(503);
    pages[0]?.close();
    await expect
      .poll(async () =>
        PageEvents.open(`${server.endpoint}/api/stream`)
          .until(() => true)
          .then(() => true),
      )
      .toBe(true);
    await server.close();
    await Promise.all(pages.map((page) => page.until(() => false).catch(() => {})));
    expect(pages.every(({ isOver }) => isOver)).toBe(true);
  });
});
