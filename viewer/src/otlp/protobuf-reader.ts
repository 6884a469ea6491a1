import { PbfReader } from 'pbf';

/** Names that repeat, such as those of attributes, are decoded once. Each place of their table has the last name seen there. */
const SHARED_PLACES = 4_096;
const MAX_SHARED_BYTES = 64;
/**
 * Up to this length, joining characters one by one is faster than Node's own decoder. V8 would keep a longer text as a chain of
 * pairs, one for each character.
 */
const SHORT_TEXT_BYTES = 12;

/** Wire types, https://protobuf.dev/programming-guides/encoding/#structure */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

/** The message is damaged: it ends within a value, or has a field of a kind that does not exist. */
export class MalformedProtobufError extends Error {
  override readonly name = 'MalformedProtobufError';
}

/**
 * The reader of `pbf`, with what it leaves to its callers: bounds (a length that reaches beyond its message is an error, not a
 * value), exact 64-bit integers, texts as Node decodes them, and repeated texts that are decoded once.
 */
export class ProtobufReader extends PbfReader {
  readonly #bytes: Buffer;
  readonly #shared: (string | undefined)[];
  /** Nanoseconds within the millisecond that `readUnixNano` returned last. */
  nanos = 0;

  /** @param shared The table of repeated texts, which the readers of one decoder share. */
  constructor(bytes: Buffer, shared: (string | undefined)[] = []) {
    super(bytes);
    this.#bytes = bytes;
    this.#shared = shared;
  }

  /** Reads a length. @returns The end of the message, text or bytes that it belongs to. */
  readEnd(outerEnd: number): number {
    const end = this.readVarint() + this.pos;
    // Negated, so that NaN fails as well.
    if (!(end <= outerEnd)) throw new MalformedProtobufError('a field reaches beyond its message');
    return end;
  }

  /** Checks that the last field of a message ended where the message ends. */
  checkEnd(end: number): void {
    if (this.pos !== end) throw new MalformedProtobufError('a message ends within a field');
  }

  /** Reads a text that probably comes once, such as a body. */
  readText(outerEnd: number): string {
    const end = this.readEnd(outerEnd);
    const start = this.pos;
    this.pos = end;
    return this.#decode(start, end);
  }

  /** Reads a text that many records have, such as the name of an attribute. */
  readSharedText(outerEnd: number): string {
    const end = this.readEnd(outerEnd);
    const start = this.pos;
    this.pos = end;
    const length = end - start;
    if (length === 0) return '';
    if (length > MAX_SHARED_BYTES) return this.#decode(start, end);
    const bytes = this.#bytes;
    let hash = length;
    for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const place = hash & (SHARED_PLACES - 1);
    const known = this.#shared[place];
    if (known !== undefined && this.#isAt(known, start, length)) return known;
    return (this.#shared[place] = this.#decode(start, end));
  }

  /** Whether the bytes are this text; false for a text that is not all ASCII. */
  #isAt(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false;
    const bytes = this.#bytes;
    for (let at = 0; at < length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit !== bytes[start + at] || unit > 0x7f) return false;
    }
    return true;
  }

  #decode(start: number, end: number): string {
    const bytes = this.#bytes;
    if (end - start > SHORT_TEXT_BYTES) return bytes.toString('utf8', start, end);
    let text = '';
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte > 0x7f) return bytes.toString('utf8', start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Reads bytes into a copy: a view would keep the whole request in memory. */
  readOwnBytes(outerEnd: number): Uint8Array {
    const end = this.readEnd(outerEnd);
    const copy = new Uint8Array(this.#bytes.subarray(this.pos, end));
    this.pos = end;
    return copy;
  }

  /** Reads the id of a trace or span, in hexadecimal; `''` for one of another length, or of zeros, which means none. */
  readId(outerEnd: number, length: number): string {
    const end = this.readEnd(outerEnd);
    const id = this.#bytes.toString('hex', this.pos, end);
    this.pos = end;
    return id.length === length * 2 && !/^0+$/.test(id) ? id : '';
  }

  /** Reads a `fixed64` of nanoseconds since the epoch, as milliseconds; `nanos` has the rest. Exact for every value. */
  readUnixNano(): number {
    const low = this.readFixed32();
    const high = this.readFixed32();
    // 2^32 nanoseconds are 4294 ms and 967,296 ns. In these units, no step goes beyond 2^53.
    const rest = high * 967_296 + low;
    this.nanos = rest % 1_000_000;
    return high * 4_294 + Math.floor(rest / 1_000_000);
  }

  /** Reads an `int64`: a `bigint` where a number would not be exact. */
  readInt64(): number | bigint {
    const start = this.pos;
    const value = this.readVarint(true);
    return Number.isSafeInteger(value) ? value : this.#bigInt(start);
  }

  #bigInt(start: number): bigint {
    let value = 0n;
    let shift = 0n;
    for (let at = start; at < this.pos; at += 1) {
      value |= BigInt((this.#bytes[at] as number) & 0x7f) << shift;
      shift += 7n;
    }
    return BigInt.asIntN(64, value);
  }
}
