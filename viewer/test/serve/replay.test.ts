import { describe, expect, it } from 'vitest';

import { blockIn, withBlocks } from '../../page/src/blocks.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { blockChange } from '../../src/serve/encode.ts';
import type { ReplayAnswer } from '../../src/serve/protocol.ts';
import { replayOf } from '../../src/serve/replay.ts';
import { ask, askJson, startServer } from '../support/dev-server.ts';
import { SessionScript } from '../support/records.ts';

/** A session in which all kinds of things happen. */
function busySession(model: SessionModel): SessionScript {
  const script = new SessionScript(model, 'abc')
    .add({ eventName: 'gen_ai.user.message', body: { content: 'Why?' } })
    .mark('stream_start')
    .chunk('Be')
    .log('looked up', 13)
    .chunk('cause');
  new SessionScript(model, 'other').log('in between');
  model.find('abc')?.addGap(3, 'evicted', script.millis);
  script.mark('stream_start').mark('reasoning_start').chunk('hm').mark('reasoning_stop');
  model.find('abc')?.addGap(-1, 'evicted', script.millis);
  script.chunk('So').mark('stream_end');
  model.find('abc')?.end(script.millis);
  return script.chunk('again');
}

async function replayed(model: SessionModel, name = 'abc'): Promise<ReplayAnswer> {
  const session = model.find(name);
  if (session === undefined) throw new Error('there is no session');
  return replayOf(session, new AbortController().signal);
}

describe('the replay of a session', () => {
  it('ends with the blocks of the session, by their ids', async () => {
    const model = new SessionModel();
    busySession(model);
    const { steps, omitted } = await replayed(model);
    const conversation = withBlocks(undefined, { key: '', blocks: steps.flatMap(({ changes }) => changes) });
    expect(conversation.blocks).toEqual(model.find('abc')?.blocks.map((block) => blockChange(block)));
    expect(omitted).toBe(0);
  });

  it('shows at each step what was there then: an answer is open until it ends or another one takes its place', async () => {
    const model = new SessionModel();
    busySession(model);
    const { steps } = await replayed(model);
    const answer = model.find('abc')?.blocks[1]?.id ?? 0;
    const states = steps.map((_, at) => {
      const blocks = steps.slice(0, at + 1).flatMap(({ changes }) => changes);
      const block = blockIn(withBlocks(undefined, { key: '', blocks }), answer);
      return block === undefined
        ? ''
        : `${block.parts.map(({ text }) => text).join('')} ${block.isOpen ? 'open' : block.finishReasons?.join()}`;
    });
    expect(states.slice(0, 8)).toEqual([
      '',
      ' open',
      'Be open',
      'Be open',
      'Because open',
      'Because open',
      'Because abandoned',
      'Because abandoned',
    ]);
  });

  it('is bounded: the oldest entries are left out, and counted', async () => {
    const model = new SessionModel();
    const script = new SessionScript(model, 'abc');
    for (let at = 0; at < 20_010; at += 1) script.log('x');
    const { steps, omitted } = await replayed(model);
    expect([steps.length, omitted]).toEqual([20_000, 10]);
    expect(steps[0]?.changes[0]?.id).toBe(model.find('abc')?.blocks[10]?.id);
  });

  it('has one block for an answer whose start is no longer held, even where others came in between', async () => {
    const model = new SessionModel();
    const script = new SessionScript(model, 'abc').mark('stream_start').mark('reasoning_start').chunk('one ');
    const session = model.find('abc');
    session?.trim(2);
    script.add({ eventName: 'gen_ai.user.message', body: { content: 'Well?' } }).chunk('two');
    const { steps } = await replayed(model);
    const { blocks } = withBlocks(undefined, { key: '', blocks: steps.flatMap(({ changes }) => changes) });
    expect(blocks.map(({ id }) => id)).toEqual(session?.blocks.map(({ id }) => id));
    expect(blocks[0]).toMatchObject({ entries: 2, isOpen: true, parts: [{ part: 'reasoning', text: 'one two' }] });
  });

  it('closes what is open where the session ended', async () => {
    const model = new SessionModel();
    const script = new SessionScript(model, 'abc').chunk('first life');
    model.find('abc')?.end(script.millis);
    script.chunk('second life');
    const { steps } = await replayed(model);
    const { blocks } = withBlocks(undefined, { key: '', blocks: steps.flatMap(({ changes }) => changes) });
    expect(blocks).toEqual(model.find('abc')?.blocks.map((block) => blockChange(block)));
    expect(blocks.map(({ type, isOpen }) => [type, isOpen])).toEqual([
      ['answer', false],
      ['end', false],
      ['answer', true],
    ]);
  });

  it('is asked for by the key of the session', async () => {
    const server = await startServer();
    busySession(server.model);
    const { steps } = await askJson<ReplayAnswer>(`${server.endpoint}/api/replay?session=s:abc`);
    expect(steps).toHaveLength(15);
    expect((await ask(`${server.endpoint}/api/replay?session=s:none`)).status).toBe(404);
  });
});
