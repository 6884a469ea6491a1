import { types } from 'node:util';

import type { JsonValue } from '../entry/body.ts';
import { keepField } from '../support/own-value.ts';

const MAX_INT = 2 ** 63;

/**
 * Whether a number is exported as its text: NaN, an infinity, or an integer beyond 64 bits. In the JSON of OTLP any of these
 * makes a Collector reject the whole request. A `bigint` is always exported as its text, since exporters leave it out.
 */
export function isSentAsText(value: number): boolean {
  return !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) >= MAX_INT);
}

/** Whether there is such a number in the value, or it is nested too deeply to tell. */
export function hasNumberForText(value: unknown, maxDepth: number): boolean {
  if (typeof value === 'number') return isSentAsText(value);
  if (typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null || types.isUint8Array(value)) return false;
  return maxDepth === 0 || Object.values(value).some((part) => hasNumberForText(part, maxDepth - 1));
}

/** A copy of plain data in which each such number is its text; below `maxDepth` levels nothing is copied. */
export function withNumbersAsText(value: JsonValue, maxDepth: number): JsonValue;
export function withNumbersAsText(value: unknown, maxDepth: number): unknown;
export function withNumbersAsText(value: unknown, maxDepth: number): unknown {
  if (typeof value === 'number') return isSentAsText(value) ? String(value) : value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || types.isUint8Array(value) || maxDepth === 0) return value;
  if (Array.isArray(value)) return value.map((part) => withNumbersAsText(part, maxDepth - 1));
  const copy: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) keepField(copy, key, withNumbersAsText(part, maxDepth - 1));
  return copy;
}
