/** Marks of values in the structure bytes. Part of the file format: never renumber. */
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

/** How the text of the string pool is written. */
export const POOL = { ascii: 0, utf8: 1, utf16: 2 } as const;

/** The name of each of `POOL` in Node. */
export const POOL_ENCODING: readonly BufferEncoding[] = ['latin1', 'utf8', 'utf16le'];

/** Deeper than this a body is no data any more, and a recursive encoder of an exporter overflows its stack. */
export const MAX_DEPTH = 64;

/** More values than this in one record come from an object graph that shares its nodes, doubling level by level. */
const MAX_VALUES = 1_000_000;

/** A value that cannot be written as it stands: too deep, cyclic, too many values. The slow path makes it plain first. */
export class UnwritableValueError extends Error {
  override readonly name = 'UnwritableValueError';
}

/** In Node 20, but not in the library types of this target. */
type WellFormedCheck = string & { isWellFormed(): boolean };

const scratch = new DataView(new ArrayBuffer(8));

/**
 * Structure bytes and a pool of text: what an entry of the spool is made of.
 *
 * Strings are appended to one JavaScript string and written by one native call at the end, which is where the speed
 * comes from; the structure holds their lengths. Repeated strings (attribute keys, session ids) are written once and
 * referred to by number.
 */
export class PayloadWriter {
  bytes: Buffer;
  /** Where the next structure byte goes. */
  at: number;
  #pool = '';
  readonly #sharedIndex = new Map<string, number>();
  readonly #start: number;
  #values = 0;

  /** @param start Bytes left free in front, for a header. */
  constructor(start: number, initialBytes = 16_384) {
    this.#start = start;
    this.at = start;
    this.bytes = Buffer.allocUnsafe(Math.max(initialBytes, start + 64));
  }

  /** Bytes so far, counting a character as one. */
  get size(): number {
    return this.at + this.#pool.length;
  }

  reset(): void {
    this.at = this.#start;
    this.#pool = '';
    this.#sharedIndex.clear();
    // A single huge record must not keep its buffer for good.
    if (this.bytes.length > 4 * 1024 * 1024) this.bytes = Buffer.allocUnsafe(16_384);
  }

  /** What `restore` goes back to. */
  mark(): WriterMark {
    return { at: this.at, pool: this.#pool, shared: this.#sharedIndex.size };
  }

  restore(mark: WriterMark): void {
    this.at = mark.at;
    this.#pool = mark.pool;
    for (const [text, index] of this.#sharedIndex) if (index >= mark.shared) this.#sharedIndex.delete(text);
  }

  /** Begins a record: values are counted from here. */
  beginRecord(): void {
    this.#values = 0;
  }

  /** Makes room for so many more structure bytes. */
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

  /** A whole number from 0 to 2^53 - 1. */
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

  /** A string that occurs once. */
  text(value: string): void {
    this.varint(value.length);
    this.#pool += value;
  }

  /** A string that may come again in this payload. From untyped callers it may be something else, which becomes one. */
  sharedText(text: unknown): void {
    const value = typeof text === 'string' ? text : String(text);
    const known = this.#sharedIndex.get(value);
    if (known !== undefined) {
      this.varint(known);
      return;
    }
    const index = this.#sharedIndex.size;
    this.#sharedIndex.set(value, index);
    this.varint(index);
    this.text(value);
  }

  /**
   * Any value an attribute or body may hold. What OTLP has no form for is written as its exporters would see it: a
   * function or symbol as no value, a `Date` or another object with `toJSON` as what that gives.
   *
   * @throws UnwritableValueError For what is too deep, cyclic or too large; and whatever a getter throws.
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
        this.byte(TAG.bigint);
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

  /** The own enumerable properties of an object. */
  properties(value: object, depth = 0): void {
    const keys = Object.keys(value);
    this.#count(keys.length);
    this.varint(keys.length);
    for (const key of keys) {
      this.sharedText(key);
      this.value((value as Record<string, unknown>)[key], depth);
    }
  }

  /** The encoding of the pool, see `POOL`; how many bytes it needs. */
  measurePool(): { encoding: number; byteLength: number } {
    const byteLength = Buffer.byteLength(this.#pool);
    if (byteLength === this.#pool.length) return { encoding: POOL.ascii, byteLength };
    // UTF-8 has no form for a lone surrogate: such a pool is written as it is in memory.
    if ((this.#pool as WellFormedCheck).isWellFormed()) return { encoding: POOL.utf8, byteLength };
    return { encoding: POOL.utf16, byteLength: this.#pool.length * 2 };
  }

  /** Writes the pool behind the structure; `ensure` was called for its length. */
  writePool(encoding: number): void {
    this.at += this.bytes.write(this.#pool, this.at, POOL_ENCODING[encoding]);
  }

  #count(values: number): void {
    this.#values += values;
    if (this.#values > MAX_VALUES) throw new UnwritableValueError(`more than ${MAX_VALUES} values`);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.byte(value < 0 ? TAG.negative : TAG.integer);
      this.varint(value < 0 ? -value : value);
    } else {
      this.byte(TAG.double);
      this.double(value);
    }
  }

  #object(value: object, depth: number): void {
    if (depth >= MAX_DEPTH) throw new UnwritableValueError(`deeper than ${MAX_DEPTH}`);
    if (Array.isArray(value)) {
      this.#count(value.length);
      this.byte(TAG.array);
      this.varint(value.length);
      for (let i = 0; i < value.length; i += 1) this.value(value[i], depth + 1);
    } else if (value instanceof Uint8Array) {
      this.byte(TAG.bytes);
      this.varint(value.length);
      this.ensure(value.length);
      this.bytes.set(value, this.at);
      this.at += value.length;
    } else if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
      this.value((value as { toJSON: () => unknown }).toJSON(), depth + 1);
    } else {
      this.byte(TAG.map);
      this.properties(value, depth + 1);
    }
  }
}

export interface WriterMark {
  readonly at: number;
  readonly pool: string;
  readonly shared: number;
}
