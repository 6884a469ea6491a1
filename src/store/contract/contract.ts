import { answerContract } from './contract-answers.ts';
import { boundsContract } from './contract-bounds.ts';
import { claimContract } from './contract-claim.ts';
import type { ContractRunner, ContractTest, MakeSessionStore } from './contract-kit.ts';
import { idContract } from './contract-ids.ts';
import { lastContract } from './contract-last.ts';
import { lifeContract, unreadContract } from './contract-lives.ts';
import { readingContract, startContract } from './contract-reading.ts';

/**
 * Defines the suite that every `SessionStore` passes, with the functions of any test runner: it asserts with
 * `node:assert` and needs no hooks.
 *
 * Each test makes a store of its own, which must be empty, and closes it. The store's clock must run: the suite waits for
 * real wake-ups.
 *
 * @example
 * import { describe, it } from 'vitest';
 *
 * describeSessionStore('MemorySessionStore', (options) => new MemorySessionStore(options), { describe, it });
 */
export function describeSessionStore(name: string, make: MakeSessionStore, runner: ContractRunner): void {
  const { describe, it } = runner;
  const test: ContractTest = (title, body, options = {}) => {
    it(title, async () => {
      const store = await make(options);
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };
  describe(name, () => {
    describe('reading', () => readingContract(test));
    describe('ids', () => idContract(test));
    describe('start positions', () => startContract(test));
    describe('the newest entries as a start', () => lastContract(test));
    describe('the unread mark', () => unreadContract(test));
    describe('lives', () => lifeContract(test));
    describe('claims', () => claimContract(test));
    describe('answers', () => answerContract(test));
    describe('bounds and endings', () => boundsContract(test));
  });
}
