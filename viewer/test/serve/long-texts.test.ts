import { describe, expect, it } from 'vitest';

import type { BlockChange, BlocksEvent } from '../../src/serve/protocol.ts';
import { withoutMiddle, wholeSlice } from '../../src/serve/text-slice.ts';
import { SessionScript } from '../support/records.ts';
import { askJson, startServer } from '../support/dev-server.ts';
import { PageEvents } from '../support/page-events.ts';

interface Blocks {
  readonly blocks: readonly BlockChange[];
  readonly hasOlder: boolean;
}

const KIB = 1_024;

describe('a long answer', () => {
  it('comes whole to a page that opens in the middle of it, in events of a bounded size, and continues', async () => {
    const { endpoint, model } = await startServer();
    const script = new SessionScript(model, 'abc').mark('stream_start').mark('reasoning_start');
    let reasoning = '';
    for (; reasoning.length < 200 * KIB; reasoning += 'hm, ') script.chunk('hm, ');
    script.mark('reasoning_stop');
    let text = '';
    for (let at = 0; text.length < 500 * KIB; at += 1) {
      script.chunk(`word ${at} `);
      text += `word ${at} `;
    }
    const page = PageEvents.open(`${endpoint}/api/stream?follow=s:abc&limit=0`);
    await page.until(() => page.lastId !== undefined);
    expect(page.texts('s:abc')).toEqual([`${reasoning}|${text}`]);
    const sizes = page.events.map(({ data }) => JSON.stringify(data).length);
    expect(Math.max(...sizes)).toBeLessThan(300 * KIB);
    script.chunk('and on');
    await page.until(() => page.texts('s:abc')[0]?.endsWith('and on') === true);
    expect(page.texts('s:abc')).toEqual([`${reasoning}|${text}and on`]);
  });

  it('comes whole to a page that has not taken anything for a while', async () => {
    const { endpoint, model } = await startServer();
    const script = new SessionScript(model, 'abc').mark('stream_start').chunk('one ');
    const page = PageEvents.open(`${endpoint}/api/stream?follow=s:abc&limit=0`);
    await page.until(() => page.texts('s:abc')[0] === 'one ');
    page.close();
    script.chunk('😀'.repeat(150 * KIB));
    for (const call of ['{}', '[]']) script.mark('tool_call_start').chunk(call).mark('tool_call_end');
    script.chunk('two');
    const later = PageEvents.open(`${endpoint}/api/stream?follow=s:abc&limit=0&after=${page.lastId}`);
    for (const [key, conversation] of page.conversations) later.conversations.set(key, conversation);
    await later.until(() => later.texts('s:abc')[0]?.endsWith('two') === true);
    expect(later.texts('s:abc')).toEqual([`one ${'😀'.repeat(150 * KIB)}|{}|[]|two`]);
  });

  it('without an end has its beginning and its end, and says how much is left out between them', async () => {
    const { endpoint, model } = await startServer();
    const script = new SessionScript(model, 'abc').mark('stream_start');
    for (let at = 0; at < 3_000; at += 1) script.chunk(`${at} `.padEnd(KIB, '.'));
    const page = PageEvents.open(`${endpoint}/api/stream?follow=s:abc&limit=0`);
    await page.until(() => page.lastId !== undefined);
    const [text = ''] = page.texts('s:abc');
    expect(text.slice(0, 2)).toBe('0 ');
    expect(text).toContain('\n\n[2,023,424 characters are left out here]\n\n');
    expect(text.slice(-KIB)).toBe('2999 '.padEnd(KIB, '.'));
    expect(text.length).toBeLessThan(KIB * KIB + 100);
  });
});

describe('a long log', () => {
  it('is without its middle in a conversation, and whole on request', async () => {
    const { endpoint, model } = await startServer();
    new SessionScript(model, 'abc').log(`begin ${'x'.repeat(100_000)} end`);
    const { blocks } = await askJson<Blocks>(`${endpoint}/api/blocks?session=s:abc`);
    expect(blocks[0]?.parts[0]?.text).toMatch(/^begin x+…\n\n\[34,474 characters are left out here\]\n\n…x+ end$/);
    const whole = await askJson<Blocks>(`${endpoint}/api/blocks?session=s:abc&chars=1048576`);
    expect(whole.blocks[0]?.parts[0]?.text).toBe(`begin ${'x'.repeat(100_000)} end`);
  });

  it('is cut between characters', () => {
    expect(withoutMiddle('😀😀😀😀', 6)).toBe('😀…\n\n[4 characters are left out here]\n\n…😀');
    expect(wholeSlice('a😀b', 2, 4)).toBe('b');
    expect(wholeSlice('a😀b', 0, 2)).toBe('a');
    expect(wholeSlice('a😀b', 0, 3)).toBe('a😀');
  });
});

describe('many long blocks', () => {
  it('come a few at a time, and the others on request', async () => {
    const { endpoint, model } = await startServer();
    const script = new SessionScript(model, 'abc');
    for (let at = 0; at < 20; at += 1)
      script
        .mark('stream_start')
        .chunk(`${at}`.padEnd(500 * KIB, ' .'))
        .mark('stream_end');
    const page = PageEvents.open(`${endpoint}/api/stream?follow=s:abc&limit=0`);
    await page.until(() => page.lastId !== undefined);
    expect(page.named<BlocksEvent>('blocks')[0]).toMatchObject({ isReset: true, hasOlder: true });
    const names = (blocks: readonly BlockChange[]): number[] =>
      blocks.map(({ parts }) => parseInt(parts[0]?.text ?? '', 10));
    expect(names(page.blocksOf('s:abc'))).toEqual([15, 16, 17, 18, 19]);
    const before = page.blocksOf('s:abc')[0]?.id;
    const older = await askJson<Blocks>(`${endpoint}/api/blocks?session=s:abc&before=${before}`);
    expect([names(older.blocks), older.hasOlder]).toEqual([[10, 11, 12, 13, 14], true]);
  });
});
