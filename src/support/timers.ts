/** The longest delay of Node's timers, 24.8 days. They take a longer one for 1 ms. For times that others' timers get. */
export const MAX_DELAY_MILLIS: number = 2 ** 31 - 1;

/**
 * Calls back once after the time, which may be of any size: `Infinity` is never. Cleared by `clearTimeout`.
 *
 * All timers of this package are started here; a rule of the linter keeps others out.
 */
export function startTimer(callback: () => void, millis: number): NodeJS.Timeout {
  if (millis <= MAX_DELAY_MILLIS) return setTimeout(callback, millis);
  const end = performance.now() + millis;
  const timer = setTimeout(() => {
    if (performance.now() < end) timer.refresh();
    else callback();
  }, MAX_DELAY_MILLIS);
  return timer;
}

/** Calls back each time that the time has passed. Cleared by `clearInterval`. */
export function startInterval(callback: () => void, millis: number): NodeJS.Timeout {
  return setInterval(callback, Math.min(millis, MAX_DELAY_MILLIS));
}

/** Resolves after the time. */
export function sleep(millis: number, options: { readonly keepsProcess?: boolean } = {}): Promise<void> {
  return new Promise<void>((resolve) => {
    const timer = startTimer(resolve, millis);
    if (options.keepsProcess === false) timer.unref();
  });
}
