import { ownText } from '../support/own-text.ts';

/** Longest finish reason of a source that is kept, in UTF-16 units. */
const MAX_CHARS = 200;

/** The words of the GenAI conventions, each with what models and libraries call it. */
const WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    stop: 'stop end_turn stop_sequence completed',
    length: 'length max_tokens max_output_tokens',
    content_filter: 'content_filter safety refusal',
    tool_call: 'tool_call tool_calls tool_use function_call',
    error: 'error failed',
    aborted: 'aborted abort cancelled canceled',
  }).flatMap(([word, said]) => said.split(' ').map((each) => [each, word] as const)),
);

/**
 * Translates why a model stopped into the words of the GenAI conventions (`stop`, `length`, `content_filter`,
 * `tool_call`, `error`) or this package's `aborted`. Other reasons stay as they are; `undefined` for a value that is
 * not a reason.
 */
export function finishWord(reason: unknown): string | undefined {
  if (typeof reason !== 'string' || reason === '') return undefined;
  const known = reason.length <= MAX_CHARS ? WORDS.get(reason.toLowerCase().replaceAll('-', '_')) : undefined;
  return known ?? ownText(reason.slice(0, MAX_CHARS));
}
