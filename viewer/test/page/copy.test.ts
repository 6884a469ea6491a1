import { describe, expect, it } from 'vitest';

import { blockMarkdown, conversationJson, conversationMarkdown } from '../../page/src/details/copy.ts';
import type { BlockChange } from '../../src/serve/protocol.ts';

const MILLIS = Date.UTC(2026, 10, 26, 10, 0, 0);

function block(fields: Partial<BlockChange>): BlockChange {
  const known = { id: 1, isOpen: false, isFailed: false, parts: [], entries: 1, seq: 1 } as const;
  return { ...known, type: 'log', millis: MILLIS, lastMillis: MILLIS, ...fields };
}

function part(text: string, kind: 'text' | 'reasoning' | 'tool' | 'error' = 'text'): BlockChange['parts'][number] {
  return { part: kind, text, millis: MILLIS };
}

const BLOCKS: readonly BlockChange[] = [
  block({ type: 'message', role: 'user', parts: [part('Why?')] }),
  block({ parts: [part('asked')], severityNumber: 9, severityText: 'INFO' }),
  block({ parts: [part('slow')], severityNumber: 13 }),
  block({
    type: 'answer',
    lastMillis: MILLIS + 1_500,
    isFailed: true,
    finishReasons: ['aborted'],
    parts: [part('hm', 'reasoning'), part('**Because**'), part('f(`1`)', 'tool')],
  }),
  block({ type: 'gap', missing: 3, reason: 'evicted' }),
  block({ type: 'answer', isContinued: true, parts: [part('of it')] }),
  block({ type: 'end' }),
];

describe('a session as Markdown', () => {
  it('has answers as they are, what is folded in fences, and logs as a list', () => {
    expect(conversationMarkdown('abc', { blocks: BLOCKS, hasOlder: false })).toBe(`# Session \`abc\`

## User, 2026-11-26T10:00:00.000Z

Why?

- 2026-11-26T10:00:00.000Z **INFO** \`asked\`
- 2026-11-26T10:00:00.000Z **severity 13** \`slow\`

## Answer, 2026-11-26T10:00:00.000Z (aborted)

Reasoning:

\`\`\`
hm
\`\`\`

**Because**

Tool call:

\`\`\`
f(\`1\`)
\`\`\`

> 3 entries are missing here: evicted

## Answer, continued, 2026-11-26T10:00:00.000Z

of it

> The session ended here, 2026-11-26T10:00:00.000Z.
`);
  });

  it('lets no text of a log, of a name or of a tool out of its fence', () => {
    const hostile = 'a\n```\n# no heading\n````';
    const markdown = blockMarkdown(block({ type: 'answer', parts: [part(hostile, 'tool')] }));
    expect(markdown).toContain(`\`\`\`\`\`\n${hostile}\n\`\`\`\`\``);
    expect(conversationMarkdown('`x`', { blocks: [], hasOlder: false })).toBe('# Session `` `x` ``\n');
  });
});

describe('a copy that does not have all of a session', () => {
  it('says so', () => {
    const part = { blocks: BLOCKS.slice(0, 1), hasOlder: true };
    expect(conversationMarkdown('abc', part)).toContain('# Session `abc`\n\n> Older blocks are not in this copy.');
    expect(JSON.parse(conversationJson('abc', part))).toMatchObject({ session: 'abc', hasOlder: true });
  });
});

describe('a session as JSON', () => {
  it('has only fields with a value, times as dates, and a single text as `text`', () => {
    const { session, blocks } = JSON.parse(conversationJson('abc', { blocks: BLOCKS, hasOlder: false })) as {
      session: string;
      blocks: object[];
    };
    expect(session).toBe('abc');
    expect(blocks[0]).toEqual({ type: 'message', role: 'user', time: '2026-11-26T10:00:00.000Z', text: 'Why?' });
    expect(blocks[3]).toEqual({
      type: 'answer',
      time: '2026-11-26T10:00:00.000Z',
      endTime: '2026-11-26T10:00:01.500Z',
      isFailed: true,
      finishReasons: ['aborted'],
      parts: [
        { part: 'reasoning', text: 'hm' },
        { part: 'text', text: '**Because**' },
        { part: 'tool', text: 'f(`1`)' },
      ],
    });
  });
});
