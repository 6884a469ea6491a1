import { appendFileSync, linkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { DirectorySource } from '../../src/sources/directory.ts';

interface Watched {
  readonly path: (name: string) => string;
  readonly write: (name: string, ...messages: string[]) => void;
  readonly append: (name: string, ...messages: string[]) => void;
  /** The texts that were read so far. */
  readonly looked: () => Promise<string[]>;
}

let millis = Date.UTC(2026, 10, 23);

/** Each line has a time of its own. */
function lines(messages: readonly string[]): string {
  return messages.map((message) => `${new Date((millis += 1)).toISOString()} INFO [a] ${message}\n`).join('');
}

function watched(): Watched {
  const directory = temporaryDirectory();
  const model = new SessionModel();
  const source = new DirectorySource(model, directory);
  onTestFinished(() => source.close());
  const path = (name: string): string => join(directory, name);
  return {
    path,
    write: (name, ...messages) => writeFileSync(path(name), lines(messages)),
    append: (name, ...messages) => appendFileSync(path(name), lines(messages)),
    looked: async () => {
      await source.look();
      return (model.find('a')?.entries ?? []).map(({ text }) => text);
    },
  };
}

describe('a log file that is rotated', () => {
  it('is read once, with its last lines first, when it gets another name and a new one takes its place', async () => {
    const { path, write, append, looked } = watched();
    write('app.log', 'one');
    await looked();
    append('app.log', 'two');
    renameSync(path('app.log'), path('app.2026-11-22.log'));
    write('app.log', 'three');
    expect(await looked()).toEqual(['one', 'two', 'three']);
    append('app.log', 'four');
    append('app.2026-11-22.log', 'late');
    expect((await looked()).toSorted()).toEqual(['four', 'late', 'one', 'three', 'two']);
  });

  it('is read once when it has no name in between', async () => {
    const { path, write, looked } = watched();
    write('app.log', 'one');
    await looked();
    renameSync(path('app.log'), path('app.bak'));
    expect(await looked()).toEqual(['one']);
    write('app.log', 'two');
    expect(await looked()).toEqual(['one', 'two']);
  });

  it('is read once when all names are those that other files had', async () => {
    const { path, write, append, looked } = watched();
    for (const name of ['app.2.log', 'app.1.log', 'app.log']) write(name, name);
    const first = await looked();
    expect(first.toSorted()).toEqual(['app.1.log', 'app.2.log', 'app.log']);
    append('app.log', 'last');
    renameSync(path('app.1.log'), path('app.2.log'));
    renameSync(path('app.log'), path('app.1.log'));
    write('app.log', 'new');
    expect(await looked()).toEqual([...first, 'last', 'new']);
    append('app.1.log', 'late');
    append('app.log', 'newer');
    expect((await looked()).slice(5).toSorted()).toEqual(['late', 'newer']);
  });

  // Most file systems give the next file the number of the one that was removed.
  it('is read from its start when it is removed and at once written anew, longer', async () => {
    const { path, write, looked } = watched();
    write('app.log', 'one');
    await looked();
    rmSync(path('app.log'));
    write('app.log', 'two', 'three', 'four');
    expect(await looked()).toEqual(['one', 'two', 'three', 'four']);
  });

  it('is read from its start when it is cut and at once longer than before', async () => {
    const { write, looked } = watched();
    write('app.log', 'one');
    await looked();
    write('app.log', 'two', 'three', 'four');
    expect(await looked()).toEqual(['one', 'two', 'three', 'four']);
  });
});

describe('a daily file in which a session is erased', () => {
  it.each(['text', 'json'] as const)('is not read again: %s', async (format) => {
    const directory = temporaryDirectory();
    const file = new DateFileLogRecordProcessor({ directory, format, currentLink: true });
    onTestFinished(() => file.shutdown());
    const logger = new LoggerProvider({ processors: [file] }).getLogger('app');
    const log = (id: string, body: string): void =>
      logger.emit({ body, severityNumber: 9, attributes: { 'session.id': id } });
    const model = new SessionModel();
    const source = new DirectorySource(model, directory);
    onTestFinished(() => source.close());
    const texts = (id: string): string[] => (model.find(id)?.entries ?? []).map(({ text }) => text);
    for (let at = 0; at < 3; at += 1) for (const id of ['a', 'b', 'c']) log(id, `${at}`);
    await file.forceFlush();
    await source.look();
    expect(['a', 'b', 'c'].map((id) => texts(id))).toEqual(Array.from({ length: 3 }, () => ['0', '1', '2']));
    // The first and the last line, which tell whether the file is the one that was read.
    await file.eraseSession('a');
    await file.eraseSession('c');
    await source.look();
    log('b', '3');
    await file.forceFlush();
    await source.look();
    expect(['a', 'b', 'c'].map((id) => texts(id))).toEqual([
      ['0', '1', '2'],
      ['0', '1', '2', '3'],
      ['0', '1', '2'],
    ]);
    expect(model.entries).toBe(10);
  });

  it('is not read again when it is packed, though it is written anew', async () => {
    const { path, looked } = watched();
    const text = lines(['one', 'two', 'three']);
    writeFileSync(path('app.2026-11-22.log.gz'), gzipSync(text));
    expect(await looked()).toEqual(['one', 'two', 'three']);
    writeFileSync(path('new'), gzipSync(text.replace('[a] two', '[-] ---')));
    renameSync(path('new'), path('app.2026-11-22.log.gz'));
    expect(await looked()).toEqual(['one', 'two', 'three']);
    writeFileSync(path('app.2026-11-22.log.gz'), gzipSync(text.replace('[a] two', '[-] ---') + lines(['four'])));
    expect(await looked()).toEqual(['one', 'two', 'three', 'four']);
  });
});

describe('a log file with several names', () => {
  it('is read once, and the one that a link leads to later as well', async () => {
    const { path, write, append, looked } = watched();
    write('app.1.log', 'one');
    symlinkSync('app.1.log', path('current.log'));
    linkSync(path('app.1.log'), path('hard.log'));
    await looked();
    append('app.1.log', 'two');
    expect(await looked()).toEqual(['one', 'two']);
    write('app.2.log', 'three');
    rmSync(path('current.log'));
    symlinkSync('app.2.log', path('current.log'));
    expect(await looked()).toEqual(['one', 'two', 'three']);
    append('app.2.log', 'four');
    append('app.1.log', 'late');
    expect((await looked()).slice(3).toSorted()).toEqual(['four', 'late']);
  });

  it('is read through a link from elsewhere', async () => {
    const { path, append, looked } = watched();
    const elsewhere = join(temporaryDirectory(), 'container');
    writeFileSync(elsewhere, lines(['one']));
    symlinkSync(elsewhere, path('app.log'));
    symlinkSync('.', path('circle'));
    symlinkSync('nowhere', path('broken.log'));
    await looked();
    append('app.log', 'two');
    expect(await looked()).toEqual(['one', 'two']);
  });
});
