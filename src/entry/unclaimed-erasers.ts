import type { SessionEraser } from './erasure.ts';

const UNCLAIMED = Symbol.for('otel-session-logs.unclaimed-erasers.v1');

// Under `Symbol.for`, so that several copies of this package in one tree agree.
const holder = globalThis as { [UNCLAIMED]?: Set<SessionEraser> };

/**
 * The processors of this process for which no instance and no other processor answers yet: they have not met a record of
 * any. Their files may hold sessions of an earlier process all the same.
 */
export const unclaimedErasers: Set<SessionEraser> = (holder[UNCLAIMED] ??= new Set());
