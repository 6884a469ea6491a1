import { describe, expect, it } from 'vitest';

import type { Session } from '../../src/model/session.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import type { Attributes } from '../../src/model/value.ts';
import { blockChange } from '../../src/serve/encode.ts';
import { SessionScript } from '../support/records.ts';

const A = { 'session_logs.stream_id': 'a' };
const B = { 'session_logs.stream_id': 'b' };
let model: SessionModel;

function session(tell: (script: SessionScript) => unknown): Session {
  model = new SessionModel();
  tell(new SessionScript(model, 'abc'));
  const found = model.find('abc');
  if (found === undefined) throw new Error('there is no session');
  return found;
}

/** The blocks as a person would describe them. */
function told({ blocks }: Session): string[] {
  return blocks.map((block) => {
    const { type, role, parts, isOpen, isFailed } = blockChange(block);
    const texts = parts.map(({ part, text }) => (part === 'text' ? text : `<${part}>${text}`)).join('|');
    return `${role ?? type}${isOpen ? ' open' : ''}${isFailed ? ' failed' : ''}: ${texts}`;
  });
}

describe('the blocks of a session', () => {
  it('joins an answer between its marks, token by token', () => {
    const growing = session((script) => script.mark('stream_start').chunk('Hel').chunk('lo'));
    expect(told(growing)).toEqual(['answer open: Hello']);
    const whole = session((script) => script.mark('stream_start').chunk('Hel').chunk('lo').mark('stream_end'));
    expect(told(whole)).toEqual(['answer: Hello']);
  });

  it('joins consecutive chat text without marks, also around logs for the operator', () => {
    const found = session((script) => script.chunk('Hel').log('looked up').chunk('lo'));
    expect(told(found)).toEqual(['answer open: Hello', 'log: looked up']);
  });

  it('begins another answer after a message of the user', () => {
    const found = session((script) =>
      script
        .chunk('Hi')
        .add({ eventName: 'gen_ai.user.message', body: { content: 'And?' } })
        .chunk('Well'),
    );
    expect(told(found)).toEqual(['answer: Hi', 'user: And?', 'answer open: Well']);
  });

  it('takes the role of a chunk from its attribute', () => {
    const found = session((script) =>
      script.add({ body: 'Why?' }, { role: 'user' }).add({ body: 'As ' }, { role: 'assistant' }).chunk('ever'),
    );
    expect(told(found)).toEqual(['user: Why?', 'assistant open: As ever']);
    expect(told(session((script) => script.add({ body: 'Why?' }, { role: 'owner' })))).toEqual(['answer open: Why?']);
  });

  it('closes text without marks when another answer begins', () => {
    const found = session((script) => script.chunk('Hi').mark('stream_start', { 'session_logs.stream_id': 'a' }));
    expect(told(found)).toEqual(['answer: Hi', 'answer open: ']);
    expect(found.blocks[0]?.changedAt).toBe(found.blocks[1]?.changedAt);
  });

  it('keeps reasoning and tool calls apart, and two of a kind that a mark separates', () => {
    const found = session((script) =>
      script
        .mark('stream_start')
        .mark('reasoning_start')
        .chunk('hm')
        .mark('reasoning_stop')
        .chunk('So ')
        .chunk('it is')
        .mark('tool_call_start')
        .chunk('find(1)')
        .mark('tool_call_end')
        .mark('tool_call_start')
        .chunk('find(2)')
        .mark('tool_call_end')
        .chunk('!')
        .mark('stream_end'),
    );
    expect(told(found)).toEqual(['answer: <reasoning>hm|So it is|<tool>find(1)|<tool>find(2)|!']);
  });

  it('continues an answer that starts again after a tool call', () => {
    const found = session((script) =>
      script
        .mark('stream_start')
        .mark('tool_call_start')
        .mark('tool_call_end')
        .mark('stream_start')
        .chunk('on')
        .mark('stream_end'),
    );
    expect(told(found)).toEqual(['answer: on']);
  });

  it('says that an answer broke off when another one took its place', () => {
    const found = session((script) => script.mark('stream_start').chunk('one').mark('stream_start').chunk('two'));
    expect(told(found)).toEqual(['answer failed: one', 'answer open: two']);
    expect(found.blocks[0]?.finishReasons).toEqual(['abandoned']);
  });

  it('keeps answers of several streams apart that run side by side', () => {
    const found = session((script) =>
      script
        .mark('stream_start', { 'session_logs.stream_id': 'a' })
        .mark('stream_start', { 'session_logs.stream_id': 'b' })
        .chunk('one ', 'a')
        .chunk('1 ', 'b')
        .chunk('two', 'a')
        .chunk('2', 'b')
        .mark('stream_end', { 'session_logs.stream_id': 'a' }),
    );
    expect(told(found)).toEqual(['answer: one two', 'answer open: 1 2']);
  });

  it('ends an answer of merged records, which have no marks, by its finish reasons', () => {
    const found = session((script) =>
      script
        .add({ body: 'first ' }, { 'session_logs.chunk_count': 40, 'gen_ai.request.stream': true })
        .add({ body: 'half' }, { 'session_logs.chunk_count': 7, 'gen_ai.response.finish_reasons': ['stop'] })
        .add({ body: 'next' }, { 'session_logs.chunk_count': 3 }),
    );
    expect(told(found)).toEqual(['answer: first half', 'answer open: next']);
    expect(found.chunks).toBe(50);
  });

  it('ends an answer with a mark once, though a chunk has told its finish reasons', () => {
    const stop = { 'gen_ai.response.finish_reasons': ['stop'] };
    const found = session((script) =>
      script.mark('stream_start').add({ body: 'a' }, stop).chunk('b').mark('stream_end'),
    );
    expect(told(found)).toEqual(['answer: ab']);
    expect(found.blocks[0]?.finishReasons).toEqual(['stop']);
    const lost = session((script) =>
      script.mark('stream_start').add({ body: 'a' }, stop).mark('stream_start').chunk('b'),
    );
    expect(told(lost)).toEqual(['answer: a', 'answer open: b']);
    expect(lost.openAnswers).toBe(1);
    const again = session((script) =>
      script
        .mark('stream_start', A)
        .add({ body: 'a' }, { ...stop, ...A })
        .mark('stream_start', A),
    );
    expect(told(again)).toEqual(['answer open: a']);
    expect(again.openAnswers).toBe(1);
  });

  it('takes choices and messages of the GenAI conventions, each by itself', () => {
    const choice = (content: string): object => ({
      index: 0,
      finish_reason: 'stop',
      message: { role: 'assistant', content },
    });
    const found = session((script) =>
      script
        .add({ eventName: 'gen_ai.user.message', body: { content: 'Why?' } })
        .add({ eventName: 'gen_ai.choice', body: choice('One.') as Attributes })
        .add({ eventName: 'gen_ai.choice', body: choice('Two.') as Attributes }),
    );
    expect(told(found)).toEqual(['user: Why?', 'assistant: One.', 'assistant: Two.']);
    expect(found.blocks.map(({ finishReasons }) => finishReasons)).toEqual([[], ['stop'], ['stop']]);
  });

  it('takes records of other languages, which have only an id and a severity', () => {
    const found = session((script) =>
      script.add({ body: 'started', severityNumber: 9, severityText: 'INFO' }).log('failed', 17),
    );
    expect(told(found)).toEqual(['log: started', 'log failed: failed']);
    expect(found.errors).toBe(1);
  });

  it('shows where entries are missing, and where a life of the session ends', () => {
    const found = session((script) => script.chunk('one'));
    found.addGap(3, 'evicted', 1);
    found.end(2);
    found.end(3);
    expect(found.blocks.map(({ type, missing }) => [type, missing])).toEqual([
      ['answer', 0],
      ['gap', 3],
      ['end', 0],
    ]);
    expect(found.missing).toBe(3);
  });

  it('continues each open answer below a gap, but not an answer of which only the end came', () => {
    const found = session((script) =>
      script.mark('stream_start', A).chunk('one ', 'a').mark('stream_start', B).chunk('1 ', 'b').log('looked up'),
    );
    found.addGap(3, 'evicted', 1);
    const more = new SessionScript(model, 'abc');
    more.chunk('two ', 'a').mark('reasoning_start', A).chunk('three', 'a').mark('stream_end', B).mark('stream_end', A);
    expect(told(found)).toEqual([
      'answer: one ',
      'answer: 1 ',
      'log: looked up',
      'gap: ',
      'answer: two |<reasoning>three',
    ]);
    expect(found.blocks.map(({ isContinued }) => isContinued)).toEqual([false, false, false, false, true]);
    expect(found.openAnswers).toBe(0);
  });

  it('continues text without marks below a gap, and keeps that an answer failed', () => {
    const found = session((script) => script.chunk('one ').mark('error'));
    found.addGap(1, 'evicted', 1);
    new SessionScript(model, 'abc').chunk('two').chunk(' three');
    expect(told(found)).toEqual(['answer failed: one |<error>', 'gap: ', 'answer open failed: two three']);
  });

  it('counts the tokens that the model says it used', () => {
    const found = session((script) =>
      script.add({ severityNumber: 9 }, { 'gen_ai.usage.input_tokens': 100, 'gen_ai.usage.output_tokens': 20 }),
    );
    expect([found.inputTokens, found.outputTokens]).toEqual([100, 20]);
  });
});

