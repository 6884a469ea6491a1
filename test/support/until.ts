import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when the condition holds; for states that nothing announces. */
export async function until(condition: () => boolean, what = 'the condition', timeoutMillis = 20_000): Promise<void> {
  const end = performance.now() + timeoutMillis;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${what} does not hold after ${timeoutMillis} ms`);
    await delay(5);
  }
}
