import { AIMessageChunk } from '@langchain/core/messages';
import { ChatGenerationChunk } from '@langchain/core/outputs';
import { FakeListChatModel } from '@langchain/core/utils/testing';
import { describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';

/** Those that `@langchain/core` has for tests leave out what a message says besides its text. */
class TellingModel extends FakeListChatModel {
  override async *_streamResponseChunks(): AsyncGenerator<ChatGenerationChunk> {
    const usage = (input_tokens: number, output_tokens: number) => ({
      input_tokens,
      output_tokens,
      total_tokens: input_tokens + output_tokens,
    });
    const messages = [
      Object.assign(new AIMessageChunk('Hel'), { usage_metadata: usage(5, 0) }),
      new AIMessageChunk('lo'),
      Object.assign(new AIMessageChunk(''), {
        usage_metadata: usage(0, 2),
        response_metadata: { finish_reason: 'stop' },
      }),
    ];
    for (const message of messages) yield new ChatGenerationChunk({ message, text: message.text });
  }
}

describe('LangChain', () => {
  it('the stream of a chat model is read through a tap and stands in the session', async () => {
    const sessions = new SessionLogs();
    const model = new FakeListChatModel({ responses: ['Hello there'] });
    const sessionId = 'abc123';
    let shown = '';
    // recipe: LangChain
    const stream = await model.stream('Hello');
    for await (const chunk of sessions.tap(sessionId, stream, { map: ({ text }) => text })) shown += chunk.text;
    // end
    expect(shown).toBe('Hello there');
    const entries = sessions.getAllLogsInQueue({ sessionId });
    expect(entries.map(({ kind }) => kind)).toEqual([
      'stream-start',
      ...Array.from('Hello there', () => 'text'),
      'stream-end',
    ]);
    expect(entries.map(({ kind, message }) => (kind === 'text' ? message : '')).join('')).toBe('Hello there');
    await sessions.shutdown();
  });

  it('what its messages tell of the end stands on the end of the answer; a stop is one', async () => {
    const sessions = new SessionLogs();
    const stream = await new TellingModel({ responses: [] }).stream('Hello');
    const told = await sessions.consume('whole', stream, { map: ({ text }) => text });
    expect(told).toEqual({ finishReason: 'stop', usage: { inputTokens: 5, outputTokens: 2 } });
    const stop = new AbortController();
    const slow = new FakeListChatModel({ responses: ['Hello there'], sleep: 5 });
    const stopped = await slow.stream('Hello', { signal: stop.signal });
    const consumed = sessions.consume('stopped', stopped, { map: ({ text }) => text, signal: stop.signal });
    for await (const _text of sessions.toReadableStream('stopped')) stop.abort();
    expect((await consumed).finishReason).toBe('aborted');
    const kinds = sessions.getAllLogsInQueue({ sessionId: 'stopped' }).map(({ kind }) => kind);
    expect(kinds).not.toContain('error');
    await sessions.shutdown();
  });
});
