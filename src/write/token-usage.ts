import { ATTRIBUTE } from '../otel/names.ts';

/** Number of tokens that an answer took. Counts that the source does not give are left out. */
export interface TokenUsage {
  /** Tokens of the prompt, including those from a cache. */
  readonly inputTokens?: number;
  /** Tokens of the answer, including its reasoning. */
  readonly outputTokens?: number;
  readonly cacheReadInputTokens?: number;
  readonly cacheCreationInputTokens?: number;
  readonly reasoningOutputTokens?: number;
}

type Count = keyof TokenUsage;

/**
 * Where each count may stand: under this package's name, or as in AI SDK, OpenAI (chat, then responses) and LangChain.
 */
const PLACES: Readonly<Record<Count, readonly (readonly string[])[]>> = {
  inputTokens: [['inputTokens'], ['promptTokens'], ['prompt_tokens'], ['input_tokens']],
  outputTokens: [['outputTokens'], ['completionTokens'], ['completion_tokens'], ['output_tokens']],
  cacheReadInputTokens: [
    ['cacheReadInputTokens'],
    ['inputTokenDetails', 'cacheReadTokens'],
    ['cachedInputTokens'],
    ['prompt_tokens_details', 'cached_tokens'],
    ['input_tokens_details', 'cached_tokens'],
    ['input_token_details', 'cache_read'],
  ],
  cacheCreationInputTokens: [
    ['cacheCreationInputTokens'],
    ['inputTokenDetails', 'cacheWriteTokens'],
    ['prompt_tokens_details', 'cache_write_tokens'],
    ['input_tokens_details', 'cache_write_tokens'],
    ['input_token_details', 'cache_creation'],
  ],
  reasoningOutputTokens: [
    ['reasoningOutputTokens'],
    ['outputTokenDetails', 'reasoningTokens'],
    ['reasoningTokens'],
    ['completion_tokens_details', 'reasoning_tokens'],
    ['output_tokens_details', 'reasoning_tokens'],
    ['output_token_details', 'reasoning'],
  ],
};
const COUNTS = Object.keys(PLACES) as Count[];

/**
 * Reads the usage that a source gives, in any known form; `undefined` if it gives none. Throws what a getter throws.
 */
export function readUsage(given: unknown): TokenUsage | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const usage: Partial<Record<Count, number>> = {};
  for (const count of COUNTS) {
    for (const path of PLACES[count]) {
      const value = path.reduce<unknown>(fieldOf, given);
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) continue;
      usage[count] = value;
      break;
    }
  }
  return Object.keys(usage).length === 0 ? undefined : usage;
}

function fieldOf(owner: unknown, name: string): unknown {
  return typeof owner === 'object' && owner !== null ? (owner as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Adds two usages: one answer may take several calls of a model. */
export function addUsage(one: TokenUsage | undefined, other: TokenUsage | undefined): TokenUsage | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const sum: Partial<Record<Count, number>> = { ...one };
  for (const count of COUNTS) {
    const more = other[count];
    if (more !== undefined) sum[count] = (sum[count] ?? 0) + more;
  }
  return sum;
}

/** The usage as attributes of the GenAI conventions. */
export function usageAttributes(usage: TokenUsage | undefined): Record<string, number> {
  const attributes: Record<string, number> = {};
  for (const count of COUNTS) {
    const value = usage?.[count];
    if (value !== undefined) attributes[ATTRIBUTE[count]] = value;
  }
  return attributes;
}
