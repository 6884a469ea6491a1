import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SessionModel } from '../../src/model/session-model.ts';
import type { Session } from '../../src/model/session.ts';
import { runs } from '../../../test/support/properties.ts';
import { SessionScript } from '../support/records.ts';
import { SESSION_STEPS } from '../support/session-steps.ts';

const STEPS_AND_TRIMS = [
  ...SESSION_STEPS,
  (_script: SessionScript, session: Session) => session.trim(1),
  (_script: SessionScript, session: Session) => session.trim(4),
];

/** Plays random steps, and looks at the session after each of them. */
function afterEach(look: (session: Session, model: SessionModel) => void): void {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEPS_AND_TRIMS), { maxLength: 40 }), (steps) => {
      const model = new SessionModel();
      const script = new SessionScript(model, 'abc').log('first');
      const session = model.find('abc') as Session;
      for (const step of steps) {
        step(script, session);
        look(session, model);
      }
    }),
    runs(200),
  );
}

describe('a session, whatever comes and goes', () => {
  it('has each entry in one block, and counts the answers that are open', () => {
    afterEach((session) => {
      const placed = session.blocks.flatMap(({ entries }) => entries);
      expect(placed.toSorted((a, b) => a.seq - b.seq)).toEqual(session.entries);
      expect(session.bytes).toBe(session.entries.reduce((sum, { bytes }) => sum + bytes, 0));
      const open = session.blocks.filter(({ isOpen, isMarked }) => isOpen && isMarked);
      expect(session.openAnswers).toBe(open.length);
    });
  });
});

describe('what changed in a session since a cursor', () => {
  it('is the held blocks that changed after it, in the order in which they began', () => {
    let cursors: number[] = [];
    let last: Session | undefined;
    afterEach((session, { cursor: now }) => {
      if (session !== last) cursors = [0];
      last = session;
      cursors.push(now);
      for (const cursor of cursors) {
        const changed = session.blocks.filter(({ changedAt }) => changedAt > cursor);
        expect(session.changedSince(cursor).map(({ id }) => id)).toEqual(changed.map(({ id }) => id));
      }
    });
  });

  it('leaves out text that was dropped, even when other text takes its place', () => {
    const model = new SessionModel();
    const script = new SessionScript(model, 'abc').chunk('went').log('stays');
    const session = model.find('abc') as Session;
    session.trim(1);
    script.chunk('next');
    expect(session.changedSince(0)).toEqual(session.blocks);
  });

  it('is found without a look at each block that did not change', () => {
    const model = new SessionModel();
    const script = new SessionScript(model, 'abc').mark('stream_start');
    for (let at = 0; at < 100; at += 1) script.log(`${at}`);
    const session = model.find('abc') as Session;
    let looks = 0;
    for (const block of session.blocks) {
      let { changedAt } = block;
      const set = (seq: number): void => void (changedAt = seq);
      Object.defineProperty(block, 'changedAt', { get: () => ((looks += 1), changedAt), set });
    }
    const { cursor } = model;
    script.chunk('the answer goes on').log('new');
    expect(session.changedSince(cursor)).toEqual([session.blocks[0], session.blocks.at(-1)]);
    expect(looks).toBeLessThan(5);
  });
});
