import { StringDecoder } from 'node:string_decoder';

/** Longest line that is kept, in UTF-16 units: as long as the longest body of a request. */
const MAX_LINE = 32 * 1024 * 1024;

/** Puts lines together from bytes that come in pieces, cut anywhere. */
export class LineSplitter {
  #decoder = new StringDecoder('utf8');
  #rest: string[] = [];
  #restLength = 0;
  /** Lines that were too long, and are left out. */
  tooLong = 0;
  #isSkipping = false;

  /** The lines that these bytes end, without their ends. */
  take(bytes: Buffer): string[] {
    const lines = this.#decoder.write(bytes).split('\n');
    const last = lines.pop() ?? '';
    const ended = lines.map((line) => this.#end(line)).filter((line) => line !== undefined);
    this.#keep(last);
    return ended;
  }

  /** What is left behind the last line end. */
  end(): string | undefined {
    const line = this.#end(this.#decoder.end());
    return line === '' ? undefined : line;
  }

  /** Forgets what is under way. */
  reset(): void {
    this.#decoder = new StringDecoder('utf8');
    this.#rest = [];
    this.#restLength = 0;
    this.#isSkipping = false;
  }

  #keep(text: string): void {
    if (text === '' || this.#isSkipping) return;
    this.#rest.push(text);
    this.#restLength += text.length;
    if (this.#restLength <= MAX_LINE) return;
    this.tooLong += 1;
    this.#isSkipping = true;
    this.#rest = [];
    this.#restLength = 0;
  }

  #end(text: string): string | undefined {
    const wasSkipping = this.#isSkipping;
    const line = this.#rest.length === 0 ? text : this.#rest.join('') + text;
    this.#rest = [];
    this.#restLength = 0;
    this.#isSkipping = false;
    if (wasSkipping) return undefined;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}
