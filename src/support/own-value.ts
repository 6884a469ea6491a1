import { types } from 'node:util';

import { ownText } from './own-text.ts';

/** Deeper values, and those beyond this number, are not copied: no record of the SDK has them. */
const MAX_KEPT_DEPTH = 32;
const MAX_KEPT_VALUES = 100_000;

/**
 * Copies an attribute value, with all types unchanged, so that it keeps nothing else alive: texts, bytes (a view of 100
 * bytes keeps its whole buffer alive), and the arrays and objects around them.
 */
export function ownValue(value: unknown): unknown {
  if (typeof value === 'string') return ownText(value);
  return typeof value === 'object' && value !== null ? copyOf(value, 0, { left: MAX_KEPT_VALUES }) : value;
}

function copyOf(value: object, depth: number, budget: { left: number }): unknown {
  if (types.isUint8Array(value)) return new Uint8Array(value);
  budget.left -= 1;
  if (depth === MAX_KEPT_DEPTH || budget.left < 0) return value;
  const part = (member: unknown): unknown => {
    if (typeof member === 'string') return ownText(member);
    return typeof member === 'object' && member !== null ? copyOf(member, depth + 1, budget) : member;
  };
  if (Array.isArray(value)) return value.map(part);
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) keepField(copy, key, part(member));
  return copy;
}

const ZERO = 48;
const NINE = 57;

/** Whether V8 treats the key as an array index. */
export function isIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= ZERO && first <= NINE && /^\d{1,10}$/.test(key);
}

/**
 * Sets a field of an object that is kept. For a numeric key, as in `{ 500: 1 }`, V8 would reserve a place for every
 * number up to it (12 KiB for `{ 999: 1 }`), but not for fields that cannot be deleted.
 */
export function keepField(owner: Record<string, unknown>, key: string, value: unknown): void {
  // Defined, because assigning `__proto__` would set the prototype.
  if (key === '__proto__' || isIndex(key)) {
    Object.defineProperty(owner, key, { value, enumerable: true, writable: true });
  } else {
    owner[key] = value;
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
