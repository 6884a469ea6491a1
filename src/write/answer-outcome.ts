import { finishWord } from './finish-reason.ts';
import { addUsage, readUsage } from './token-usage.ts';
import type { TokenUsage } from './token-usage.ts';

/** A chunk of a model's stream, of which nothing is known before it is looked at. */
type Chunk = Readonly<Record<string, unknown>>;

/** More answers to one prompt than that are not told apart. */
const MAX_GENERATIONS = 128;

/**
 * What the source of an answer says of its end: why it finished, and what it took. Taken from the chunks of AI SDK (parts of
 * `fullStream`, chunks of UI messages), OpenAI (chat completions, responses) and LangChain (message chunks), as they come by.
 */
export class AnswerOutcome {
  /** By generation: a prompt may have several answers, side by side in one stream. */
  readonly #reasons = new Map<number, string>();
  readonly #generations = new Set<number>();
  /** What went wrong, after which the source may still give a reason. */
  #failure: { readonly error: unknown } | undefined = undefined;
  /** What the application tells of all of it. */
  #told: TokenUsage | undefined = undefined;
  /** Of the calls of the model that are over. */
  #before: TokenUsage | undefined = undefined;
  /** Of a whole call; what came of parts of it does not count then. */
  #total: TokenUsage | undefined = undefined;
  #parts: TokenUsage | undefined = undefined;

  /** Whether the source has told why it ends, each generation of it. */
  get isFinal(): boolean {
    return this.#failure !== undefined || (this.#reasons.size > 0 && this.#reasons.size >= this.#generations.size);
  }

  /** In the order of the generations; `undefined`: the source told none. */
  get finishReasons(): readonly string[] | undefined {
    if (this.#reasons.size === 0) return this.#failure && ['error'];
    return [...this.#reasons].sort(([one], [other]) => one - other).map(([, reason]) => reason);
  }

  /** What went wrong by the word of the source, which has ended for that reason. */
  get failure(): { readonly error: unknown } | undefined {
    return this.finishReasons?.[0] === 'error' ? this.#failure : undefined;
  }

  get usage(): TokenUsage | undefined {
    return this.#told ?? addUsage(this.#before, this.#total ?? this.#parts);
  }

  /** Takes what the application makes of a chunk, which counts before what the chunk says. */
  tell(finishReason: unknown, usage: unknown): void {
    this.#finish(0, finishReason);
    this.#told = readUsage(usage) ?? this.#told;
  }

  /** Looks at a chunk, which may be anything. May throw what a getter of it throws. */
  meet(chunk: unknown): void {
    if (typeof chunk !== 'object' || chunk === null) return;
    const { type, choices, usage_metadata: usage, response_metadata: response } = chunk as Chunk;
    if (typeof type === 'string') this.#meetEvent(type, chunk as Chunk);
    if (Array.isArray(choices)) this.#meetChoices(choices, (chunk as Chunk)['usage']);
    if (typeof response === 'object' && response !== null)
      this.#meetMessage(chunk as Chunk, reasonIn(response as Chunk));
    // Message chunks, which LangChain adds up as well.
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

  /** The response of OpenAI that a stream ends with. */
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
    // Some servers tell what it took so far with each chunk.
    this.#total = readUsage(usage) ?? this.#total;
  }

  #meetMessage(chunk: Chunk, reason: unknown): void {
    const { content, tool_call_chunks: calls } = chunk;
    if (this.#reasons.has(0) && saysMore({ content, calls })) this.#beginAgain();
    this.#finish(0, reason);
  }

  /** One source may give what several calls of the model write, as an agent that uses tools does: the last one tells the reason. */
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

/** Whether a part of an answer has anything in it. Some servers tell with an empty one, after the reason, what it took. */
function saysMore(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { role: _role, ...content } = part as Chunk;
  return Object.values(content).some((each) => (typeof each === 'string' || Array.isArray(each)) && each.length > 0);
}

/** The reason among what LangChain's models tell of a response, each in its own words. */
function reasonIn(response: Chunk): unknown {
  return response['finish_reason'] ?? response['stop_reason'] ?? response['finishReason'] ?? response['done_reason'];
}
