import {
  appendFileSync,
  chmodSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { EOL } from 'node:os';
import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { DailyFileDirectory } from '../../../src/export/file/daily-file-directory.ts';
import { DayFile, openDayFile } from '../../../src/export/file/day-file.ts';
import { reporterFor } from '../../../src/support/reporter.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { cannotMount, mountTmpfs } from '../../support/loop-disk.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const diagnostics = recordDiagnostics();
const reporter = reporterFor('test');

function directoryAt(path: string): DailyFileDirectory {
  const directory = new DailyFileDirectory({ directory: path, fileName: 'app', fileMode: 0o600, reporter });
  onTestFinished(() => directory.release());
  return directory;
}

interface Opened {
  readonly file: DayFile;
  readonly directory: DailyFileDirectory;
}

/** The day's file in a directory, with what another process wrote into it before. */
function opened({ path = temporaryDirectory(), before = '', maxBytes = Infinity } = {}): Opened {
  const directory = directoryAt(path);
  const name = directory.names.of('2026-01-02', 0);
  if (before !== '') writeFileSync(join(directory.path, name), before);
  const file = new DayFile(directory, { day: '2026-01-02', number: 0, maxBytes }, reporter);
  onTestFinished(() => file.close());
  return { file, directory };
}

const textOf = ({ path }: DayFile): string => readFileSync(path, 'utf8');

describe('a file of the day that is there', () => {
  it('and ends within a line of a killed process gets the next line after a line end', () => {
    const { file } = opened({ before: `whole${EOL}cu` });
    expect(file.append('next')).toBeUndefined();
    expect(textOf(file)).toBe(`whole${EOL}cu${EOL}next${EOL}`);
  });

  it('and ends with a line gets the next line behind it', () => {
    const { file } = opened({ before: `whole${EOL}` });
    file.append('next');
    expect([textOf(file), file.size]).toEqual([`whole${EOL}next${EOL}`, Buffer.byteLength(`whole${EOL}next${EOL}`)]);
  });

  it.skipIf(process.geteuid?.() === 0)(
    'and may not be read (skipped for root, who may) is taken for whole lines',
    () => {
      const directory = directoryAt(temporaryDirectory());
      const path = join(directory.path, directory.names.of('2026-01-02', 0));
      writeFileSync(path, 'cu');
      chmodSync(path, 0o200);
      const file = new DayFile(directory, { day: '2026-01-02', number: 0, maxBytes: Infinity }, reporter);
      onTestFinished(() => file.close());
      file.append('next');
      chmodSync(path, 0o600);
      expect(textOf(file)).toBe(`cunext${EOL}`);
    },
  );

  it('cannot be opened without its directory', () => {
    const { directory } = opened();
    rmSync(directory.path, { recursive: true });
    expect(() => new DayFile(directory, { day: '2026-01-03', number: 0, maxBytes: Infinity }, reporter)).toThrow(
      'ENOENT',
    );
  });
});

describe('whether the file is in its place', () => {
  it('it is, with what others have written', () => {
    const { file } = opened();
    file.append('mine');
    appendFileSync(file.path, 'of another process');
    expect([file.isInPlace(), file.size]).toEqual([true, Buffer.byteLength(`mine${EOL}of another process`)]);
  });

  it.each<[string, (path: string) => void]>([
    ['removed', (path) => rmSync(path)],
    ['moved', (path) => renameSync(path, `${path}.1`)],
    [
      'replaced by another file',
      (path) => {
        // The other one is there first: a number of an inode is used again at once.
        writeFileSync(`${path}.new`, '');
        renameSync(`${path}.new`, path);
      },
    ],
    [
      'replaced by a link to itself',
      (path) => {
        renameSync(path, `${path}.1`);
        symlinkSync(`${path}.1`, path);
      },
    ],
    ['removed with its directory', (path) => rmSync(dirname(path), { recursive: true })],
    [
      'removed with its directory, in the place of which is a file',
      (path) => {
        rmSync(dirname(path), { recursive: true });
        writeFileSync(dirname(path), '');
      },
    ],
  ])('it is not once it was %s', (_what, change) => {
    const { file } = opened({ path: join(temporaryDirectory(), 'logs') });
    file.append('mine');
    change(file.path);
    expect(file.isInPlace()).toBe(false);
  });
});

describe('the lines that still fit into a file', () => {
  const lines = Buffer.from('first\nsecond\nthird\n');
  const fitting = (before: string, maxBytes: number, continuesLine = false): string =>
    opened({ before, maxBytes }).file.fitting(lines, continuesLine).toString();

  it('are all, the first ones, or none', () => {
    expect(fitting('12345\n', 6 + 19)).toBe('first\nsecond\nthird\n');
    expect(fitting('12345\n', 6 + 18)).toBe('first\nsecond\n');
    expect(fitting('12345\n', 6 + 13)).toBe('first\nsecond\n');
    expect(fitting('12345\n', 6 + 12)).toBe('first\n');
    expect(fitting('12345\n', 6 + 5)).toBe('');
    expect(fitting('12345\n', 6)).toBe('');
    expect(fitting('12345\n', 3)).toBe('');
  });

  it('are at least one in an empty file, and where a line that began there goes on', () => {
    expect(fitting('', 3)).toBe('first\n');
    expect(fitting('12345\n', 6, true)).toBe('first\n');
    expect(fitting('12345\n', 3, true)).toBe('first\n');
  });

  it('are those of the next file of the day where the current one is full', () => {
    const { directory, file } = opened({ before: '12345\n' });
    const place = { day: '2026-01-02', maxBytes: 10 };
    const same = openDayFile(directory, place, 4, reporter);
    const next = openDayFile(directory, place, 5, reporter);
    onTestFinished(() => Promise.all([same.close(), next.close()]).then(() => {}));
    expect([same.path, next.path]).toEqual([file.path, join(directory.path, directory.names.of('2026-01-02', 1))]);
    // Any line has to go somewhere.
    const large = openDayFile(directory, place, 11, reporter);
    onTestFinished(() => large.close());
    expect(large.path).toBe(next.path);
  });
});

describe.skipIf(cannotMount !== undefined)(
  `a line that the disk takes in part${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
  () => {
    interface Cut extends Opened {
      readonly failure: { readonly bytes: Buffer; readonly written: number; readonly error: unknown };
      readonly makeRoom: () => void;
    }

    /** Writes these lines to a disk that has one block left. */
    function cut(lines: (block: number) => string): Cut {
      const disk = mountTmpfs('1m');
      onTestFinished(() => disk.remove());
      const open = opened({ path: join(disk.path, 'logs') });
      const filling = join(disk.path, 'filling');
      const { bavail, bsize } = statfsSync(disk.path);
      writeFileSync(filling, Buffer.alloc((bavail - 1) * bsize));
      const failure = open.file.write(Buffer.from(lines(bsize)), false);
      if (failure === undefined) throw new Error('the disk has taken everything');
      expect(failure).toMatchObject({ written: bsize, error: { code: 'ENOSPC' } });
      return { ...open, failure, makeRoom: () => rmSync(filling) };
    }

    it('goes on where it was cut', () => {
      const { file, failure, makeRoom } = cut((block) => `${'x'.repeat(block + 99)}\n`);
      expect(file.canContinueLine()).toBe(true);
      makeRoom();
      expect(file.write(failure.bytes.subarray(failure.written), true)).toBeUndefined();
      expect(textOf(file)).toBe(failure.bytes.toString());
      expect([file.canContinueLine(), file.size]).toEqual([false, failure.bytes.length]);
    });

    it('is written again, on a line of its own, where another process has written meanwhile', () => {
      const { file, failure, makeRoom } = cut((block) => `${'x'.repeat(block + 99)}\n`);
      makeRoom();
      appendFileSync(file.path, `other${EOL}`);
      expect(file.canContinueLine()).toBe(false);
      file.write(failure.bytes, false);
      const whole = failure.bytes.toString();
      expect(textOf(file)).toBe(`${whole.slice(0, failure.written)}other${EOL}${EOL}${whole}`);
    });

    it('does not go on where the cut is between two lines', () => {
      const { file, failure, makeRoom } = cut((block) => `${'x'.repeat(block - 1)}\nnext\n`);
      expect(file.canContinueLine()).toBe(false);
      makeRoom();
      expect(file.write(failure.bytes.subarray(failure.written), false)).toBeUndefined();
      expect(textOf(file)).toBe(failure.bytes.toString());
    });

    it('goes on also after a try that took nothing', () => {
      const { file, failure, makeRoom } = cut((block) => `${'x'.repeat(block + 99)}\n`);
      const again = file.write(failure.bytes.subarray(failure.written), true);
      expect(again).toMatchObject({ written: 0, error: { code: 'ENOSPC' } });
      // The first part is still there.
      expect(file.canContinueLine()).toBe(true);
      makeRoom();
      file.write(failure.bytes.subarray(failure.written), true);
      expect(textOf(file)).toBe(failure.bytes.toString());
    });
  },
);

it.skipIf(process.platform !== 'linux')('a descriptor that other code has closed is told, and no error', async () => {
  const { file } = opened();
  const descriptors = readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === file.path);
  expect(descriptors).toHaveLength(1);
  closeSync(Number(descriptors[0]));
  expect(file.write(Buffer.from('x\n'), false)).toMatchObject({ written: 0, error: { code: 'EBADF' } });
  expect(file.canContinueLine()).toBe(false);
  await file.close();
  expect(diagnostics.lines.join()).toContain(`closing ${file.path} failed`);
});

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // It was that of the list itself.
    return undefined;
  }
}
