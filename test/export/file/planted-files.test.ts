import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { accessOf } from '../../../src/export/directory-access.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import { builtSource } from '../../support/built-source.ts';
import { loggerOver, NOON, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const isRoot = process.getuid?.() === 0;
const source = builtSource();

function makePipe(path: string): void {
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
}

async function makeSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  await new Promise((resolve) => server.once('listening', resolve));
}

/** Runs a script in a process of its own, which is killed when it blocks, and returns what it prints. */
function printedBy(directory: string, script: string): string {
  const program = `
    import { createRequire } from 'node:module';
    import { rmSync } from 'node:fs';
    const { LoggerProvider } = createRequire(${JSON.stringify(`${MODULES}/`)})('@opentelemetry/sdk-logs');
    const { DateFileLogRecordProcessor } = await import(${JSON.stringify(source.url('export/file/date-file.js'))});
    const directory = ${JSON.stringify(directory)};
    let now = ${NOON};
    const start = () => new DateFileLogRecordProcessor({ directory, now: () => now });
    const loggerOver = (file) => new LoggerProvider({ processors: [file] }).getLogger('test');
    ${script}`;
  const { stdout, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: MODULES,
    encoding: 'utf8',
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  expect({ stderr, signal }).toEqual({ stderr: '', signal: null });
  return stdout.trim();
}

describe('in the place of the daily file', () => {
  const diagnostics = recordDiagnostics();

  it('a pipe is refused at once, also one that somebody reads', () => {
    const directory = temporaryDirectory();
    const path = join(directory, TODAY);
    makePipe(path);
    const start = 'try { start(); } catch (error) { console.log(error.code, error.message); }';
    expect(printedBy(directory, start)).toMatch(/^directory_unusable the daily file in \S+ cannot be written: .*ENXIO/);
    const read = `
      const { open } = await import('node:fs/promises');
      const { constants } = await import('node:fs');
      const reader = await open(${JSON.stringify(path)}, constants.O_RDONLY | constants.O_NONBLOCK);`;
    expect(printedBy(directory, `${read} ${start}`)).toMatch(
      /^directory_unusable .* is not a regular file \(docs: \S+\)$/,
    );
  });

  it('a pipe under the name of tomorrow makes its lines wait, and blocks nothing', () => {
    const directory = temporaryDirectory();
    const tomorrow = join(directory, 'session-logs.2026-11-24.log');
    makePipe(tomorrow);
    const printed = printedBy(
      directory,
      `const file = start();
       const logger = loggerOver(file);
       logger.emit({ body: 'today' });
       await file.forceFlush();
       now += 86_400_000;
       logger.emit({ body: 'tomorrow' });
       const code = await file.forceFlush({ timeoutMillis: 60 }).catch((error) => error.code);
       const { pendingLines } = file.stats();
       rmSync(${JSON.stringify(tomorrow)});
       await file.shutdown();
       console.log(code, pendingLines, JSON.stringify(file.stats()));`,
    );
    expect(printed).toMatch(
      /^flush_timeout 1 \{"written":2,"pendingLines":0,"pendingBytes":0,"misformatted":0,"lost":\{\}\}$/,
    );
    expect(readFileSync(tomorrow, 'utf8')).toMatch(/ tomorrow /);
  });

  it.each(['link', 'dangling link', 'socket', 'directory'])('a %s is refused', async (kind) => {
    const directory = temporaryDirectory();
    const path = join(directory, TODAY);
    const elsewhere = join(temporaryDirectory(), 'elsewhere');
    if (kind === 'link') writeFileSync(elsewhere, 'precious\n');
    if (kind.endsWith('link')) symlinkSync(elsewhere, path);
    else if (kind === 'socket') await makeSocket(path);
    else mkdirSync(path);
    expect(() => startDailyFile(directory)).toThrow(expect.objectContaining({ code: 'directory_unusable' }));
    if (kind === 'link') {
      expect(() => startDailyFile(directory)).toThrow(/is a symbolic link/);
      expect(readFileSync(elsewhere, 'utf8')).toBe('precious\n');
    }
    if (kind === 'dangling link') expect(() => statSync(elsewhere)).toThrow('ENOENT');
    rmSync(path, { recursive: true });
    // Nothing was left claimed.
    startDailyFile(directory);
  });

  it('a link that takes its place while it is open is noticed, also one that leads to the same file', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, TODAY);
    const file = startDailyFile(directory);
    const logger = loggerOver(file);
    logger.emit({ body: 'first' });
    await file.forceFlush();
    renameSync(path, `${path}.moved`);
    symlinkSync(`${path}.moved`, path);
    logger.emit({ body: 'second' });
    await expect(file.forceFlush({ timeoutMillis: 60 })).rejects.toMatchObject({ code: 'flush_timeout' });
    expect(readFileSync(`${path}.moved`, 'utf8')).not.toContain('second');
    rmSync(path);
    await file.forceFlush();
    expect(readFileSync(path, 'utf8')).toContain('second');
    expect(diagnostics.lines.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
  });

  it.each(['renamed', 'renamed and made again', 'replaced by a link', 'replaced by a file'])(
    'its directory %s: no later line goes where nobody looks',
    async (how) => {
      const directory = join(temporaryDirectory(), 'logs');
      const file = startDailyFile(directory);
      const logger = loggerOver(file);
      logger.emit({ body: 'first' });
      await file.forceFlush();
      renameSync(directory, `${directory}.old`);
      if (how === 'renamed and made again') mkdirSync(directory);
      if (how === 'replaced by a link') {
        mkdirSync(`${directory}.new`);
        symlinkSync(`${directory}.new`, directory);
      }
      if (how === 'replaced by a file') writeFileSync(directory, '');
      logger.emit({ body: 'second' });
      await file.forceFlush({ timeoutMillis: 60 }).catch(() => rmSync(directory));
      await file.forceFlush();
      expect(readFileSync(join(directory, TODAY), 'utf8')).toContain('second');
      expect(readFileSync(join(`${directory}.old`, TODAY), 'utf8')).not.toContain('second');
      expect(file.stats()).toMatchObject({ written: 2, lost: {} });
    },
  );

  it('the same file under a second name is the same file', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, TODAY);
    const file = startDailyFile(directory);
    linkSync(path, `${path}.1`);
    rmSync(path);
    linkSync(`${path}.1`, path);
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    expect(readFileSync(path, 'utf8')).toContain(' x ');
  });
});

