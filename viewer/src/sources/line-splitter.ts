import { StringDecoder } from 'node:string_decoder';

/** Longest line that is kept, in UTF-16 units. The longest body of a request has as many bytes. */
const MAX_LINE = 32 * 1024 * 1024;

/** Joins bytes that come in pieces, cut anywhere, into lines. */
export class LineSplitter {
  #decoder = new StringDecoder('utf8');
  #rest: string[] = [];
  #restLength = 0;
  /** How many lines were too long, and so left out. */
  tooLong = 0;
  #isSkipping = false;

  /** The lines that these bytes complete, without their line ends. */
  take(bytes: Buffer): string[] {
    const lines = this.#decoder.write(bytes).split('\n');
    const last = lines.pop() ?? '';
    const ended = lines.map((line) => this.#end(line)).filter((line) => line !== undefined);
    this.#keep(last);
    return ended;
  }

  /** What is left after the last line end, if anything. */
  end(): string | undefined {
    const line = this.#end(this.#decoder.end());
    return line === '' ? undefined : line;
  }

  /** Forgets an unfinished line. */
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
