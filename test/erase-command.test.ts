import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, it, onTestFinished } from 'vitest';

import { run } from '../src/cli.ts';
import type { ErasureReceipt } from '../src/index.ts';
import { startSessionLogs } from '../src/start/start-session-logs.ts';
import { bytesBelow } from './support/daily-file.ts';
import { failure, ScriptedExporter } from './support/scripted-exporter.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

async function runCli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await run(args, { write: (text) => (out += text) }, { write: (text) => (err += text) });
  return { code, out, err };
}

/** What a process has left that is gone. */
async function leftBehind(
  file: { fileName?: string; format?: 'json' } = {},
): Promise<{ logs: string; spool: string; both: string }> {
  const both = temporaryDirectory();
  const [logs, spool] = [join(both, 'logs'), join(both, 'spool')];
  const sessions = await startSessionLogs({
    directory: logs,
    file,
    spool: { directory: spool, shutdownTimeoutMillis: 50, fsync: 'never' },
    exporter: new ScriptedExporter(() => failure(503)),
    console: false,
    streamHandler: false,
  });
  for (const id of ['s', '--s', 'other'])
    for (let n = 0; n < 3; n += 1) void sessions.logChunkToQueue(`text ${n} of <${id}>`, id);
  await sessions.shutdown();
  return { logs, spool, both };
}

it.each([{}, { fileName: 'app-{date}.jsonl', format: 'json' as const }])(
  'erases a session in the files of processes that are gone, whatever they are called: %o',
  async (file) => {
    const { logs, spool, both } = await leftBehind(file);
    const { code, out, err } = await runCli('erase', 's', '--logs', logs, '--spool', spool);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('daily files: 3 lines erased in 1 files');
    expect(out).toContain('spool: 3 records erased');
    expect(out).toMatch(/\nnot known: what the collector received of this session\n$/);
    expect(bytesBelow(both)).not.toContain('<s>');
    expect(bytesBelow(both)).toContain('<other>');

    const again = await runCli('erase', '--logs', logs, '--spool', spool, '--json', '--', '--s');
    expect(again.code).toBe(0);
    expect(JSON.parse(again.out) as unknown).toEqual({
      sessionId: '--s',
      file: { lines: 3, files: 1 },
      spool: { records: 3 },
      dead: { records: 0 },
      store: { entries: 0 },
      exported: null,
      unanswered: 0,
      otherProcesses: 0,
      remains: [],
    });
    expect(bytesBelow(both)).not.toContain('<--s>');
  },
);

it('takes one of both directories', async () => {
  const { logs, spool } = await leftBehind();
  const inLogs = await runCli('erase', 's', '--logs', logs);
  expect(inLogs).toMatchObject({
    code: 0,
    out: expect.stringContaining('\nspool: not searched (give --spool)\n') as string,
  });
  expect(bytesBelow(logs)).not.toContain('<s>');
  expect(bytesBelow(spool)).toContain('<s>');
  const inSpool = await runCli('erase', 's', '--spool', spool);
  expect(inSpool).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^daily files: not searched \(give --logs\)\n/) as string,
  });
  expect(bytesBelow(spool)).not.toContain('<s>');
});

it('asks the living process on a spool, and ends when that has done it', async () => {
  const directory = temporaryDirectory();
  const sessions = await startSessionLogs({
    directory: join(directory, 'logs'),
    spool: { directory: join(directory, 'spool'), shutdownTimeoutMillis: 50 },
    exporter: new ScriptedExporter(() => failure(503)),
    console: false,
    streamHandler: false,
  });
  onTestFinished(async () => {
    await sessions.shutdown().catch(() => {});
  });
  void sessions.logChunkToQueue('secret', 's');
  const { code, out } = await runCli(
    'erase',
    's',
    '--logs',
    join(directory, 'logs'),
    '--spool',
    join(directory, 'spool'),
  );
  expect(code).toBe(0);
  expect(out).toContain('spool: 1 records erased');
  await sessions.forceFlush({ timeoutMillis: 10 }).catch(() => {});
  expect(bytesBelow(directory)).not.toContain('secret');
});

it('says with code 3 what it cannot read, and leaves it as it is', async () => {
  const { logs } = await leftBehind();
  const path = join(logs, 'mine.2026-11-20.log');
  writeFileSync(path, 'the session s1 of mine\n');
  const { code, out } = await runCli('erase', 's1', '--logs', logs);
  expect(code).toBe(3);
  expect(out).toContain('not erased: lines in');
  expect(readFileSync(path, 'utf8')).toBe('the session s1 of mine\n');
});

