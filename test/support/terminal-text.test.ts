import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { diag, DiagLogLevel } from '@opentelemetry/api';
import { expect, it, onTestFinished } from 'vitest';

import { run } from '../../src/cli.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { directoryFacts } from '../../src/export/directory-facts.ts';
import { SessionLogs } from '../../src/index.ts';
import { describeValue } from '../../src/support/errors.ts';
import { reporterFor } from '../../src/support/reporter.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const HOSTILE = 'a\u001b[2J\u009b\u202e\u2066\nforged';
const ESCAPED = String.raw`a\u001b[2J\u009b\u202e\u2066\u000aforged`;

it('the command shows the names that it was given without what could drive a terminal', async () => {
  const directory = join(temporaryDirectory(), HOSTILE);
  mkdirSync(directory, { mode: 0o700 });
  for (const args of [
    [`--${HOSTILE}`],
    ['spool', `${directory}2`],
    ['spool', directory],
    ['spool', directory, '--json'],
  ]) {
    let text = '';
    const output = { write: (part: string) => (text += part) };
    await run(args, output, output);
    if (!args.includes('--json')) expect(text).toContain(ESCAPED);
    expect(text).not.toBe('');
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u001b\u009b\u202e\u2066]/);
  }
});

it('diagnose prints what it quotes in one line', async () => {
  const sessions = new SessionLogs({ loggerProvider: () => undefined });
  const processor = {};
  directoryFacts.tell(processor, () => ({
    directory: `/nowhere/${HOSTILE}`,
    holds: 'daily files',
    error: new Error('full'),
  }));
  const parts = [{ processor }];
  const diagnosis = await diagnose({ processor: sessions.processor, provider: () => undefined, lost: {}, parts });
  expect(String(diagnosis)).toContain(`directory of the daily files /nowhere/${ESCAPED} cannot`);
  await sessions.shutdown();
});

it('reports and error messages quote in one line', () => {
  const lines: unknown[] = [];
  const ignore = (): void => {};
  const warn = (_component: string, line: unknown): void => void lines.push(line);
  diag.setLogger(
    { error: ignore, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  onTestFinished(() => diag.disable());
  reporterFor('test').warn(`the server said ${HOSTILE}`);
  expect(lines).toEqual([`the server said ${ESCAPED}`]);
  expect(describeValue('\u202ea')).toBe(String.raw`"\u202ea" (string)`);
  expect(describeValue(Symbol('\u001b'))).toBe(String.raw`Symbol(\u001b)`);
});
