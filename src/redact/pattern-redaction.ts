import { types } from 'node:util';

import * as z from 'zod';

import { describeValue, messageOf } from '../support/errors.ts';
import { functionOption, lazily, millis, parseOptions, positiveInteger } from '../support/options.ts';
import { catchRejection } from '../support/reporter.ts';
import { prefixOf } from './pattern-prefix.ts';
import type { CompiledPattern, TooLongCounts, WhenTooLong } from './pattern-stage.ts';
import { PatternStages } from './pattern-stages.ts';
import { REDACTS_TEXT } from './redacts-text.ts';
import type { TextRedaction, TextRedactor } from './redacts-text.ts';

/** A pattern to redact. The patterns of `@logtape/redaction` can be used as they are. */
export interface RedactionPattern {
  /** Every match is replaced, with or without the flag `g`. */
  readonly pattern: RegExp;
  /**
   * The replacement, as for `String.prototype.replace`: a text in which `$&` and `$1` stand for the match and its
   * groups, or a function that gets these.
   */
  readonly replacement: string | ((match: string, ...groups: string[]) => string);
  /**
   * What happens to an unfinished match that is longer than `maxHeldChars`. `'redact'` replaces all of it and leaves
   * out the rest of the match; use it for tokens and keys. `'release'` replaces what matches by then and emits the
   * rest; use it for patterns that any long word may begin, such as e-mail addresses.
   *
   * @default 'redact'
   */
  readonly whenTooLong?: WhenTooLong | undefined;
}

export interface PatternRedactionOptions {
  /** The most text of one unfinished match that is held back, in UTF-16 units. @default 1_024 */
  readonly maxHeldChars?: number | undefined;
  /** Milliseconds after which, without another chunk, a session's text outside any answer ends. @default 1_000 */
  readonly holdMillis?: number | undefined;
}