it('leaves the bytes of other programs as they are, whatever these are', async () => {
  const { logs } = await leftBehind();
  // Each of these lines has, where it has it, the character that stands in a line that is being erased.
  const lines = Array.from({ length: 60 }, (_, at) => `${'x'.repeat(at)}\u0018${'y'.repeat(60 - at)}`).join('\n');
  const zeros = Buffer.alloc(3 * 1024 * 1024);
  const files = new Map([
    ['backup.2026-11-20.tar', Buffer.from(lines)],
    ['backup.2026-11-19.tar.gz', gzipSync(lines)],
    ['disk-2026-11-18.img', zeros],
  ]);
  for (const [name, bytes] of files) writeFileSync(join(logs, name), bytes);
  const { code } = await runCli('erase', 's', '--logs', logs);
  expect(code).toBe(0);
  for (const [name, bytes] of files) expect(readFileSync(join(logs, name)).equals(bytes)).toBe(true);
});

it('erases the spool although a file of the other directory cannot be read', async () => {
  const { logs, spool } = await leftBehind();
  writeFileSync(join(logs, 'broken.2026-11-20.gz'), 'no gzip');
  const { code, err } = await runCli('erase', 's', '--logs', logs, '--spool', spool);
  expect(code).toBe(1);
  expect(err).toContain('broken.2026-11-20.gz');
  expect(bytesBelow(logs) + bytesBelow(spool)).not.toContain('<s>');
});

it.skipIf(process.platform === 'win32')('is not held up by a pipe in place of the lock', async () => {
  const { logs } = await leftBehind();
  execFileSync('mkfifo', [join(logs, '.erasing')]);
  expect(await runCli('erase', 's', '--logs', logs)).toMatchObject({ code: 0 });
  expect(bytesBelow(logs)).not.toContain('<s>');
});

it('tells what a living process on the spool has exported, and that others may have', async () => {
  const directory = temporaryDirectory();
  const spool = join(directory, 'spool');
  const sessions = await startSessionLogs({
    directory: join(directory, 'logs'),
    spool: { directory: spool },
    exporter: new ScriptedExporter(() => 'ok'),
    console: false,
    streamHandler: false,
  });
  onTestFinished(async () => {
    await sessions.shutdown().catch(() => {});
  });
  void sessions.logChunkToQueue('secret', 's');
  await sessions.forceFlush();
  const asJson = await runCli('erase', 's', '--spool', spool, '--json');
  expect((JSON.parse(asJson.out) as ErasureReceipt).exported).toMatchObject({ records: 1 });
  const { code, out } = await runCli('erase', 's', '--spool', spool);
  expect(code).toBe(0);
  expect(out).toContain('\nto be erased at the collector: 1 records, ');
  expect(out).toMatch(/\nnot known: what the collector received of this session from processes that have ended\n$/);
});

it.each([
  [['erase'], 'erase: give a SESSION'],
  [['erase', 's'], 'erase: no directory is given: --logs DIR, --spool DIR or both'],
  [['erase', '', '--logs', '.'], 'erase: expected a SESSION of 1 to 256 characters, got 0'],
  [['erase', 'x'.repeat(257), '--logs', '.'], 'erase: expected a SESSION of 1 to 256 characters, got 257'],
  [['erase', 's', 't', '--logs', '.'], 'erase: expected one SESSION, got 2'],
  [['erase', 's', '--logs', '.', '--export', 'x'], 'erase: --export is an option of spool'],
  [['erase', 's', '--log', '.'], 'erase: unknown option --log: did you mean --logs?'],
  [['erase', 's', '--bogus'], 'erase: unknown option --bogus'],
  [['erase', 's', '--logs'], 'erase: '],
  [['spool', '.', '--logs', '.'], 'spool: --logs is an option of erase'],
])('refuses wrong arguments with code 2, the reason and where the help is: %j', async (args, reason) => {
  const { code, err } = await runCli(...args);
  expect(code).toBe(2);
  expect(err.split('\n', 1)[0]).toContain(`otel-session-logs ${reason}`);
  expect(err).toContain(`Run \`otel-session-logs ${args[0]} --help\` `);
});

it('has a help of its own', async () => {
  const { code, out } = await runCli('erase', '--help');
  expect(code).toBe(0);
  expect(out).toMatch(/^Usage: otel-session-logs erase SESSION/);
  expect(out).toContain('The command does not reach Redis');
  expect(out).not.toContain('otlpjsonfile');
  expect((await runCli('--help')).out).toMatch(/otlpjsonfile[^]*The command does not reach Redis/);
});

it('fails with code 1 where there is no such directory', async () => {
  const { code, err } = await runCli('erase', 's', '--logs', join(temporaryDirectory(), 'nothing'));
  expect(code).toBe(1);
  expect(err).toContain('cannot be read');
});
