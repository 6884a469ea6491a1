import { simulateReadableStream } from 'ai';
import type { LanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';

type Prompt = MockLanguageModelV3['doStreamCalls'][number]['prompt'];
type Result = Awaited<ReturnType<MockLanguageModelV3['doStream']>>;

/** The time between two words. */
const WORD_MILLIS = Number(process.env['WORD_MILLIS'] ?? 60);

/** Put yours here: `openai('gpt-5')`. This one needs no account and no network. */
export const model: LanguageModel = new MockLanguageModelV3({
  doStream: ({ prompt }): Promise<Result> => {
    const words = answerTo(questionOf(prompt)).match(/\S+\s*/gu) ?? [];
    const stream: Result['stream'] = simulateReadableStream({
      chunkDelayInMs: WORD_MILLIS,
      chunks: [
        { type: 'text-start', id: '1' },
        ...words.map((delta) => ({ type: 'text-delta' as const, id: '1', delta })),
        { type: 'text-end', id: '1' },
        {
          type: 'finish',
          finishReason: { unified: 'stop', raw: 'stop' },
          usage: {
            inputTokens: { total: 12, noCache: 12, cacheRead: 0, cacheWrite: 0 },
            outputTokens: { total: words.length, text: words.length, reasoning: 0 },
          },
        },
      ],
    });
    return Promise.resolve({ stream });
  },
});

function questionOf(prompt: Prompt): string {
  const last = prompt.findLast(({ role }) => role === 'user');
  return last?.role === 'user' ? last.content.map((part) => (part.type === 'text' ? part.text : '')).join('') : '';
}

/** What this model says to a question. */
export function answerTo(question: string): string {
  return `You asked: ${question} This answer is written word by word, and no page owns it. The server reads the model to its end,
 and each word stands in the log of this chat. Reload the page in the middle, and you get what was said so far, and then
 the rest as it comes. Open a second tab, and both show the same. Close every tab: the answer is finished all the same, and
 stands here when you come back. Only the stop button stops it, from whichever tab, and then the record at your collector
 says that the answer was stopped.`.replaceAll('\n', '');
}
