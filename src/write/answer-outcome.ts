import { finishWord } from './finish-reason.ts';
import { addUsage, readUsage } from './token-usage.ts';
import type { TokenUsage } from './token-usage.ts';

/** A chunk of a model's stream, of unknown shape. */
type Chunk = Readonly<Record<string, unknown>>;

/** The most answers to one prompt that are told apart. */
const MAX_GENERATIONS = 128;

/**
 * Collects from the chunks of an answer why it finished and how many tokens it took. Knows the chunks of AI SDK (parts
 * of `fullStream`, chunks of UI messages), OpenAI (chat completions, responses) and LangChain (message chunks).
 */
export class AnswerOutcome {
  /** Finish reasons by generation: a prompt may have several answers in one stream. */
  readonly #reasons = new Map<number, string>();
  readonly #generations = new Set<number>();
  /** The failure that the source told; it may still give a finish reason after that. */
  #failure: { readonly error: unknown } | undefined = undefined;
  /** The usage of the whole answer, as the application tells it. */
  #told: TokenUsage | undefined = undefined;
  /** The usage of earlier calls of the model. */
  #before: TokenUsage | undefined = undefined;
  /** The usage of the whole current call; if known, that of its parts does not count. */
  #total: TokenUsage | undefined = undefined;
  #parts: TokenUsage | undefined = undefined;

  /** Whether the source has given a finish reason for each generation. */
  get isFinal(): boolean {
    return this.#failure !== undefined || (this.#reasons.size > 0 && this.#reasons.size >= this.#generations.size);
  }

  /** Finish reasons in the order of the generations; `undefined` if the source gave none. */
  get finishReasons(): readonly string[] | undefined {
    if (this.#reasons.size === 0) return this.#failure && ['error'];
    return [...this.#reasons].sort(([one], [other]) => one - other).map(([, reason]) => reason);
  }

  /** The failure that the source told, if it ended for that reason. */
  get failure(): { readonly error: unknown } | undefined {
    return this.finishReasons?.[0] === 'error' ? this.#failure : undefined;
  }

  get usage(): TokenUsage | undefined {
    return this.#told ?? addUsage(this.#before, this.#total ?? this.#parts);
  }

  /** Takes what the application's `map` says of a chunk; it takes precedence over the chunk itself. */
  tell(finishReason: unknown, usage: unknown): void {
    this.#finish(0, finishReason);
    this.#told = readUsage(usage) ?? this.#told;
  }

  /** Looks at a chunk, which may be any value. Throws what its getters throw. */
  meet(chunk: unknown): void {
    if (typeof chunk !== 'object' || chunk === null) return;
    const { type, choices, usage_metadata: usage, response_metadata: response } = chunk as Chunk;
    if (typeof type === 'string') this.#meetEvent(type, chunk as Chunk);
    if (Array.isArray(choices)) this.#meetChoices(choices, (chunk as Chunk)['usage']);
    if (typeof response === 'object' && response !== null)
      this.#meetMessage(chunk as Chunk, reasonIn(response as Chunk));
    // Message chunks, which LangChain itself adds up too.
    if (usage !== undefined) this.#parts = addUsage(this.#parts, readUsage(usage));
  }

  #meetEvent(type: string, chunk: Chunk): void {
    switch (type) {
      case 'start':
      case 'response.created':
        this.#beginAgain();
        break;
      case 'finish-step':
        this.#parts = addUsage(this.#parts, readUsage(chunk['usage']));
        break;
      case 'finish':
        this.#finish(0, chunk['finishReason']);
        this.#total = readUsage(chunk['totalUsage']) ?? this.#total;
        break;
      case 'abort':
        this.#finish(0, 'aborted');
        break;
      case 'error':
        if ('error' in chunk || 'errorText' in chunk) this.#failure ??= { error: chunk['error'] ?? chunk['errorText'] };
        break;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        this.#meetResponse(chunk['response']);
        break;
    }
  }

  /** Reads the OpenAI response that ends a stream. */
  #meetResponse(response: unknown): void {
    if (typeof response !== 'object' || response === null) return;
    const { status, incomplete_details: details, output, usage } = response as Chunk;
    const items: readonly unknown[] = Array.isArray(output) ? output : [];
    const callsTool = items.some((item) => (item as Chunk | null)?.['type'] === 'function_call');
    const why = (details as Chunk | null | undefined)?.['reason'];
    this.#finish(0, status === 'completed' && callsTool ? 'tool_call' : (why ?? status));
    this.#total = readUsage(usage) ?? this.#total;
  }

  #meetChoices(choices: readonly unknown[], usage: unknown): void {
    for (const choice of choices) {
      if (typeof choice !== 'object' || choice === null) continue;
      const { index = 0, finish_reason: reason } = choice as Chunk;
      if (typeof index !== 'number' || !(index >= 0 && index < MAX_GENERATIONS)) continue;
      if (this.#reasons.has(index) && saysMore((choice as Chunk)['delta'])) this.#beginAgain();
      this.#generations.add(index);
      this.#finish(index, reason);
    }
    // Some servers send the usage so far with each chunk.
    this.#total = readUsage(usage) ?? this.#total;
  }

  #meetMessage(chunk: Chunk, reason: unknown): void {
    const { content, tool_call_chunks: calls } = chunk;
    if (this.#reasons.has(0) && saysMore({ content, calls })) this.#beginAgain();
    this.#finish(0, reason);
  }

  /**
   * One source may contain several calls of the model, as for an agent that uses tools: the last call gives the reason.
   */
  #beginAgain(): void {
    if (!this.isFinal) return;
    this.#reasons.clear();
    this.#generations.clear();
    this.#failure = undefined;
    this.#before = addUsage(this.#before, this.#total ?? this.#parts);
    this.#total = undefined;
    this.#parts = undefined;
  }

  #finish(generation: number, reason: unknown): void {
    const word = finishWord(reason);
    if (word !== undefined) this.#reasons.set(generation, word);
  }
}

/** Whether a part of an answer has any content. Some servers send the usage with an empty part after the reason. */
function saysMore(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { role: _role, ...content } = part as Chunk;
  return Object.values(content).some((each) => (typeof each === 'string' || Array.isArray(each)) && each.length > 0);
}

/** The finish reason in the metadata of LangChain's models, each of which has its own field. */
function reasonIn(response: Chunk): unknown {
  return response['finish_reason'] ?? response['stop_reason'] ?? response['finishReason'] ?? response['done_reason'];
}
