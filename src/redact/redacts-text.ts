/** Redacts one text that comes in pieces: what it gives, joined, is the redaction of the joined text. */
export interface TextRedactor {
  /** UTF-16 units held back. */
  readonly held: number;
  /** @returns What is decided of the text so far and was not given before; perhaps nothing. */
  push(piece: string): string;
  /** The text ends here. @returns What was held back. The next piece begins another text. */
  end(): string;
}

/** How a redaction of records redacts texts that come in pieces. */
export interface TextRedaction {
  open(): TextRedactor;
  /** How long without a piece a text that has no end of its own goes on, in milliseconds. */
  readonly holdMillis: number;
}

/** Marks a redaction that can; any copy of this package knows it. */
export const REDACTS_TEXT: unique symbol = Symbol.for('otel-session-logs.redacts-text.v1') as typeof REDACTS_TEXT;

/** `undefined` for a redaction that sees whole records only. */
export function textRedactionOf(redact: unknown): TextRedaction | undefined {
  return typeof redact === 'function'
    ? (redact as { readonly [REDACTS_TEXT]?: TextRedaction })[REDACTS_TEXT]
    : undefined;
}
