import { buildSource } from './built-source.ts';

let remove: (() => void) | undefined;

/** Once for a run of the tests: many of them start child processes on the built source. */
export function setup(): void {
  remove = buildSource();
}

export function teardown(): void {
  remove?.();
}
