import { spawnSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { EndOfTickWrite } from '../../src/support/end-of-tick-write.ts';
import { builtSource } from '../support/built-source.ts';

function nextTick(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

describe('the buffer of one event-loop tick', () => {
  it('is written once per tick, however often something was added', async () => {
    let writes = 0;
    const flush = new EndOfTickWrite(() => (writes += 1));
    for (let n = 0; n < 100; n += 1) flush.arm();
    await Promise.resolve();
    expect(writes).toBe(0);
    await nextTick();
    expect(writes).toBe(1);
    await nextTick();
    expect(writes).toBe(1);
    flush.close();
  });

  it('is not written again in a tick in which it was written at once', async () => {
    let writes = 0;
    const flush = new EndOfTickWrite(() => (writes += 1));
    flush.arm();
    flush.now();
    await nextTick();
    expect(writes).toBe(1);
    flush.close();
  });

  it('is never written from within its own write; what is added there comes with the next tick', async () => {
    let depth = 0;
    let deepest = 0;
    let writes = 0;
    const flush = new EndOfTickWrite(() => {
      depth += 1;
      deepest = Math.max(deepest, depth);
      writes += 1;
      if (writes === 1) flush.now();
      depth -= 1;
    });
    flush.now();
    expect(writes).toBe(1);
    await nextTick();
    expect({ writes, deepest }).toEqual({ writes: 2, deepest: 1 });
    flush.close();
  });

  it('is written by close, and not after it', async () => {
    let writes = 0;
    const flush = new EndOfTickWrite(() => (writes += 1));
    flush.arm();
    flush.close();
    await nextTick();
    expect(writes).toBe(1);
  });
});

describe('the buffer of one event-loop tick at the end of a process', () => {
  const source = builtSource();

  function run(script: string): string {
    const program = `
      const { EndOfTickWrite } = await import(${JSON.stringify(source.url('support/end-of-tick-write.js'))});
      const { writeSync } = await import('node:fs');
      ${script}`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    return stdout;
  }

  it.each(['process.exit(0)', "throw new Error('boom')"])('is written on %s, and told that it is the end', (end) => {
    expect(
      run(`const flush = new EndOfTickWrite((isExiting) => writeSync(1, String(isExiting))); flush.arm(); ${end};`),
    ).toBe('true');
  });

  it('what a later exit listener, or the write itself, adds is written too', () => {
    const script = `
      let added = [];
      const flush = new EndOfTickWrite(() => {
        const text = added.join('');
        added = [];
        writeSync(1, text);
        if (text === 'a') { added.push('b'); flush.arm(); }
      });
      process.on('exit', () => { added.push('c'); flush.arm(); });
      added.push('a');
      process.exit(0);`;
    expect(run(script)).toBe('abc');
  });
});
