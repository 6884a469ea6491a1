import type { SessionEraser } from './erasure.ts';

const UNCLAIMED = Symbol.for('otel-session-logs.unclaimed-erasers.v1');

// Under `Symbol.for`, so that several copies of this package in one tree agree.
const holder = globalThis as { [UNCLAIMED]?: Set<SessionEraser> };

/**
 * Processors of this process that no instance or other processor is responsible for yet, because they have not got a
 * record of any. Their files may still hold sessions of an earlier process.
 */
export const unclaimedErasers: Set<SessionEraser> = (holder[UNCLAIMED] ??= new Set());
