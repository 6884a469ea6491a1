import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { BatchLogRecordProcessor, InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import {
  CoalescingLogRecordProcessor,
  DateFileLogRecordProcessor,
  DurableLogRecordProcessor,
} from '../../src/export.ts';
import { directoryFacts } from '../../src/export/directory-facts.ts';
import { startSessionLogs } from '../../src/index.ts';
import type { Diagnosis, SessionLogs } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { cannotMount, mountTmpfs } from '../support/loop-disk.ts';
import { ScriptedExporter } from '../support/scripted-exporter.ts';
import type { Processor } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { foundOf, instanceBefore } from './diagnosing.ts';

recordDiagnostics();

type Kind = 'daily files' | 'spool';

/** What is said of a directory, in one word. */
function saidOf({ findings, checked }: Diagnosis, directory: string): readonly string[] {
  return [
    ...findings.filter(({ problem }) => problem.includes(directory)).map(({ code }) => code),
    ...checked.filter((line) => line.includes(`${directory} can be written to`)).map(() => 'writable'),
  ];
}

const exporter = (): InMemoryLogRecordExporter => new InMemoryLogRecordExporter();

/** An instance that keeps files in the directory, in each way in which one can. */
const WAYS: readonly (readonly [string, Kind, (directory: string) => Promise<SessionLogs>])[] = [
  [
    'a start with a daily file',
    'daily files',
    (directory) => startSessionLogs({ directory, console: false, streamHandler: false }),
  ],
  [
    'a start with a spool',
    'spool',
    (directory) =>
      startSessionLogs({
        spool: { directory },
        exporter: exporter(),
        file: false,
        console: false,
        streamHandler: false,
      }),
  ],
  [
    'a start with a daily file as a destination',
    'daily files',
    (directory) => {
      const processor = new DateFileLogRecordProcessor({ directory });
      const destinations = [{ name: 'own', processor }];
      return startSessionLogs({ destinations, file: false, console: false, streamHandler: false });
    },
  ],
  [
    'a provider of the application with a daily file',
    'daily files',
    async (directory) => instanceBefore(ended(new DateFileLogRecordProcessor({ directory }))),
  ],
  [
    'a provider of the application with a spool behind the processor that merges',
    'spool',
    async (directory) => {
      const processor = new DurableLogRecordProcessor({ exporter: exporter(), directory });
      return instanceBefore(ended(new CoalescingLogRecordProcessor({ processor })));
    },
  ],
];

function ended<T extends { shutdown(options?: { readonly timeoutMillis?: number }): Promise<void> }>(part: T): T {
  onTestFinished(() => part.shutdown({ timeoutMillis: 100 }).catch(() => {}));
  return part;
}

const SKIPPED = cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`;

const CODES = { 'daily files': 'directory_unusable', spool: 'spool_unusable' } as const;

describe.each(WAYS)('%s', (_way, kind, made) => {
  it('that can be written to, was removed, or is made again by the next record', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const sessions = ended(await made(directory));
    expect(saidOf(await sessions.diagnose(), directory)).toEqual(['writable']);
    rmSync(directory, { recursive: true });
    expect(saidOf(await sessions.diagnose(), directory)).toEqual(['writable']);
    await sessions.logChunkToQueue('one', 's');
    await until(() => existsSync(directory), 'the directory is there');
  });

  it('in the place of which, or of its parent, is a file', async () => {
    const parent = join(temporaryDirectory(), 'app');
    const directory = join(parent, 'logs');
    const sessions = ended(await made(directory));
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    const diagnosis = await sessions.diagnose();
    expect(saidOf(diagnosis, directory)).toEqual([CODES[kind]]);
    expect(foundOf(diagnosis, CODES[kind])[0]?.problem).toContain(`${directory} cannot be written to: ENOTDIR; `);
    expect(foundOf(diagnosis, CODES[kind])[0]?.fix).toContain('give this user the right to write there');
    rmSync(parent, { recursive: true });
    writeFileSync(parent, '');
    expect(saidOf(await sessions.diagnose(), directory)).toEqual([CODES[kind]]);
  });

  it.skipIf(process.geteuid?.() === 0)(
    'without the right to write (skipped for root, who has every right)',
    async () => {
      const directory = join(temporaryDirectory(), 'logs');
      mkdirSync(directory);
      const sessions = ended(await made(directory));
      chmodSync(directory, 0o500);
      onTestFinished(() => chmodSync(directory, 0o700));
      expect(foundOf(await sessions.diagnose(), CODES[kind])[0]?.problem).toContain('cannot be written to: EACCES');
    },
  );

  it.skipIf(cannotMount !== undefined)(`that becomes read-only${SKIPPED}`, async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const sessions = ended(await made(directory));
    for (const options of [['--bind'], ['-o', 'remount,bind,ro']]) {
      execFileSync('mount', [...options, directory, directory]);
    }
    onTestFinished(() => void execFileSync('umount', ['-l', directory]));
    expect(foundOf(await sessions.diagnose(), CODES[kind])[0]?.problem).toContain('cannot be written to: EROFS');
  });
});

describe.skipIf(cannotMount !== undefined)(`a full disk${SKIPPED}`, () => {
  it.each<[Kind, (directory: string) => Processor]>([
    ['daily files', (directory) => new DateFileLogRecordProcessor({ directory })],
    [
      'spool',
      (directory) => new DurableLogRecordProcessor({ exporter: new ScriptedExporter(() => 'hang'), directory }),
    ],
  ])('is found for %s once a record could not be written', async (kind, made) => {
    const disk = mountTmpfs('4m');
    onTestFinished(() => disk.remove());
    const directory = join(disk.path, 'logs');
    const processor = ended(made(directory));
    const sessions = instanceBefore(processor);
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(join(disk.path, 'filling'), Buffer.alloc(bavail * bsize));
    await sessions.logChunkToQueue('x'.repeat(8_192), 's');
    await until(() => directoryFacts.of(processor)?.error !== undefined, 'the write failed');
    const diagnosis = await sessions.diagnose();
    expect(saidOf(diagnosis, directory)).toEqual([CODES[kind]]);
    expect(foundOf(diagnosis, CODES[kind])[0]?.problem).toMatch(/cannot be written to: .*ENOSPC/);
    expect(foundOf(diagnosis, CODES[kind])[0]?.fix).toContain('make room on the disk');
  });
});

it('a daily file that somebody replaced by a link is found, although its directory can be written to', async () => {
  const directory = temporaryDirectory();
  const file = ended(new DateFileLogRecordProcessor({ directory }));
  const sessions = instanceBefore(file);
  await sessions.logChunkToQueue('one', 's');
  await file.forceFlush();
  const day = join(directory, readdirSync(directory).find((name) => name.endsWith('.log')) ?? '');
  rmSync(day);
  symlinkSync('/dev/null', day);
  await sessions.logChunkToQueue('two', 's');
  await file.forceFlush({ timeoutMillis: 20 }).catch(() => {});
  expect(foundOf(await sessions.diagnose(), 'directory_unusable')[0]?.problem).toContain('is a symbolic link');
  rmSync(day);
  await file.forceFlush();
  expect(foundOf(await sessions.diagnose(), 'directory_unusable')).toEqual([]);
});

it('processors that keep no files have no directory', async () => {
  const diagnosis = await instanceBefore(new BatchLogRecordProcessor({ exporter: exporter() })).diagnose();
  expect(String(diagnosis)).not.toContain('can be written to');
});
