import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { loggerOver, NOON, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

describe('currentLink', () => {
  const diagnostics = recordDiagnostics();

  it('leads to the file that is written, over days and full files', async () => {
    const directory = temporaryDirectory();
    let now = NOON;
    const file = startDailyFile(directory, { currentLink: true, maxFileBytes: 4096, now: () => now });
    const logger = loggerOver(file);
    const link = join(directory, 'current.log');
    const seen: string[] = [readlinkSync(link)];
    for (const body of ['x'.repeat(4_000), 'y'.repeat(4_000)]) logger.emit({ body });
    await file.forceFlush();
    seen.push(readlinkSync(link));
    now += 86_400_000;
    logger.emit({ body: 'tomorrow' });
    await file.forceFlush();
    seen.push(readlinkSync(link));
    expect(seen).toEqual([TODAY, 'session-logs.2026-11-23.1.log', 'session-logs.2026-11-24.log']);
    expect(readFileSync(link, 'utf8')).toContain(' tomorrow ');
    await file.shutdown();
    // It stays for who reads on, and nothing else was left.
    expect(readlinkSync(link)).toBe('session-logs.2026-11-24.log');
    expect(readdirSync(directory)).toHaveLength(4);
    expect(diagnostics.lines).toEqual([]);
  });

  it('has the name that it is given, and there is none without it', async () => {
    const directory = temporaryDirectory();
    startDailyFile(directory, { currentLink: 'now.jsonl', fileName: 'app-{date}.jsonl' });
    expect(readlinkSync(join(directory, 'now.jsonl'))).toBe('app-2026-11-23.jsonl');
    startDailyFile(directory, { currentLink: false });
    startDailyFile(directory, { fileName: 'other' });
    expect(existsSync(join(directory, 'current.log'))).toBe(false);
  });

  it('replaces an older link, also one that leads nowhere', () => {
    const directory = temporaryDirectory();
    symlinkSync('session-logs.2026-11-01.log', join(directory, 'current.log'));
    startDailyFile(directory, { currentLink: true });
    expect(readlinkSync(join(directory, 'current.log'))).toBe(TODAY);
  });

  it.each(['file', 'directory'])('leaves a %s of its name alone, which is told; lines are written', async (kind) => {
    const directory = temporaryDirectory();
    const path = join(directory, 'current.log');
    if (kind === 'file') writeFileSync(path, 'precious');
    else mkdirSync(path);
    const file = startDailyFile(directory, { currentLink: true });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    expect(lstatSync(path).isSymbolicLink()).toBe(false);
    if (kind === 'file') expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(file.stats()).toMatchObject({ written: 1, lost: {} });
    expect(diagnostics.lines.filter((line) => line.includes('could not be made'))).toHaveLength(1);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is made again with the directory', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory, { currentLink: true });
    rmSync(directory, { recursive: true });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    expect(readFileSync(join(directory, 'current.log'), 'utf8')).toContain(' x ');
  });

  it('belongs to one writer of a process', () => {
    const directory = temporaryDirectory();
    startDailyFile(directory, { currentLink: true });
    expect(() => startDailyFile(directory, { currentLink: true, fileName: 'app' })).toThrow(
      expect.objectContaining({ code: 'directory_in_use' }),
    );
    // What the refused one had claimed is free.
    startDailyFile(directory, { currentLink: 'app.log', fileName: 'app' });
  });

  it.each(['', '../current.log', '.current', 'a/b', TODAY, 'session-logs.2026-11-01.3.log', 7, {}])(
    'refuses %j',
    (currentLink) => {
      expect(() => startDailyFile(temporaryDirectory(), { currentLink } as object)).toThrow(
        /expected `currentLink` to be a boolean or a file name that no daily file has.*, got /,
      );
    },
  );
});
