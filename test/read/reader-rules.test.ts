import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ABANDONED_END, entryDetail } from '../../src/entry/entry-detail.ts';
import type { EntryDetail } from '../../src/entry/entry-detail.ts';
import { ENTRY_KINDS } from '../../src/entry/tokens.ts';
import type { ReaderPlan } from '../../src/read/reader-plan.ts';
import { ReaderRules } from '../../src/read/reader-rules.ts';
import type { Decision } from '../../src/read/reader-rules.ts';
import type { Step } from '../../src/store/session-store.ts';
import { runs } from '../support/properties.ts';

const planOf = (plan: Partial<ReaderPlan> = {}): ReaderPlan => ({
  yields: 'message',
  makeInstead: undefined,
  until: 'session-end',
  logType: 'chat',
  minimumSeverity: undefined,
  tokens: true,
  wait: true,
  idleTimeoutMillis: undefined,
  signal: undefined,
  onGap: undefined,
  isForClient: false,
  refusal: undefined,
  ...plan,
});
const rulesOf = (plan: Partial<ReaderPlan> = {}): ReaderRules => new ReaderRules(planOf(plan));
const line = (severityNumber?: number): EntryDetail => entryDetail({ logType: 'log', severityNumber });
const control = (kind: EntryDetail['kind'], streamId?: string): EntryDetail => entryDetail({ kind, streamId });

