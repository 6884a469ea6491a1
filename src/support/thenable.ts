/** Whether a value is a promise, or what other libraries and realms have in its place. Never throws. */
export function isThenable(value: unknown): boolean {
  try {
    return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
  } catch {
    // A getter of the application's threw: nobody can wait for it.
    return false;
  }
}
