import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { builtSource } from '../../support/built-source.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const isRoot = process.getuid?.() === 0;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const source = builtSource();

/** Runs a module with `file`, a processor on `directory`, and `logger` over it; resolves when the process has ended. */
function run(
  directory: string,
  script: string,
  options: {
    shell?: string;
    uid?: number;
    env?: Record<string, string>;
    onStdout?: (text: string, pid: number) => void;
  } = {},
): Promise<Ended> {
  const program = `
    import { createRequire } from 'node:module';
    import { readdirSync, readFileSync, rmSync, renameSync, writeFileSync, chmodSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const require = createRequire(${JSON.stringify(`${MODULES}/`)});
    const { LoggerProvider } = require('@opentelemetry/sdk-logs');
    const directory = ${JSON.stringify(directory)};
    const { DateFileLogRecordProcessor } = await import(${JSON.stringify(source.url('export/file/date-file.js'))});
    const start = (options) => {
      const file = new DateFileLogRecordProcessor({ directory, ...options });
      return { file, logger: new LoggerProvider({ processors: [file] }).getLogger('test') };
    };
    ${script}
  `;
  const args = ['--input-type=module', '-e', program];
  const spawnOptions = { cwd: MODULES, env: { ...process.env, ...options.env }, uid: options.uid, gid: options.uid };
  const child =
    options.shell === undefined
      ? spawn(process.execPath, args, spawnOptions)
      : spawn('bash', ['-c', `${options.shell}; exec "$0" "$@"`, process.execPath, ...args], spawnOptions);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
    options.onStdout?.(stdout, child.pid as number);
  });
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** The numbers that stand in the whole lines of the directory's daily files, in the files' order. */
function numbersIn(directory: string): number[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.log') && name !== 'current.log');
  const lines = names
    .toSorted()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1));
  return lines.flatMap((line) => {
    const match = / line (\d+) /.exec(line);
    return match === null ? [] : [Number(match[1])];
  });
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

const WRITE_10_000 = "for (let n = 0; n < 10_000; n += 1) logger.emit({ body: 'line ' + n });";

describe('the daily file at the end of a process', () => {
  it.each([
    { name: 'process.exit', end: 'process.exit(0);', code: 0 },
    { name: 'an uncaught error', end: "throw new Error('boom');", code: 1 },
    { name: 'an unhandled rejection', end: "void Promise.reject(new Error('boom')); await sleep(1000);", code: 1 },
    { name: 'its natural end', end: '', code: 0 },
    {
      name: "another library's exit listener that throws",
      begin: "process.on('exit', () => { throw new Error('not ours'); });",
      end: 'process.exit(0);',
      // Node's own code for this has changed between versions.
      code: undefined,
    },
  ])('$name right after 10,000 lines loses none', async ({ begin = '', end, code }) => {
    const directory = temporaryDirectory();
    const ended = await run(directory, `${begin} const { logger } = start(); ${WRITE_10_000} ${end}`);
    expect(numbersIn(directory)).toEqual(upTo(10_000));
    if (code !== undefined) expect(ended.code).toBe(code);
  });

  it('lines of a later exit listener are written too', async () => {
    const directory = temporaryDirectory();
    const listener = "process.on('exit', () => logger.emit({ body: 'line 10000' }));";
    await run(directory, `const { logger } = start(); ${listener} ${WRITE_10_000} process.exit(0);`);
    expect(numbersIn(directory)).toEqual(upTo(10_001));
  });

  it('shutdown() after a tight loop of 1,000,000 lines: none lost, none repeated, memory bounded', async () => {
    const directory = temporaryDirectory();
    const ended = await run(
      directory,
      `const { file, logger } = start();
       for (let n = 0; n < 1_000_000; n += 1) logger.emit({ body: 'line ' + n });
       await file.shutdown();
       console.log(JSON.stringify({ ...file.stats(), rss: process.resourceUsage().maxRSS }));`,
    );
    const { written, lost, rss } = JSON.parse(ended.stdout) as { written: number; lost: object; rss: number };
    expect({ written, lost }).toEqual({ written: 1_000_000, lost: {} });
    expect(rss).toBeLessThan(256 * 1024);
    const numbers = numbersIn(directory);
    expect(numbers).toHaveLength(1_000_000);
    expect(numbers.every((number, index) => number === index)).toBe(true);
  });

  it('SIGKILL loses the open tick only', async () => {
    const directory = temporaryDirectory();
    const ended = await run(
      directory,
      `const { logger } = start();
       let n = 0;
       const tick = () => {
         for (let k = 0; k < 10; k += 1) logger.emit({ body: 'line ' + n++ });
         setTimeout(() => { console.log(n); tick(); }, 1);
       };
       tick();`,
      { onStdout: (text, pid) => text.split('\n').length > 30 && process.kill(pid, 'SIGKILL') },
    );
    expect(ended.signal).toBe('SIGKILL');
    const told = Number(ended.stdout.trim().split('\n').at(-1));
    const numbers = numbersIn(directory);
    // What was told to us was written in a tick before.
    expect(numbers.length).toBeGreaterThanOrEqual(told);
    expect(numbers).toEqual(upTo(numbers.length));
  });
});