describe('who may write into the directory', () => {
  const diagnostics = recordDiagnostics();
  const warnings = (): string[] => diagnostics.lines.filter((line) => line.includes('not private'));

  const destinations = {
    'the daily file': (directory: string) => startDailyFile(directory),
    'the spool': (directory: string) => {
      const durable = new DurableLogRecordProcessor({ directory, exporter: new InMemoryLogRecordExporter() });
      onTestFinished(() => durable.shutdown());
      return durable;
    },
  };

  describe.each(Object.entries(destinations))('of %s', (_name, start) => {
    it.each([0o777, 0o1777, 0o702])('everybody (%o): it is refused', (mode) => {
      const directory = temporaryDirectory();
      chmodSync(directory, mode);
      expect(() => start(directory)).toThrow(
        expect.objectContaining({
          code: 'directory_unusable',
          message: expect.stringContaining('others may write into it; give a sub-directory') as string,
        }),
      );
      chmodSync(directory, 0o700);
      start(directory);
      expect(warnings()).toEqual([]);
    });

    it('its group, as umask 002 makes it: it is used with a warning', () => {
      const directory = temporaryDirectory();
      chmodSync(directory, 0o775);
      start(directory);
      expect(warnings()).toEqual([expect.stringContaining('its group may remove and replace its files')]);
    });

    it.skipIf(!isRoot)('another user, in a process of root: it is used with a warning (needs root)', () => {
      const directory = temporaryDirectory();
      chownSync(directory, 65_534, 65_534);
      start(directory);
      expect(warnings()).toEqual([expect.stringContaining('it belongs to user 65534')]);
    });
  });

  it('another user: it is refused, unless that is root', () => {
    expect(accessOf({ mode: 0o40_700, uid: 1_000 }, 1_000)).toEqual({});
    expect(accessOf({ mode: 0o40_755, uid: 1_000 }, 2_000).refusal).toContain('it belongs to user 1000');
    expect(accessOf({ mode: 0o40_755, uid: 0 }, 2_000)).toEqual({});
    expect(accessOf({ mode: 0o40_775, uid: 0 }, 2_000).warning).toContain('its group');
    expect(accessOf({ mode: 0o40_757, uid: 0 }, 2_000).refusal).toContain('others may write');
  });

  it('is looked at again when the file is opened again', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    chmodSync(directory, 0o777);
    rmSync(join(directory, TODAY));
    loggerOver(file).emit({ body: 'x' });
    await expect(file.forceFlush({ timeoutMillis: 60 })).rejects.toMatchObject({
      code: 'flush_timeout',
      cause: expect.objectContaining({ message: expect.stringContaining('others may write') as string }) as Error,
    });
    chmodSync(directory, 0o700);
    await file.forceFlush();
    expect(file.stats()).toMatchObject({ written: 1, lost: {} });
  });
});
