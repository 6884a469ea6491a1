/** What a processor that keeps files tells `diagnose()`. */
export interface DirectoryFacts {
  readonly directory: string;
  readonly holds: 'daily files' | 'spool';
  /** Why the last attempt to write there failed; `undefined` if it did not. */
  readonly error: unknown;
}

const FACTS = Symbol.for('otel-session-logs.directory-facts.v1');
const holder = globalThis as { [FACTS]?: WeakMap<object, () => DirectoryFacts> };
/** Shared by all copies of this package in the process, and not a part of the public interface. */
const factsOf = (holder[FACTS] ??= new WeakMap());

/** Registers how to ask a processor. */
export function tellDirectoryFacts(processor: object, facts: () => DirectoryFacts): void {
  factsOf.set(processor, facts);
}

/** The facts of a processor of this package that keeps files; `undefined` for any other. */
export function directoryFactsOf(processor: unknown): DirectoryFacts | undefined {
  return typeof processor === 'object' && processor !== null ? factsOf.get(processor)?.() : undefined;
}
