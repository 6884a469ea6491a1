import * as fc from 'fast-check';

const GIVEN = Number(process.env['SEED'] ?? Number.NaN);
const FACTOR = Number(process.env['PROPERTY_RUNS'] ?? 0);

/** `SEED=n` names the cases that random tests walk; without it they walk the same ones each time. */
const SEED = Number.isInteger(GIVEN) ? GIVEN : 1;

/**
 * How often a property is tried, as options of `fc.assert`, which prints seed and path of a case that fails. The tests
 * walk the same cases each time, so that a change that fails is at fault itself; `npm run soak:properties` looks for new
 * ones, many times over.
 */
export function runs(count: number): { readonly numRuns: number; readonly seed?: number } {
  if (FACTOR === 0) return { numRuns: count, seed: SEED };
  return { numRuns: count * FACTOR, ...(Number.isInteger(GIVEN) ? { seed: GIVEN } : {}) };
}

/** Numbers from 0 up to, not including, 1: for tests that act at random. Prints its seed. */
export function randomNumbers(): () => number {
  console.log(`SEED=${SEED}`);
  const values = endless();
  return () => values.next().value;
}

function* endless(): Generator<number, never> {
  const whole = 2 ** 31;
  for (let page = 0; ; page += 1) {
    const numbers = fc.noBias(fc.integer({ min: 0, max: whole - 1 }));
    for (const number of fc.sample(numbers, { seed: SEED + page, numRuns: 1_000 })) yield number / whole;
  }
}

/** The same numbers from 0 up to, not including, 1 for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
