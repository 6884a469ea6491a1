import { describe, expect, it } from 'vitest';

import { AnswerOutcome } from '../../src/write/answer-outcome.ts';
import { finishWord } from '../../src/write/finish-reason.ts';
import type { TokenUsage } from '../../src/write/token-usage.ts';

interface Case {
  readonly chunks: readonly unknown[];
  readonly reasons?: readonly string[];
  readonly usage?: TokenUsage;
  readonly isFinal?: boolean;
}

const cases: Readonly<Record<string, Case>> = {
  'a source that tells nothing': { chunks: ['text', null, undefined, 3, {}, [], { type: 'text-delta', text: 'a' }] },
  'AI SDK: steps, and the finish with the total of them': {
    chunks: [
      { type: 'finish-step', finishReason: 'tool-calls', usage: { inputTokens: 1, outputTokens: 2 } },
      { type: 'finish-step', finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 4 } },
      {
        type: 'finish',
        finishReason: 'stop',
        totalUsage: {
          inputTokens: 4,
          inputTokenDetails: { noCacheTokens: 1, cacheReadTokens: 2, cacheWriteTokens: 1 },
          outputTokens: 6,
          outputTokenDetails: { textTokens: 1, reasoningTokens: 5 },
          totalTokens: 10,
        },
      },
    ],
    reasons: ['stop'],
    usage: {
      inputTokens: 4,
      outputTokens: 6,
      cacheReadInputTokens: 2,
      cacheCreationInputTokens: 1,
      reasoningOutputTokens: 5,
    },
  },
  'AI SDK: what the steps took when it breaks off': {
    chunks: [
      { type: 'finish-step', finishReason: 'tool-calls', usage: { inputTokens: 1, outputTokens: 2 } },
      { type: 'finish-step', finishReason: 'tool-calls', usage: { inputTokens: 3, cachedInputTokens: 1 } },
    ],
    usage: { inputTokens: 4, outputTokens: 2, cacheReadInputTokens: 1 },
    isFinal: false,
  },
  'AI SDK: an abort': { chunks: [{ type: 'abort', reason: 'user' }], reasons: ['aborted'] },
  'AI SDK: an error, and what may follow': {
    chunks: [{ type: 'error', error: new Error('x') }, { type: 'finish' }],
    reasons: ['error'],
  },
  "an application's own event of that name": { chunks: [{ type: 'error', code: 3 }] },
  'OpenAI chat: several generations, in their order, and the usage at the end': {
    chunks: [
      { choices: [{ index: 1, delta: {}, finish_reason: 'length' }], usage: null },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      {
        choices: [],
        usage: {
          prompt_tokens: 7,
          completion_tokens: 8,
          prompt_tokens_details: { cached_tokens: 6 },
          completion_tokens_details: { reasoning_tokens: 5 },
        },
      },
    ],
    reasons: ['tool_call', 'length'],
    usage: { inputTokens: 7, outputTokens: 8, cacheReadInputTokens: 6, reasoningOutputTokens: 5 },
  },
  'OpenAI chat: one of two generations is not over': {
    chunks: [{ choices: [{ index: 0, finish_reason: 'stop' }] }, { choices: [{ index: 1, finish_reason: null }] }],
    reasons: ['stop'],
    isFinal: false,
  },
  'OpenAI chat: what several calls took, of which the last one has not told its reason': {
    chunks: [
      { choices: [{ index: 0, delta: { content: 'a' } }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
      { choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] },
      { choices: [{ index: 0, delta: { content: 'b' }, finish_reason: null }] },
      { choices: [], usage: { prompt_tokens: 10, completion_tokens: 20 } },
    ],
    usage: { inputTokens: 11, outputTokens: 22 },
    isFinal: false,
  },
  'OpenAI chat: what it took, told with an empty choice after the reason': {
    chunks: [
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
      {
        choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
        usage: { prompt_tokens: 1 },
      },
    ],
    reasons: ['stop'],
    usage: { inputTokens: 1 },
  },
  'OpenAI responses: a second one after a tool call': {
    chunks: [
      { type: 'response.created' },
      { type: 'response.completed', response: { status: 'completed', usage: { input_tokens: 1 } } },
      { type: 'response.created' },
    ],
    usage: { inputTokens: 1 },
    isFinal: false,
  },
  'AI SDK: a second stream after the first': {
    chunks: [
      { type: 'start' },
      { type: 'finish-step', usage: { inputTokens: 1 } },
      { type: 'finish', finishReason: 'tool-calls', totalUsage: { inputTokens: 1 } },
      { type: 'start' },
      { type: 'finish-step', usage: { inputTokens: 2 } },
      { type: 'finish', finishReason: 'stop', totalUsage: { inputTokens: 2 } },
    ],
    reasons: ['stop'],
    usage: { inputTokens: 3 },
  },
  'OpenAI responses: completed, with a tool call': {
    chunks: [
      { type: 'response.output_text.delta', delta: 'a' },
      {
        type: 'response.completed',
        response: {
          status: 'completed',
          incomplete_details: null,
          output: [{ type: 'reasoning' }, { type: 'function_call' }],
          usage: {
            input_tokens: 1,
            input_tokens_details: { cached_tokens: 0, cache_write_tokens: 1 },
            output_tokens: 2,
            output_tokens_details: { reasoning_tokens: 1 },
          },
        },
      },
    ],
    reasons: ['tool_call'],
    usage: {
      inputTokens: 1,
      outputTokens: 2,
      cacheReadInputTokens: 0,
      cacheCreationInputTokens: 1,
      reasoningOutputTokens: 1,
    },
  },
  'OpenAI responses: completed': {
    chunks: [{ type: 'response.completed', response: { status: 'completed', output: [] } }],
    reasons: ['stop'],
  },
  'OpenAI responses: incomplete': {
    chunks: [
      {
        type: 'response.incomplete',
        response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
      },
    ],
    reasons: ['length'],
  },
  'OpenAI responses: failed': {
    chunks: [{ type: 'response.failed', response: { status: 'failed', error: { code: 'server_error' } } }],
    reasons: ['error'],
  },
  'LangChain: message chunks, whose counts add up': {
    chunks: [
      { type: 'ai', usage_metadata: { input_tokens: 5, output_tokens: 1, input_token_details: { cache_read: 2 } } },
      { type: 'ai', response_metadata: {} },
      {
        type: 'ai',
        response_metadata: { stop_reason: 'end_turn' },
        usage_metadata: { input_tokens: 0, output_tokens: 3, output_token_details: { reasoning: 1 } },
      },
    ],
    reasons: ['stop'],
    usage: { inputTokens: 5, outputTokens: 4, cacheReadInputTokens: 2, reasoningOutputTokens: 1 },
  },
  'LangChain: an agent, of which a later message has not told its reason': {
    chunks: [
      { content: '', response_metadata: { finish_reason: 'tool_calls' }, usage_metadata: { input_tokens: 1 } },
      { content: '', response_metadata: {}, usage_metadata: { output_tokens: 2 } },
      { content: 'sunny', response_metadata: {} },
      { content: 'It is', response_metadata: {}, usage_metadata: { input_tokens: 10 } },
    ],
    usage: { inputTokens: 11, outputTokens: 2 },
    isFinal: false,
  },
};

describe('what a stream says of its end', () => {
  it.each(Object.entries(cases))('%s', (_, { chunks, reasons, usage, isFinal }) => {
    const outcome = new AnswerOutcome();
    for (const chunk of chunks) outcome.meet(chunk);
    expect(outcome.finishReasons).toEqual(reasons);
    expect(outcome.usage).toEqual(usage);
    expect(outcome.isFinal).toBe(isFinal ?? reasons !== undefined);
  });

  it.each([
    ['content-filter', 'content_filter'],
    ['SAFETY', 'content_filter'],
    ['MAX_TOKENS', 'length'],
    ['function_call', 'tool_call'],
    ['other', 'other'],
    ['x'.repeat(1000), 'x'.repeat(200)],
    ['', undefined],
    [null, undefined],
    [{}, undefined],
  ])('the reason %s is %s', (reason, word) => {
    expect(finishWord(reason)).toBe(word);
  });
});
