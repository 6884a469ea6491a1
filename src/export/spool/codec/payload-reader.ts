import { MAX_VALUE_DEPTH, POOL_ENCODING, TAG } from './payload-writer.ts';

/** The error for bytes that no `PayloadWriter` of this version wrote. */
export class MalformedPayloadError extends Error {
  override readonly name = 'MalformedPayloadError';
}

/** Reads structure bytes and their pool of text in the order in which a `PayloadWriter` wrote them. */
export class PayloadReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  readonly #pool: string;
  #poolAt = 0;
  readonly #shared: string[] = [];

  constructor(
    bytes: Buffer,
    structure: { readonly start: number; readonly length: number },
    pool: { readonly encoding: number; readonly length: number },
  ) {
    const poolStart = structure.start + structure.length;
    const encoding = POOL_ENCODING[pool.encoding];
    if (encoding === undefined || poolStart + pool.length > bytes.length) {
      throw new MalformedPayloadError('the text of the payload is cut');
    }
    this.#bytes = bytes;
    this.#at = structure.start;
    this.#end = poolStart;
    this.#pool = bytes.toString(encoding, poolStart, poolStart + pool.length);
  }

  byte(): number {
    if (this.#at >= this.#end) throw new MalformedPayloadError('the payload ends inside a record');
    return this.#bytes[this.#at++] as number;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedPayloadError('a number is too long');
  }

  uint32(): number {
    const at = this.#take(4);
    return this.#bytes.readUInt32LE(at);
  }

  double(): number {
    const at = this.#take(8);
    return this.#bytes.readDoubleLE(at);
  }

  text(): string {
    const length = this.varint();
    const start = this.#poolAt;
    this.#poolAt = start + length;
    if (this.#poolAt > this.#pool.length) throw new MalformedPayloadError('the text of the payload is cut');
    return this.#pool.slice(start, this.#poolAt);
  }

  sharedText(): string {
    const index = this.varint();
    if (index < this.#shared.length) return this.#shared[index] as string;
    if (index > this.#shared.length) throw new MalformedPayloadError('a shared text is missing');
    const text = this.text();
    this.#shared.push(text);
    return text;
  }

  value(depth = 0): unknown {
    switch (this.byte()) {
      case TAG.undefined: {
        return undefined;
      }
      case TAG.null: {
        return null;
      }
      case TAG.false: {
        return false;
      }
      case TAG.true: {
        return true;
      }
      case TAG.string: {
        return this.text();
      }
      case TAG.integer: {
        return this.varint();
      }
      case TAG.negative: {
        return -this.varint();
      }
      case TAG.double: {
        return this.double();
      }
      case TAG.bigint: {
        return BigInt(this.text());
      }
      default: {
        this.#at -= 1;
        return this.#nested(depth);
      }
    }
  }

  properties(depth = 0): Record<string, unknown> {
    const count = this.varint();
    const object: Record<string, unknown> = {};
    for (let i = 0; i < count; i += 1) {
      const key = this.sharedText();
      const value = this.value(depth);
      if (key !== '__proto__') object[key] = value;
      // An assignment to `__proto__` would set the prototype.
      else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
    }
    return object;
  }

  #nested(depth: number): unknown {
    // The writer stops at this depth; more is damage that the checksum did not reveal.
    if (depth > MAX_VALUE_DEPTH) throw new MalformedPayloadError('a value is nested too deep');
    const tag = this.byte();
    if (tag === TAG.map) return this.properties(depth + 1);
    const length = this.varint();
    if (tag === TAG.bytes) {
      const start = this.#take(length);
      return new Uint8Array(this.#bytes.subarray(start, start + length));
    }
    if (tag !== TAG.array) throw new MalformedPayloadError(`unknown value ${tag}`);
    const values: unknown[] = [];
    for (let i = 0; i < length; i += 1) values.push(this.value(depth + 1));
    return values;
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#end) throw new MalformedPayloadError('the payload ends inside a value');
    this.#at = at + count;
    return at;
  }
}
