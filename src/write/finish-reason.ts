import { ownText } from '../support/own-text.ts';

/** The longest reason that is kept of a source, in UTF-16 units. */
const MAX_CHARS = 200;

/** What models and libraries say, and the word of the GenAI conventions for it. */
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
 * Why a model stopped, in the words of the GenAI conventions: `stop`, `length`, `content_filter`, `tool_call`, `error`, and ours,
 * `aborted`. Another reason is kept as it is. `undefined`: it is no reason.
 */
export function finishWord(reason: unknown): string | undefined {
  if (typeof reason !== 'string' || reason === '') return undefined;
  const known = reason.length <= MAX_CHARS ? WORDS.get(reason.toLowerCase().replaceAll('-', '_')) : undefined;
  return known ?? ownText(reason.slice(0, MAX_CHARS));
}
