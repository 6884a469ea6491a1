import { types } from 'node:util';

import { toAttributeValue } from '../../../entry/body.ts';
import { ownText } from '../../../support/own-text.ts';
import { isSentAsText } from './number-text.ts';

/**
 * The tag before each value in the structure bytes. Part of the file format: never renumber. `bigint` is still read,
 * but no longer written.
 */
export const TAG = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  string: 4,
  shared: 5,
  integer: 6,
  negative: 7,
  double: 8,
  bytes: 9,
  array: 10,
  map: 11,
  bigint: 12,
} as const;

/** How the string pool is encoded. */
const POOL = { ascii: 0, utf8: 1, utf16: 2 } as const;

/** The Node encoding for each value of `POOL`. */
export const POOL_ENCODING: readonly BufferEncoding[] = ['latin1', 'utf8', 'utf16le'];

/** Deeper nesting is not plausible data, and would overflow the stack of an exporter that encodes recursively. */
export const MAX_VALUE_DEPTH = 64;

/** A record with more values is an object graph with shared nodes, whose size doubles with each level. */
const MAX_RECORD_VALUES = 1_000_000;

/**
 * The error for a value that cannot be written as it is (too deep, cyclic, or too many values), unlike a plain copy of
 * it.
 */
class UnwritableValueError extends Error {
  override readonly name = 'UnwritableValueError';
}

/** Node 20 has it; the library types of this target do not. */
type WellFormedCheck = string & { isWellFormed(): boolean };

const scratch = new DataView(new ArrayBuffer(8));

/**
 * Writes values as structure bytes and a pool of text, of which a payload consists.
 *
 * Strings are appended to one JavaScript string and written by one native call at the end, which makes it fast; the
 * structure holds their lengths. Repeated strings (attribute keys, session ids) are written once and then referred to
 * by number.
 */
export class PayloadWriter {
  bytes: Buffer;
  /** Offset of the next structure byte. */
  at: number;
  #pool = '';
  /** Text after the pool that may still consist of slices of larger texts, see `settle`. */
  #fresh = '';
  readonly #sharedIndex = new Map<string, number>();
  readonly #start: number;
  readonly #isKept: boolean;
  #values = 0;

  /**
   * @param start Bytes left free at the start, for a header.
   * @param isKept Whether the collected text stays beyond the tick and so must not keep other strings alive.
   */
  constructor(start: number, initialBytes = 16_384, isKept = false) {
    this.#start = start;
    this.#isKept = isKept;
    this.at = start;
    this.bytes = Buffer.allocUnsafe(Math.max(initialBytes, start + 64));
  }

  /** Bytes written so far, where each UTF-16 unit of text counts as one. */
  get size(): number {
    return this.at + this.#pool.length + this.#fresh.length;
  }

  /** Copies the texts so far, by joining them, so that they keep no other strings alive. */
  settle(): void {
    this.#pool += ownText(this.#fresh);
    this.#fresh = '';
  }

  reset(): void {
    this.at = this.#start;
    this.#pool = '';
    this.#fresh = '';
    this.#sharedIndex.clear();
    // One huge record must not keep a large buffer alive.
    if (this.bytes.length > 4 * 1024 * 1024) this.bytes = Buffer.allocUnsafe(16_384);
  }

