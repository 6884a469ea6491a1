import { array, assert, constantFrom, property, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Terminal } from '../../../src/export/console/terminal.ts';
import { STREAM_END_TOKEN, STREAM_START_TOKEN } from '../../../src/index.ts';
import { runs } from '../../support/properties.ts';
import { until } from '../../support/until.ts';

/** A terminal, and what it shows. */
function startTerminal(hasColours = false): { terminal: Terminal; shown: () => string } {
  let text = '';
  const terminal = new Terminal((part) => {
    expect(part).not.toBe('');
    text += part;
  }, hasColours);
  return { terminal, shown: () => text };
}

describe('chunks on a terminal', () => {
  it('of one session are shown as they come, behind its label', () => {
    const { terminal, shown } = startTerminal();
    const seen: string[] = [];
    for (const chunk of [STREAM_START_TOKEN, 'Hel', 'lo\nwor', '', 'ld', STREAM_END_TOKEN, 'next']) {
      terminal.chunk(chunk, 'a');
      seen.push(shown());
    }
    expect(seen).toEqual([
      '',
      '[a] Hel',
      '[a] Hello\n[a] wor',
      '[a] Hello\n[a] wor',
      '[a] Hello\n[a] world',
      '[a] Hello\n[a] world\n',
      '[a] Hello\n[a] world\n[a] next',
    ]);
    terminal.end();
    expect(shown().endsWith('[a] next\n')).toBe(true);
  });

  it('of another session wait until the line ends, and then go on live', () => {
    const { terminal, shown } = startTerminal();
    terminal.chunk('The capital', 'a');
    terminal.chunk('Once ', 'b');
    terminal.chunk(' of France', 'a');
    terminal.chunk('upon', 'b');
    expect(shown()).toBe('[a] The capital of France');
    terminal.chunk(STREAM_END_TOKEN, 'a');
    expect(shown()).toBe('[a] The capital of France\n[b] Once upon');
    terminal.chunk(' a time', 'b');
    expect(shown()).toBe('[a] The capital of France\n[b] Once upon a time');
  });

  it('wait no longer than for a line of their own; the line that was ended for it goes on behind a mark', () => {
    const { terminal, shown } = startTerminal();
    terminal.chunk('The capital', 'a');
    terminal.chunk('Once upon\n', 'b');
    expect(shown()).toBe('[a] The capital\n[b] Once upon\n');
    terminal.chunk(' of France', 'a');
    terminal.chunk('x'.repeat(80), 'b');
    terminal.chunk('\nis Paris', 'a');
    expect(shown()).toBe(`[a] The capital\n[b] Once upon\n[a] ...  of France\n[b] ${'x'.repeat(80)}\n[a] is Paris`);
  });

  it('wait no longer than about a second', async () => {
    const { terminal, shown } = startTerminal();
    terminal.chunk('The capital', 'a');
    terminal.chunk('Once', 'b');
    expect(shown()).toBe('[a] The capital');
    await until(() => shown() === '[a] The capital\n[b] Once', 'what waited is shown');
  });

  it('lines of the log begin on a line of their own, behind what their session has waiting', () => {
    const { terminal, shown } = startTerminal();
    terminal.chunk('The capital', 'a');
    terminal.chunk('Once', 'b');
    terminal.lines('10:00 INFO [b] looked up\n', 'b');
    terminal.lines('10:00 INFO no session\n');
    terminal.chunk(' of France', 'a');
    expect(shown()).toBe(
      '[a] The capital\n[b] Once\n10:00 INFO [b] looked up\n10:00 INFO no session\n[a] ...  of France',
    );
  });

  it('of one session cannot look like another, drive the terminal, or turn the direction of text', () => {
    const { terminal, shown } = startTerminal();
    terminal.chunk('x\n[b] forged\r[b] again\u001b[2J\u202e\u009b1m', 'a] [b');
    terminal.chunk('\u001b', 'c');
    expect(shown()).toBe(String.raw`[a\u005d [b] x` + '\n' + String.raw`[a\u005d [b] [b] forged[b] again[2J1m`);
  });

  it('have labels in colours that tell sessions apart, where colours may be', () => {
    const { terminal, shown } = startTerminal(true);
    terminal.chunk('one\n', 'a');
    terminal.chunk('two\n', 'b');
    // oxlint-disable-next-line no-control-regex
    const labels = [...shown().matchAll(/\u001b\[(\d+)m\[\w\]\u001b\[0m /g)].map(([, colour]) => colour);
    expect(labels).toHaveLength(2);
    expect(new Set(labels).size).toBe(2);
  });

  it('of very many sessions at once are not kept', () => {
    const { terminal, shown } = startTerminal();
    terminal.chunk('open', 'first');
    for (let n = 0; n < 5_000; n += 1) terminal.chunk('x', `s${n}`);
    terminal.end();
    expect(shown().split('\n')).toHaveLength(5_002);
  });

  it('whoever writes what and when: every line has one owner, and each session its whole text', () => {
    const chunk = tuple(
      constantFrom('a', 'b', 'c', 'LOG'),
      string({ unit: constantFrom('x', 'y', ' ', '\n'), maxLength: 60 }),
      constantFrom(false, false, false, true),
    );
    assert(
      property(array(chunk, { maxLength: 60 }), (chunks) => {
        const { terminal, shown } = startTerminal();
        const written = new Map<string, string>();
        for (const [session, text, isEnd] of chunks) {
          if (session === 'LOG') {
            terminal.lines('LOG\n', 'a');
            continue;
          }
          terminal.chunk(text, session);
          if (isEnd) terminal.chunk(STREAM_END_TOKEN, session);
          const before = (written.get(session) ?? '') + text;
          written.set(session, isEnd && before !== '' && !before.endsWith('\n') ? `${before}\n` : before);
        }
        terminal.end();
        const lines = shown().split('\n');
        expect(lines.pop()).toBe('');
        const logs = lines.filter((line) => line === 'LOG');
        expect(logs).toHaveLength(chunks.filter(([session]) => session === 'LOG').length);
        const read = new Map<string, string[]>();
        for (const line of lines) {
          if (line === 'LOG') continue;
          const [, session = '', mark, text = ''] = /^\[([abc])\] (\.\.\. )?(.*)$/.exec(line) ?? [];
          expect(session, line).not.toBe('');
          const own = read.get(session) ?? [];
          if (mark === undefined) own.push(text);
          else own.push((own.pop() ?? '') + text);
          read.set(session, own);
        }
        for (const [session, text] of written) {
          const expected = text === '' ? [] : text.replace(/\n$/, '').split('\n');
          expect(read.get(session) ?? []).toEqual(expected);
        }
      }),
      runs(500),
    );
  });
});
