/** Whether a value is a promise, of any library or realm. Never throws. */
export function isThenable(value: unknown): boolean {
  try {
    return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
  } catch {
    // A getter of the application threw: nobody can await this value.
    return false;
  }
}
