import { FakeListChatModel } from '@langchain/core/utils/testing';
import { describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';

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
});