describe('the daily file and disks that refuse', () => {
  it('a file size limit: the application goes on, what is lost is counted exactly', async () => {
    const directory = temporaryDirectory();
    const ended = await run(
      directory,
      `process.on('SIGXFSZ', () => {});
       const { file, logger } = start({ maxPendingBytes: 100_000 });
       for (let n = 0; n < 5_000; n += 1) { logger.emit({ body: 'line ' + n }); if (n % 100 === 0) await sleep(0); }
       await file.shutdown({ timeoutMillis: 200 }).catch((error) => console.error(error.code, error.pending));
       console.log(JSON.stringify(file.stats()));`,
      { shell: 'ulimit -f 64' },
    );
    expect(ended.code).toBe(0);
    const { written, lost } = JSON.parse(ended.stdout) as { written: number; lost: Record<string, number> };
    const numbers = numbersIn(directory);
    expect(numbers).toEqual(upTo(written));
    expect(written).toBeGreaterThan(0);
    expect(written + (lost['file_queue_full'] ?? 0) + (lost['file_unwritable'] ?? 0)).toBe(5_000);
    expect(ended.stderr).toMatch(/^shutdown_timeout \d+\n$/);
  });

  it.skipIf(!isRoot)(
    'a full disk: lines wait and are written when there is room again (needs root for a tmpfs)',
    async () => {
      const { execFileSync } = await import('node:child_process');
      const directory = temporaryDirectory();
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', directory], { stdio: 'pipe' });
      } catch {
        console.warn('skipped: this system does not permit to mount a tmpfs');
        return;
      }
      try {
        const ended = await run(
          directory,
          `writeFileSync(directory + '/ballast', Buffer.alloc(128 * 1024));
         const { file, logger } = start();
         for (let n = 0; n < 3_000; n += 1) { logger.emit({ body: 'line ' + n }); if (n % 100 === 0) await sleep(0); }
         await sleep(20);
         const during = file.stats();
         rmSync(directory + '/ballast');
         await file.shutdown({ timeoutMillis: 5_000 });
         console.log(JSON.stringify({ waited: during.pendingLines, ...file.stats() }));`,
        );
        const stats = JSON.parse(ended.stdout) as { waited: number; written: number; lost: object };
        expect(stats.waited).toBeGreaterThan(0);
        expect(stats).toMatchObject({ written: 3_000, lost: {} });
        expect(numbersIn(directory)).toEqual(upTo(3_000));
      } finally {
        execFileSync('umount', [directory]);
      }
    },
  );

  it.skipIf(!isRoot)(
    'a directory made read-only: lines wait until it can be written (needs root to become another user)',
    async () => {
      const directory = join(temporaryDirectory(), 'logs');
      mkdirSync(directory);
      const { chownSync, chmodSync } = await import('node:fs');
      chmodSync(join(directory, '..'), 0o755);
      chownSync(directory, 65_534, 65_534);
      const ended = await run(
        directory,
        `const { file, logger } = start();
       logger.emit({ body: 'line 0' });
       await sleep(5);
       for (const name of readdirSync(directory)) rmSync(directory + '/' + name);
       chmodSync(directory, 0o500);
       for (let n = 1; n <= 50; n += 1) logger.emit({ body: 'line ' + n });
       await sleep(20);
       const waited = file.stats().pendingLines;
       chmodSync(directory, 0o700);
       await file.shutdown();
       console.log(JSON.stringify({ waited, ...file.stats() }));`,
        { uid: 65_534 },
      );
      expect(ended.stderr).toBe('');
      expect(JSON.parse(ended.stdout)).toMatchObject({ waited: 50, written: 51, lost: {} });
      expect(numbersIn(directory)).toEqual(upTo(51).slice(1));
    },
  );
});

