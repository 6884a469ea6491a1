import { vi } from 'vitest';

// Of the real event loop: promises settle in a turn of it.
const { setImmediate } = globalThis;
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Runs with timers and clocks that stand still but for `pass`: what takes minutes is done in moments, the same each time. */
export async function withVirtualTime<T>(body: (pass: (millis: number) => Promise<void>) => Promise<T>): Promise<T> {
  vi.useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'setImmediate',
      'clearImmediate',
      'performance',
      'Date',
    ],
  });
  const pass = async (millis: number): Promise<void> => {
    let isOver = false;
    setTimeout(() => (isOver = true), millis);
    for (;;) {
      await turn();
      if (isOver) return;
      vi.advanceTimersToNextTimer();
    }
  };
  try {
    return await body(pass);
  } finally {
    vi.useRealTimers();
  }
}