/** The part of a record that a redaction sees. */
interface Redactable {
  readonly message: string;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

/** Redacts by patterns: whole records, as the option `redact`, and texts that come in pieces. */
export interface PatternRedaction {
  /** Redacts the message and every text in the attributes of a record. */
  <Entry extends Redactable>(entry: Entry): Entry;
  /**
   * Redacts a whole text. A text of more than 8,192 characters is redacted in parts, so that a match in it has at most
   * `maxHeldChars`.
   */
  text(text: string): string;
  /**
   * Returns a transform of text streams: its joined output is the redaction of the joined input, however that was cut.
   * It holds back only what could still become a match. Use it for a model's text before a protocol frames it.
   */
  stream(): TransformStream<string, string>;
  /** How many unfinished matches were longer than `maxHeldChars`, by what was done with them. */
  readonly tooLong: Readonly<TooLongCounts>;
  /** For the writer of sessions. @hidden */
  readonly [REDACTS_TEXT]: TextRedaction;
}

const patternsSchema = lazily(() =>
  z.object({
    patterns: z
      .array(
        z.looseObject(
          {
            pattern: z.custom<RegExp>((value) => types.isRegExp(value), 'a regular expression'),
            replacement: z.union(
              [z.string(), functionOption<(match: string, ...groups: string[]) => string>()],
              'a string or a function',
            ),
            whenTooLong: z.enum(['redact', 'release'], "'redact' or 'release'").optional(),
          },
          'an object with `pattern` and `replacement`',
        ),
        'a list of patterns',
      )
      .min(1, 'a list of at least one pattern'),
  }),
);

const optionsSchema = lazily(() =>
  z.strictObject({ maxHeldChars: positiveInteger().optional(), holdMillis: millis().optional() }),
);

const MAX_HELD_CHARS = 1_024;
/** A longer text is redacted in parts: a pattern for e-mail addresses takes 15 seconds on a word of 100,000 letters. */
const LONGEST_WHOLE = 8_192;
const HOLD_MILLIS = 1_000;

/**
 * Makes a redaction by patterns that also finds what a model spreads over several tokens.
 *
 * As the option `redact`, it redacts whole records, and the text of an answer as one text: the joined chunks that reach
 * the session, event streams, file, spool and exporters are the redaction of the joined text. It holds back what could
 * still become a match until that is decided, at the latest until a mark, the end of the answer, `endSession`, shutdown
 * or the end of the process. Chunks outside an answer form one text until `holdMillis` have passed without one.
 * `stream()` does the same for text that goes elsewhere.
 *
 * Patterns are applied in order, each to the result of the one before it. Avoid patterns that backtrack without limit,
 * such as `(a+)+`, because they run on each chunk.
 *
 * @example
 * ```ts
 * const redaction = patternRedaction([EMAIL_ADDRESS_PATTERN, JWT_PATTERN]);
 * const sessions = await startSessionLogs({ redact: redaction });
 * ```
 * @throws TypeError for a wrong option, and, with the reason, for a pattern that does not allow deciding when a match
 * may be in progress: one with back-references, the flag `y` or `v`, or look-behind of more than 64 characters or that
 * looks at what follows it, or one that matches the empty text.
 */
export function patternRedaction(
  patterns: readonly RedactionPattern[],
  options: PatternRedactionOptions = {},
): PatternRedaction {
  const owner = 'patternRedaction';
  const given = parseOptions(owner, patternsSchema, { patterns });
  const { maxHeldChars = MAX_HELD_CHARS, holdMillis = HOLD_MILLIS } = parseOptions(owner, optionsSchema, options);
  const compiled = given.patterns.map((each, index) => compile(owner, each as RedactionPattern, index));
  const tooLong: TooLongCounts = { redacted: 0, released: 0 };

  const open = (): TextRedactor => new PatternStages(compiled, maxHeldChars, tooLong);
  const text = (whole: string): string => {
    if (whole.length <= LONGEST_WHOLE) return compiled.reduce(replaceAll, whole);
    const redactor = open();
    return redactor.push(whole) + redactor.end();
  };

  const redact = <Entry extends Redactable>(entry: Entry): Entry => ({
    ...entry,
    message: text(entry.message),
    ...(entry.attributes === undefined ? undefined : { attributes: redactedValue(entry.attributes, text) }),
  });

  return Object.assign(redact, {
    text,
    stream: () => streamOf(open()),
    tooLong,
    [REDACTS_TEXT]: { open, holdMillis },
  });
}

function replaceAll(text: string, { pattern, replace }: CompiledPattern): string {
  let out = '';
  let from = 0;
  for (;;) {
    // A replacement function that logs may come here again, with the same pattern.
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    if (match === null) return from === 0 ? text : out + text.slice(from);
    out += text.slice(from, match.index) + replace(match);
    from = match.index + match[0].length;
  }
}

function streamOf(redaction: TextRedactor): TransformStream<string, string> {
  const enqueue = (controller: TransformStreamDefaultController<string>, text: string): void => {
    if (text !== '') controller.enqueue(text);
  };
  return new TransformStream<string, string>({
    transform(piece, controller) {
      if (typeof piece !== 'string') {
        throw new TypeError(`patternRedaction: expected a stream of text, got ${describeValue(piece)}`);
      }
      enqueue(controller, redaction.push(piece));
    },
    flush: (controller) => enqueue(controller, redaction.end()),
  });
}

function compile(
  owner: string,
  { pattern, replacement, whenTooLong }: RedactionPattern,
  index: number,
): CompiledPattern {
  try {
    const { source, lookBehind } = prefixOf(pattern);
    const flags = pattern.flags.replace('g', '');
    return {
      pattern: new RegExp(pattern.source, `${flags}g`),
      // Only whether and where it matches is needed, not the indices of groups.
      prefix: new RegExp(source, `${flags.replace('d', '')}g`),
      lookBehind,
      replace: replacer(replacement),
      whenTooLong: whenTooLong ?? 'redact',
    };
  } catch (error) {
    throw new TypeError(`${owner}: \`patterns.${index}\`, ${String(pattern)}, cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function replacer(replacement: RedactionPattern['replacement']): (match: RegExpExecArray) => string {
  if (typeof replacement === 'function') return (match) => textOf(replacement(...(match as unknown as [string])));
  if (!replacement.includes('$')) return () => replacement;
  if (/\$[`']/.test(replacement.replaceAll('$$', ''))) {
    throw new Error("its replacement has $` or $', but the text around the match is not known");
  }
  return (match) => expand(replacement, match);
}

/** The message quotes nothing, because that may be what was to be redacted. */
function textOf(replaced: unknown): string {
  if (typeof replaced === 'string') return replaced;
  catchRejection(replaced, () => {});
  throw new TypeError(
    `a replacement must return a string, not a promise of one; it returned a value of type ${typeof replaced}`,
  );
}

/** Expands a replacement as `String.prototype.replace` does. */
function expand(replacement: string, match: RegExpExecArray): string {
  return replacement.replace(/\$(?:\$|&|(\d{1,2})|<([^>]*)>)/g, (whole, digits?: string, name?: string) => {
    if (whole === '$$') return '$';
    if (whole === '$&') return match[0];
    if (name !== undefined) return match.groups === undefined ? whole : (match.groups[name] ?? '');
    return numbered(match, digits as string) ?? whole;
  });
}

/** `$12` is the twelfth group, or the first one and a 2. */
function numbered(match: RegExpExecArray, digits: string): string | undefined {
  const isGroup = (number: number): boolean => number > 0 && number < match.length;
  if (isGroup(Number(digits))) return match[Number(digits)] ?? '';
  const [first = '', second] = digits;
  if (second === undefined || !isGroup(Number(first))) return undefined;
  return (match[Number(first)] ?? '') + second;
}

/** Redacts attributes, which are plain JSON of limited depth here. */
function redactedValue<T>(value: T, text: (whole: string) => string): T {
  if (typeof value === 'string') return text(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: unknown) => redactedValue(each, text)) as T;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, redactedValue(each as unknown, text)]),
  ) as T;
}