describe('ReaderRules', () => {
  describe('which entries are delivered', () => {
    it.each<[string, Partial<ReaderPlan>, EntryDetail | undefined, Decision]>([
      ['a plain chunk to a reader of chat', {}, undefined, 'deliver'],
      ['a plain chunk to a reader of logs', { logType: 'log' }, undefined, 'skip'],
      ['a plain chunk whatever the severity', { logType: 'all', minimumSeverity: 17 }, undefined, 'deliver'],
      ['a plain chunk without tokens', { tokens: false }, undefined, 'deliver'],
      ['a log line to a reader of chat', {}, line(), 'skip'],
      ['a log line to a reader of all', { logType: 'all' }, line(), 'deliver'],
      ['a log line to a reader of logs', { logType: 'log' }, line(), 'deliver'],
      ['a line below the severity', { logType: 'all', minimumSeverity: 9 }, line(8), 'skip'],
      ['a line of the severity', { logType: 'all', minimumSeverity: 9 }, line(9), 'deliver'],
      ['a line without a severity', { logType: 'all', minimumSeverity: 1 }, line(), 'skip'],
      ['chat whatever the severity', { logType: 'all', minimumSeverity: 17 }, entryDetail({}), 'deliver'],
      ['a token', {}, control('stream-start'), 'deliver'],
      ['a token left out', { tokens: false }, control('stream-start'), 'skip'],
      ['a token of a log entry left out', { logType: 'all', tokens: false }, { ...line(), kind: 'stream-end' }, 'skip'],
      ['an error without tokens', { tokens: false, yields: 'entry' }, control('error'), 'deliver'],
      ['an error to a reader of text', {}, control('error'), 'skip'],
      ['an error in a log to a reader of text', { logType: 'all' }, { ...line(), kind: 'error' }, 'deliver'],
    ])('%s', (_, plan, detail, decision) => {
      const rules = rulesOf(plan);
      expect([rules.decideEntry(detail), rules.endsAfter]).toEqual([decision, undefined]);
      expect(rules.deliversPlainChunks).toBe(detail === undefined && decision === 'deliver');
    });

    const plans = fc.record({
      until: fc.constantFrom('session-end', 'stream-end', 'caught-up', 'work-end'),
      logType: fc.constantFrom('chat', 'log', 'all'),
      minimumSeverity: fc.constantFrom(undefined, 9),
      tokens: fc.boolean(),
    } as const);
    const details = fc.option(
      fc
        .record({
          logType: fc.constantFrom('chat', 'log'),
          kind: fc.constantFrom(...ENTRY_KINDS),
          streamId: fc.constantFrom(undefined, 'a'),
        } as const)
        .map(entryDetail),
      { nil: undefined, freq: 2 },
    );

    it('a plain chunk is decided like an entry of chat text, whatever was met before', () => {
      fc.assert(
        fc.property(plans, fc.array(details, { maxLength: 20 }), (plan, met) => {
          const [short, long] = [rulesOf(plan), rulesOf(plan)];
          const decide = (rules: ReaderRules, detail: EntryDetail | undefined): string => {
            const decision = rules.decideEntry(detail);
            if (decision !== 'ask-state') return decision;
            rules.learnState('none');
            return rules.decideEntry(detail);
          };
          for (const detail of met) {
            const { deliversPlainChunks } = short;
            expect(decide(short, detail)).toBe(decide(long, detail ?? entryDetail({})));
            expect(short.endsAfter).toBe(long.endsAfter);
            if (detail === undefined && deliversPlainChunks) expect(decide(short, detail)).toBe('deliver');
            if (short.endsAfter !== undefined) return;
          }
        }),
        runs(500),
      );
    });
  });

  describe('what ends a reader', () => {
    type Steps = [Exclude<Step, 'entry'>, Partial<ReaderPlan>, boolean, Decision];
    it.each<Steps>([
      ['end', {}, false, 'skip'],
      ['end', {}, true, 'session-end'],
      ['end', { wait: false }, false, 'session-end'],
      ['none', {}, false, 'wait'],
      ['none', { wait: false }, false, 'wait'],
      ['none', { idleTimeoutMillis: 5 }, false, 'wait'],
      ['none', { idleTimeoutMillis: 0 }, false, 'idle-timeout'],
      ['unknown', {}, false, 'wait'],
      ['unknown', { idleTimeoutMillis: 0 }, false, 'idle-timeout'],
      ['unknown', { wait: false, idleTimeoutMillis: 0 }, false, 'no-session'],
      ['unknown', { until: 'caught-up' }, false, 'no-session'],
      ['caught-up', { until: 'caught-up' }, true, 'caught-up'],
      ['deleted', {}, true, 'deleted'],
      ['closed', {}, true, 'shutdown'],
    ])('%s with %o, begun: %s -> %s', (step, plan, hasBegun, decision) => {
      expect(rulesOf(plan).decideStep(step, hasBegun)).toBe(decision);
    });

    it('an answer ends it after its own end, which is delivered', () => {
      const rules = rulesOf({ until: 'stream-end' });
      const met = [control('stream-start', 'a'), undefined, control('stream-end', 'b')];
      expect(met.map((detail) => rules.decideEntry(detail))).toEqual(['deliver', 'deliver', 'deliver']);
      expect(rules.endsAfter).toBeUndefined();
      expect([rules.decideEntry(control('stream-end', 'a')), rules.endsAfter]).toEqual(['deliver', 'stream-end']);
    });

    it('an end that the filters leave out ends it at once', () => {
      for (const plan of [{ tokens: false }, { logType: 'log' }] as const) {
        const rules = rulesOf({ until: 'stream-end', ...plan });
        expect([rules.decideEntry(control('stream-start')), rules.decideEntry(ABANDONED_END)]).toEqual([
          'skip',
          'skip',
        ]);
        expect([rules.decideEntry(control('stream-end')), rules.endsAfter]).toEqual(['stream-end', undefined]);
      }
    });

    it('the store is asked once, of the first chat entry that does not tell its answer', () => {
      const rules = rulesOf({ until: 'stream-end', logType: 'all' });
      expect(rules.decideEntry(line())).toBe('deliver');
      expect(rules.decideEntry(undefined)).toBe('ask-state');
      rules.learnState('running');
      expect([rules.deliversPlainChunks, rules.decideEntry(undefined), rules.deliversPlainChunks]).toEqual([
        false,
        'deliver',
        true,
      ]);
      expect([rules.decideEntry(control('stream-end', 'b')), rules.endsAfter]).toEqual(['deliver', undefined]);
      expect([rules.decideEntry(control('stream-end')), rules.endsAfter]).toEqual(['deliver', 'stream-end']);
    });

    it('the ends of a log entry end nothing', () => {
      for (const until of ['stream-end', 'work-end'] as const) {
        const rules = rulesOf({ until, logType: 'all' });
        expect(rules.decideEntry({ ...line(), kind: 'stream-end' })).toBe('deliver');
        expect(rules.endsAfter).toBeUndefined();
      }
    });

    it.each<[EntryDetail | undefined, string | undefined]>([
      [undefined, undefined],
      [control('stream-end'), 'stream-end'],
      [ABANDONED_END, 'stream-end'],
      [control('reasoning-stop'), 'reasoning-stop'],
      [entryDetail({ endsReasoning: true }), 'reasoning-stop'],
      [control('tool-call-end'), undefined],
    ])('a pop ends after %o: %s', (detail, end) => {
      const rules = rulesOf({ until: 'work-end' });
      expect([rules.decideEntry(detail), rules.endsAfter]).toEqual(['deliver', end]);
      const other = rulesOf();
      expect([other.decideEntry(detail), other.endsAfter]).toEqual(['deliver', undefined]);
    });
  });

  describe('the hint at log entries left out', () => {
    it('is given once, when there was no chat entry', () => {
      const rules = rulesOf();
      expect(rules.takeHint()).toBe(false);
      rules.decideEntry(line());
      expect([rules.takeHint(), rules.takeHint()]).toEqual([true, false]);
      rules.decideEntry(line());
      expect(rules.takeHint()).toBe(false);
    });

    it.each<[string, (EntryDetail | undefined)[]]>([
      ['a plain chunk before', [undefined, line()]],
      ['many plain chunks before', [undefined, undefined, line()]],
      ['a plain chunk after', [line(), undefined]],
      ['a token', [control('stream-start'), line()]],
    ])('is not called for with %s', (_, met) => {
      for (const tokens of [true, false]) {
        const rules = rulesOf({ tokens });
        for (const detail of met) rules.decideEntry(detail);
        expect(rules.takeHint()).toBe(false);
      }
    });

    it('is for readers of chat text', () => {
      for (const plan of [
        { yields: 'entry' },
        { logType: 'all', minimumSeverity: 9 },
        { logType: 'log', minimumSeverity: 9 },
      ] as const) {
        const rules = rulesOf(plan);
        expect(rules.decideEntry(line(1))).toBe('skip');
        expect(rules.takeHint()).toBe(false);
      }
    });
  });
});