describe('the daily file beside others', () => {
  it("leaves the host's log4js alone, whichever is set up first, also when it is configured twice", async () => {
    const directory = temporaryDirectory();
    const host = join(directory, 'host.out');
    const configure = `log4js.configure({ appenders: { file: { type: 'dateFile', filename: ${JSON.stringify(host)} } }, categories: { default: { appenders: ['file'], level: 'info' } } });`;
    const flush = 'await new Promise((resolve) => log4js.shutdown(resolve));';
    for (const [order, script] of Object.entries({
      before: `${configure} log4js.getLogger().info('host'); const { file, logger } = start(); logger.emit({ body: 'line 0' }); await file.shutdown(); log4js.getLogger().info('host'); ${flush}`,
      after: `const { file, logger } = start(); logger.emit({ body: 'line 0' }); ${configure} log4js.getLogger().info('host'); await file.shutdown(); log4js.getLogger().info('host'); ${flush}`,
      twice: `${configure} const { file, logger } = start(); ${configure} log4js.getLogger().info('host'); logger.emit({ body: 'line 0' }); ${flush} ${configure} log4js.getLogger().info('host'); await file.shutdown(); ${flush}`,
    })) {
      const own = join(directory, order);
      const ended = await run(own, `const log4js = require('log4js'); ${script}`);
      expect(`${ended.code} ${ended.stderr}`).toBe('0 ');
      expect(numbersIn(own)).toEqual([0]);
    }
    expect(
      readFileSync(host, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('host')),
    ).toHaveLength(6);
  });

  it('two processes on one directory across a roll: every line once, past days compressed', async () => {
    const directory = temporaryDirectory();
    const script = (offset: number): string =>
      `let now = new Date(2026, 10, 23, 23, 59, 59).getTime();
       const { file, logger } = start({ now: () => now, compress: true });
       for (let n = 0; n < 2_000; n += 1) {
         logger.emit({ body: 'line ' + (${offset} + n) });
         if (n % 40 === 0) await sleep(0);
         if (n === 1_000) now += 3_600_000;
       }
       await file.shutdown();
       await sleep(300);
       console.log(JSON.stringify(file.stats()));`;
    const ended = await Promise.all([run(directory, script(0)), run(directory, script(2_000))]);
    for (const { stdout } of ended) expect(JSON.parse(stdout)).toMatchObject({ written: 2_000, lost: {} });
    const { gunzipSync } = await import('node:zlib');
    const names = readdirSync(directory);
    const packed = names.filter((name) => name.endsWith('.gz'));
    const plainDays = new Set(names.filter((name) => name.endsWith('.log')));
    // A day's packed file repeats the plain one while a process still wrote there when it was packed.
    for (const name of packed) {
      if (!plainDays.has(name.slice(0, -3)))
        writeFileSync(join(directory, name.slice(0, -3)), gunzipSync(readFileSync(join(directory, name))));
    }
    expect(numbersIn(directory).toSorted((a, b) => a - b)).toEqual(upTo(4_000));
    expect(names.filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  it('processes that share files of a limited size lose no line, also when one is killed and started again', async () => {
    const directory = temporaryDirectory();
    const script = (offset: number, count: number): string =>
      `const { file, logger } = start({ maxFileBytes: 20_000, currentLink: true });
       for (let n = 0; n < ${count}; n += 1) {
         logger.emit({ body: 'line ' + (${offset} + n) });
         if (n % 25 === 0) { await sleep(0); console.log(n); }
       }
       await file.shutdown();
       console.log(JSON.stringify(file.stats()));`;
    const killed = run(directory, script(0, 1_000_000), {
      onStdout: (text, pid) => text.split('\n').length > 40 && process.kill(pid, 'SIGKILL'),
    });
    const others = Promise.all([run(directory, script(2_000_000, 2_000)), run(directory, script(3_000_000, 2_000))]);
    const told = Number((await killed).stdout.trim().split('\n').at(-1));
    const again = await run(directory, script(4_000_000, 500));
    for (const { stdout } of [...(await others), again]) {
      expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ lost: {}, pendingLines: 0 });
    }
    const numbers = numbersIn(directory).toSorted((a, b) => a - b);
    const survivors = numbers.filter((number) => number >= 1_000_000);
    expect(survivors).toEqual(
      [2_000_000, 3_000_000]
        .flatMap((offset) => upTo(2_000).map((n) => offset + n))
        .concat(upTo(500).map((n) => 4_000_000 + n)),
    );
    const ofKilled = numbers.filter((number) => number < 1_000_000);
    // What it told was written in a tick before.
    expect(ofKilled.length).toBeGreaterThanOrEqual(told);
    expect(ofKilled).toEqual(upTo(ofKilled.length));
    const names = readdirSync(directory).filter((name) => name !== 'current.log');
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) {
      expect(name).toMatch(/^session-logs\.\d{4}-\d\d-\d\d(\.\d+)?\.log$/);
      // Each of the others may have found the same room at the same moment.
      expect(statSync(join(directory, name)).size).toBeLessThan(20_000 + 3 * 25 * 100);
    }
  });

  it.skipIf(!isRoot)(
    'a log shipper under another user reads what the modes let it (needs root to become one)',
    async () => {
      const { execFileSync } = await import('node:child_process');
      const { chmodSync, chownSync } = await import('node:fs');
      const parent = temporaryDirectory();
      chmodSync(parent, 0o755);
      const read = (directory: string): string => {
        const path = join(directory, 'current.log');
        try {
          return execFileSync('cat', [path], { uid: 65_534, gid: 65_534, encoding: 'utf8', stdio: 'pipe' });
        } catch (error) {
          return String((error as { stderr: unknown }).stderr);
        }
      };
      const write = async (name: string, options: string): Promise<string> => {
        const directory = join(parent, name);
        const ended = await run(
          directory,
          `process.umask(0o077);
         const { file, logger } = start({ currentLink: true, ${options} });
         logger.emit({ body: 'line 1' });
         await file.shutdown();
         console.log(JSON.stringify(file.stats()));`,
        );
        expect(JSON.parse(ended.stdout)).toMatchObject({ written: 1, lost: {} });
        return directory;
      };
      expect(read(await write('private', ''))).toContain('Permission denied');
      expect(read(await write('all', 'fileMode: 0o644'))).toContain(' line 1 ');
      const shared = join(parent, 'group');
      await write('group', 'fileMode: 0o640, directoryMode: 0o2750');
      // The administrator gives the directory to the shipper's group; files made from then on belong to that.
      expect(read(shared)).toContain('Permission denied');
      chownSync(shared, 0, 65_534);
      chmodSync(shared, 0o2750);
      for (const name of readdirSync(shared)) rmSync(join(shared, name));
      await write('group', 'fileMode: 0o640, directoryMode: 0o2750');
      expect(read(shared)).toContain(' line 1 ');
      // It cannot be written by the shipper.
      expect(statSync(shared).mode & 0o022).toBe(0);
    },
  );

  it('loading the package loads no log4js, and the files of a process are private', async () => {
    const directory = temporaryDirectory();
    const ended = await run(
      directory,
      `await import(${JSON.stringify(source.url('index.js'))});
       const isLoaded = () => Object.keys(require.cache).some((path) => path.includes('log4js'));
       const before = isLoaded();
       start();
       while (!isLoaded()) await new Promise((resolve) => setTimeout(resolve, 5));
       console.log(before, isLoaded());`,
      { env: { UMASK: '0' } },
    );
    expect(ended.stdout.trim()).toBe('false true');
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o077).toBe(0);
  });
});
