import { ProcessorFacts } from './processor-facts.ts';

/** What a processor that keeps files tells `diagnose()`. */
export interface DirectoryFacts {
  readonly directory: string;
  readonly holds: 'daily files' | 'spool';
  /** Why the last attempt to write there failed; `undefined` if it did not. */
  readonly error: unknown;
}

export const directoryFacts: ProcessorFacts<DirectoryFacts> = new ProcessorFacts(
  Symbol.for('otel-session-logs.directory-facts.v1'),
);
