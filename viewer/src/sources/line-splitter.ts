import { StringDecoder } from 'node:string_decoder';

/** Longest line that is kept, in UTF-16 units. The longest body of a request has as many bytes. */
const MAX_LINE = 32 * 1024 * 1024;

/** Joins bytes that come in pieces, cut anywhere, into lines. */
export class LineSplitter {
  #decoder = new StringDecoder('utf8');
  #rest: string[] = [];
  #restLength = 0;
  #isSkipping = false;
  #isAtStart = true;
  readonly #onTooLong: () => void;

  /** @param onTooLong Called for each line that is too long, and so left out. */
  constructor(onTooLong: () => void) {
    this.#onTooLong = onTooLong;
  }

  /** The lines that these bytes complete, without their line ends. */
  take(bytes: Buffer): string[] {
    const lines = this.#text(bytes).split('\n');
    const last = lines.pop() ?? '';
    const ended = lines.map((line) => this.#end(line)).filter((line) => line !== undefined);
    this.#keep(last);
    return ended;
  }

  /** The characters, without the byte order mark that some programs begin a file with. */
  #text(bytes: Buffer): string {
    const text = this.#decoder.write(bytes);
    if (!this.#isAtStart || text === '') return text;
    this.#isAtStart = false;
    return text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  /** The line that has no line end yet; `''` if it is too long. */
  get rest(): string {
    return this.#rest.join('');
  }

  dropRest(): void {
    this.#rest = [];
    this.#restLength = 0;
  }

  /** What is left after the last line end, if anything. */
  end(): string | undefined {
    const line = this.#end(this.#decoder.end());
    return line === '' ? undefined : line;
  }

  /** Begins anew, and forgets an unfinished line. */
  reset(): void {
    this.#decoder = new StringDecoder('utf8');
    this.dropRest();
    this.#isSkipping = false;
    this.#isAtStart = true;
  }

  #keep(text: string): void {
    if (text === '' || this.#isSkipping) return;
    this.#rest.push(text);
    this.#restLength += text.length;
    if (this.#restLength <= MAX_LINE) return;
    this.#onTooLong();
    this.#isSkipping = true;
    this.dropRest();
  }

  #end(text: string): string | undefined {
    const wasSkipping = this.#isSkipping;
    const line = this.#rest.length === 0 ? text : this.#rest.join('') + text;
    this.dropRest();
    this.#isSkipping = false;
    if (wasSkipping) return undefined;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}
