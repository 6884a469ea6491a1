import { types } from 'node:util';

import { mayBePart, ownText } from './own-text.ts';

/** What lies deeper, or beyond so many values, is taken as it is: no record of the SDK has it. */
const MAX_DEPTH = 32;
const MAX_VALUES = 100_000;

/** Whether there may be more behind the value than itself, so that a copy of it frees something. */
export function mayHoldMore(value: unknown): boolean {
  return typeof value === 'string' ? mayBePart(value) : typeof value === 'object' && value !== null;
}

/**
 * The value of an attribute, of the same type down to its last part, that holds only itself: bytes are copied, since a
 * view of 100 bytes keeps the whole buffer alive, and the arrays and objects around them.
 */
export function ownValue(value: unknown): unknown {
  if (typeof value === 'string') return ownText(value);
  return typeof value === 'object' && value !== null ? copyOf(value, 0, { left: MAX_VALUES }) : value;
}

function copyOf(value: object, depth: number, budget: { left: number }): unknown {
  if (types.isUint8Array(value)) return new Uint8Array(value);
  budget.left -= 1;
  if (depth === MAX_DEPTH || budget.left < 0) return value;
  const part = (member: unknown): unknown => {
    if (typeof member === 'string') return ownText(member);
    return typeof member === 'object' && member !== null ? copyOf(member, depth + 1, budget) : member;
  };
  if (Array.isArray(value)) return value.map(part);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, part(member)]));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
