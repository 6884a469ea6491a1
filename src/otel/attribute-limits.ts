import { types } from 'node:util';

import type { LogRecord } from './log-record.ts';

/** The longest attribute value that the SDK keeps whole: both lines have it on the record. `Infinity` where it is not. */
export function valueLengthLimit(record: LogRecord): number {
  const { _logRecordLimits: limits } = record as { _logRecordLimits?: { attributeValueLengthLimit?: number } };
  return limits?.attributeValueLengthLimit ?? Infinity;
}

/** Whether a value is the whole one, or what a limit leaves of it: the limit cuts each text within lists and objects. */
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
 * What is known of a record's attribute where the SDK's limits took it or a part of it; else what stands there, since a
 * processor may have changed it.
 *
 * @param value What stands there: with a constant key the load is the caller's, and costs a fraction of one here.
 */
export function wholeAttribute(record: LogRecord, key: string, value: unknown, known: unknown): unknown {
  return value === undefined || value === known ? known : keptOrKnown(record, key, value, known);
}

function keptOrKnown(record: LogRecord, key: string, value: unknown, known: unknown): unknown {
  // An attribute named `__proto__` is the prototype of the others.
  if (!Object.hasOwn(record.attributes, key)) return known;
  return known !== undefined && isCut(value, known, valueLengthLimit(record)) ? known : value;
}
