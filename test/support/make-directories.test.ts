import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { makeDirectories } from '../../src/support/make-directories.ts';
import { builtSource } from './built-source.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('makeDirectories', () => {
  it('makes what is missing, with the mode, and says which was the first', () => {
    const root = temporaryDirectory();
    expect(makeDirectories(join(root, 'a', 'b', 'c'), 0o700)).toBe(join(root, 'a'));
    expect(statSync(join(root, 'a', 'b', 'c')).mode & 0o777).toBe(0o700);
    expect(makeDirectories(join(root, 'a', 'b'), 0o700)).toBeUndefined();
    expect(makeDirectories(join(root, 'a', 'd'), 0o700)).toBe(join(root, 'a', 'd'));
  });

  it('takes a link to a directory for one, and refuses files and links that lead nowhere', () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'link'));
    expect(makeDirectories(join(root, 'link', 'a'), 0o700)).toBe(join(root, 'link', 'a'));
    writeFileSync(join(root, 'file'), '');
    expect(() => makeDirectories(join(root, 'file'), 0o700)).toThrow('EEXIST');
    expect(() => makeDirectories(join(root, 'file', 'a'), 0o700)).toThrow('ENOTDIR');
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    expect(() => makeDirectories(join(root, 'dangling', 'a'), 0o700)).toThrow('EEXIST');
  });
});

describe.skipIf(!existsSync('/proc/self'))(
  'a directory that the file system says is missing, whatever is above it',
  () => {
    it.each([
      ['the daily file', "{ directory: '/proc/session-logs/daily' }"],
      ['the spool', "{ file: false, exporter, spool: { directory: '/proc/session-logs/spool' } }"],
    ])('%s: the start fails, and comes to an end', (_what, options) => {
      const url = builtSource().url('index.js');
      const program = `
      import { startSessionLogs } from ${JSON.stringify(url)};
      const exporter = { export() {}, shutdown: async () => {} };
      await startSessionLogs(${options}).catch((error) => console.log(error.code));`;
      // Where Node makes the directory it never comes back: the time ends the child only then.
      const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect(ran).toMatchObject({ stdout: 'directory_unusable\n', stderr: '', status: 0 });
    });
  },
);