  /** Returns a state to which `restore` can go back until `settle` is called. */
  save(): WriterState {
    return { at: this.at, fresh: this.#fresh, shared: this.#sharedIndex.size };
  }

  restore(state: WriterState): void {
    this.at = state.at;
    this.#fresh = state.fresh;
    for (const [text, index] of this.#sharedIndex) if (index >= state.shared) this.#sharedIndex.delete(text);
  }

  /** Bytes written since that state, counted as in `size`. */
  sizeSince(state: WriterState): number {
    return this.at - state.at + this.#fresh.length - state.fresh.length;
  }

  /** Begins a record: values are counted from here. */
  beginRecord(): void {
    this.#values = 0;
  }

  /** Makes room for `count` more structure bytes. */
  ensure(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + count));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  byte(value: number): void {
    if (this.at === this.bytes.length) this.ensure(1);
    this.bytes[this.at++] = value;
  }

  /** Writes a whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.ensure(8);
    const { bytes } = this;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      bytes[this.at++] = (rest & 127) | 0x80;
      rest >>>= 7;
    }
    bytes[this.at++] = rest;
  }

  uint32(value: number): void {
    this.ensure(4);
    const { bytes, at } = this;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.at = at + 4;
  }

  double(value: number): void {
    this.ensure(8);
    scratch.setFloat64(0, value, true);
    for (let i = 0; i < 8; i += 1) this.bytes[this.at++] = scratch.getUint8(i);
  }

  /** Writes a string that occurs once. */
  text(value: string): void {
    this.varint(value.length);
    this.#fresh += value;
  }

  /**
   * Writes a string that may occur again in this payload. Converts another value, from an untyped caller, to a string.
   */
  sharedText(text: unknown): void {
    const value = typeof text === 'string' ? text : String(text);
    const known = this.#sharedIndex.get(value);
    if (known !== undefined) {
      this.varint(known);
      return;
    }
    const index = this.#sharedIndex.size;
    this.#sharedIndex.set(this.#isKept ? ownText(value) : value, index);
    this.varint(index);
    this.text(value);
  }

  /**
   * Writes any value that an attribute or body may hold. Of those that OTLP has no form for, it writes a function or
   * symbol as no value, an object with `toJSON` as its result, NaN, an infinity or an integer beyond 64 bits as text,
   * and any other like `toAttributeValue`.
   *
   * @throws UnwritableValueError if the value is too deep, cyclic or too large. Errors of getters pass through.
   */
  value(value: unknown, depth = 0): void {
    switch (typeof value) {
      case 'string': {
        this.byte(TAG.string);
        this.text(value);
        return;
      }
      case 'number': {
        this.#number(value);
        return;
      }
      case 'boolean': {
        this.byte(value ? TAG.true : TAG.false);
        return;
      }
      case 'bigint': {
        this.byte(TAG.string);
        this.text(value.toString());
        return;
      }
      case 'object': {
        if (value === null) this.byte(TAG.null);
        else this.#object(value, depth);
        return;
      }
      default: {
        this.byte(TAG.undefined);
      }
    }
  }

  /** Writes the own enumerable properties of an object. */
  properties(value: object, depth = 0): void {
    const keys = Object.keys(value);
    this.#count(keys.length);
    this.varint(keys.length);
    for (const key of keys) {
      this.sharedText(key);
      this.value((value as Record<string, unknown>)[key], depth);
    }
  }

  /** Returns the encoding of the pool (see `POOL`) and its length in bytes. */
  measurePool(): { encoding: number; byteLength: number } {
    this.#pool += this.#fresh;
    this.#fresh = '';
    const byteLength = Buffer.byteLength(this.#pool);
    if (byteLength === this.#pool.length) return { encoding: POOL.ascii, byteLength };
    // UTF-8 cannot represent a lone surrogate: write such a pool as UTF-16.
    if ((this.#pool as WellFormedCheck).isWellFormed()) return { encoding: POOL.utf8, byteLength };
    return { encoding: POOL.utf16, byteLength: this.#pool.length * 2 };
  }

  /** Writes the pool after the structure. The caller has made room with `ensure`. */
  writePool(encoding: number): void {
    this.at += this.bytes.write(this.#pool, this.at, POOL_ENCODING[encoding]);
  }

  #count(values: number): void {
    this.#values += values;
    if (this.#values > MAX_RECORD_VALUES) throw new UnwritableValueError(`more than ${MAX_RECORD_VALUES} values`);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.byte(value < 0 ? TAG.negative : TAG.integer);
      this.varint(value < 0 ? -value : value);
    } else if (isSentAsText(value)) {
      this.byte(TAG.string);
      this.text(String(value));
    } else {
      this.byte(TAG.double);
      this.double(value);
    }
  }

  #object(value: object, depth: number): void {
    if (depth >= MAX_VALUE_DEPTH) throw new UnwritableValueError(`deeper than ${MAX_VALUE_DEPTH}`);
    if (Array.isArray(value)) {
      this.#count(value.length);
      this.byte(TAG.array);
      this.varint(value.length);
      for (let i = 0; i < value.length; i += 1) this.value(value[i], depth + 1);
    } else if (types.isUint8Array(value)) {
      this.byte(TAG.bytes);
      this.varint(value.length);
      this.ensure(value.length);
      this.bytes.set(value, this.at);
      this.at += value.length;
    } else if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
      this.value((value as { toJSON: () => unknown }).toJSON(), depth + 1);
    } else if (isPlainObject(value)) {
      this.byte(TAG.map);
      this.properties(value, depth + 1);
    } else {
      // Its fields do not show its content: an error, a `Map`, a class of the application.
      this.value(toAttributeValue(value), depth);
    }
  }
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

export interface WriterState {
  readonly at: number;
  readonly fresh: string;
  readonly shared: number;
}
