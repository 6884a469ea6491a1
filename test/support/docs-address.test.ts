import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { SessionLogs, SessionLogsError, startSessionLogs } from '../../src/index.ts';
import { OPTIONS_OF } from '../../src/support/option-names.ts';
import { anchorsOf } from '../docs/links.ts';
import { readPage } from './page.ts';

const source = readFileSync(new URL('../../src/support/errors.ts', import.meta.url), 'utf8');
const CODES = [...(/type SessionLogsErrorCode =([^;]*);/u.exec(source)?.[1] ?? '').matchAll(/'(\w+)'/gu)].map(
  ([, code = '']) => code,
);
const OPTIONS = [...new Set(Object.values(OPTIONS_OF).flatMap((names) => names.split(' ')))];

/** The anchor that a message ends with. @throws unless it is in the documents. */
function anchorIn(message: string): string {
  const [, page = '', anchor = ''] = / \(docs: otel-session-logs\/(docs\/\w+\.md)#([\w-]+)\)$/u.exec(message) ?? [];
  expect(anchorsOf(readPage(page))).toContain(anchor);
  return anchor;
}

async function messageOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not throw');
}

describe('where the documents say more', () => {
  it('there are codes and options', () => {
    expect([CODES.length, OPTIONS.length].every((count) => count > 10)).toBe(true);
  });

  it.each(CODES)('an error has the place of its code: %s', (code) => {
    expect(anchorIn(new SessionLogsError(code as never, 'It failed').message)).toBe(code);
  });

  it('every option has a place', () => {
    const anchors = anchorsOf(readPage('docs/run.md'));
    expect(OPTIONS.filter((name) => !anchors.has(`option-${name}`))).toEqual([]);
  });

  it('a wrong value has the place of its option, also within another one', async () => {
    const sessions = new SessionLogs({ loggerProvider: () => undefined });
    const wrong = async (call: () => unknown): Promise<string> => anchorIn(await messageOf(call));
    expect(await wrong(() => startSessionLogs({ directory: 1 as never }))).toBe('option-directory');
    expect(await wrong(() => startSessionLogs({ file: { fsync: 1 } as never }))).toBe('option-fsync');
    expect(await wrong(() => startSessionLogs({ minimumSeverity: { export: 'loud' as never } }))).toBe(
      'option-minimumSeverity',
    );
    expect(await wrong(() => sessions.logChunkToQueue('a', 's', { attributes: 1 as never }))).toBe('option-attributes');
    expect(await wrong(() => startSessionLogs({ endpoint: 'collector:4318' }))).toBe('option-endpoint');
    await sessions.shutdown();
  });

  it('an unknown option has the place of all options', async () => {
    expect(anchorIn(await messageOf(() => new SessionLogs({ stor: 1 } as never)))).toBe('every-option-by-name');
  });
});
