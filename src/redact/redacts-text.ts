/** Redacts one text that comes in pieces: its joined output is the redaction of the joined text. */
export interface TextRedactor {
  /** Number of UTF-16 units held back. */
  readonly held: number;
  /** @returns The decided text that was not returned before; perhaps none. */
  push(piece: string): string;
  /** Ends the text. @returns What was held back. The next piece begins another text. */
  end(): string;
}

/** The part of a redaction that redacts texts that come in pieces. */
export interface TextRedaction {
  open(): TextRedactor;
  /** Milliseconds after which, without another piece, a text without an end of its own ends. */
  readonly holdMillis: number;
}

/** Marks a redaction that can do this; all copies of this package know the mark. */
export const REDACTS_TEXT: unique symbol = Symbol.for('otel-session-logs.redacts-text.v1') as typeof REDACTS_TEXT;

/** The text redaction of a redaction; `undefined` if it sees whole records only. */
export function textRedactionOf(redact: unknown): TextRedaction | undefined {
  return typeof redact === 'function'
    ? (redact as { readonly [REDACTS_TEXT]?: TextRedaction })[REDACTS_TEXT]
    : undefined;
}
