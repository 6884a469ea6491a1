import { types } from 'node:util';

import type { LogRecord } from './log-record.ts';

/**
 * The longest attribute value that the SDK keeps whole, which both lines have on the record; `Infinity` if it is
 * missing.
 */
export function valueLengthLimit(record: LogRecord): number {
  const { _logRecordLimits: limits } = record as { _logRecordLimits?: { attributeValueLengthLimit?: number } };
  return limits?.attributeValueLengthLimit ?? Infinity;
}

/** Whether a value is the whole one or a cut one: the limit cuts each text within lists and objects. */
export function isCut(value: unknown, whole: unknown, limit: number): boolean {
  if (Object.is(value, whole)) return true;
  // Not `>=`: with a limit of NaN the newer line cuts everything to ''.
  if (typeof value === 'string') return typeof whole === 'string' && !(value.length < limit) && whole.startsWith(value);
  return isData(value) && isData(whole) && isCutData(value, whole, limit);
}

type Data = Readonly<Record<string, unknown>>;

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !types.isUint8Array(value);
}

function isCutData(value: Data, whole: Data, limit: number): boolean {
  const keys = Object.keys(value);
  if (Array.isArray(value) !== Array.isArray(whole) || keys.length !== Object.keys(whole).length) return false;
  return keys.every((key) => Object.hasOwn(whole, key) && isCut(value[key], whole[key], limit));
}

/**
 * Returns the known value of a record's attribute if the SDK's limits removed or cut it; else the record's value,
 * because a processor may have changed it.
 *
 * @param value The record's value: with a constant key, loading it costs the caller a fraction of what it costs here.
 */
export function wholeAttribute(record: LogRecord, key: string, value: unknown, known: unknown): unknown {
  return value === undefined || value === known ? known : keptOrKnown(record, key, value, known);
}

function keptOrKnown(record: LogRecord, key: string, value: unknown, known: unknown): unknown {
  // An attribute named `__proto__` has become the prototype of the others.
  if (!Object.hasOwn(record.attributes, key)) return known;
  return known !== undefined && isCut(value, known, valueLengthLimit(record)) ? known : value;
}