describe('the state of a session', () => {
  const now = 1_790_000_100_000;
  const at = (tell: (script: SessionScript) => unknown, afterMillis: number): string => {
    const model = new SessionModel({ now: () => now });
    tell(new SessionScript(model, 'abc'));
    return model.find('abc')?.stateAt(now + afterMillis) ?? '';
  };

  it('is live while something comes, and ended when nothing has come for 30 seconds', () => {
    expect(at((script) => script.log('a'), 29_000)).toBe('live');
    expect(at((script) => script.log('a'), 31_000)).toBe('ended');
  });

  it('is that of now, also when the clock was set back by an hour or ahead', () => {
    let time = now;
    const model = new SessionModel({ now: () => time });
    const script = new SessionScript(model, 'abc').log('a');
    const state = (): string | undefined => model.find('abc')?.stateAt(time);
    for (const step of [-3_600_000, 7_200_000, -3_600_000]) {
      time += step;
      expect(state()).toBe('ended');
      script.log('b');
      expect(state()).toBe('live');
      time += 31_000;
      expect(state()).toBe('ended');
    }
  });

  it('is live as long as an answer is open, and failed when the answer does not continue', () => {
    const open = (script: SessionScript): unknown => script.mark('stream_start').chunk('a');
    expect(at(open, 60_000)).toBe('live');
    expect(at(open, 3_600_000)).toBe('failed');
  });

  it('is failed when the last thing that came is an error, or an answer that broke off', () => {
    expect(at((script) => script.log('a', 17), 1_000)).toBe('failed');
    expect(at((script) => script.log('a', 17).log('b'), 1_000)).toBe('live');
    expect(at((script) => script.mark('stream_start').mark('error').mark('stream_end'), 1_000)).toBe('failed');
    const abandoned = { 'gen_ai.response.finish_reasons': ['abandoned'] };
    expect(at((script) => script.mark('stream_start').mark('stream_end', abandoned), 1_000)).toBe('failed');
  });

  it('is not failed when somebody stopped the answer', () => {
    const aborted = { 'gen_ai.response.finish_reasons': ['aborted'] };
    expect(at((script) => script.mark('stream_start').mark('stream_end', aborted), 1_000)).toBe('live');
    expect(at((script) => script.mark('stream_start').mark('stream_end', aborted), 31_000)).toBe('ended');
  });
});
