import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { DeadLetters } from '../../../src/export/durable/dead-letters.ts';
import { eraseDead, matcherOf } from '../../../src/export/durable/durable-erasure.ts';
import { eraseDeadLetters } from '../../../src/export/durable/erase-dead-letters.ts';
import { decodeFrame } from '../../../src/export/spool/codec/frame-decoder.ts';
import { HEADER_BYTES, nextMagic, readFrame, writeHeader } from '../../../src/export/spool/codec/frame.ts';
import { OriginDecoder } from '../../../src/export/spool/codec/origin-codec.ts';
import type { ReadableLogRecord } from '../../../src/otel/log-record.ts';
import { newerFrame } from '../../support/newer-version.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const NOW = 1_700_000_000_000;

function recordOf(body: string): ReadableLogRecord {
  const record = {
    resource: { attributes: {} },
    instrumentationScope: { name: 'scope' },
    attributes: {},
    hrTime: [1, 1],
    hrTimeObserved: [1, 1],
    body,
    droppedAttributesCount: 0,
  };
  return record as unknown as ReadableLogRecord;
}

/** The bytes that a process writes for rejected records of these sessions, whose texts are `text of <session>`. */
function framesFor(...sessions: readonly string[]): Buffer {
  const root = temporaryDirectory();
  const dead = new DeadLetters(root, { maxBytes: 1_000_000, now: () => NOW, onLost: () => {} });
  for (const session of sessions) {
    dead.add(recordOf(`text of ${session}`), { sessionId: session, entryId: undefined });
  }
  const [name = ''] = readdirSync(join(root, 'dead'));
  return readFileSync(join(root, 'dead', name));
}

interface Directory {
  readonly path: string;
  /** Puts a file there, older ones first. Returns its path. */
  readonly file: (...parts: readonly Buffer[]) => string;
}

function deadDirectory(): Directory {
  const path = temporaryDirectory();
  let serial = 0;
  return {
    path,
    file: (...parts) => {
      serial += 1;
      const file = join(path, `${NOW + serial}-${serial}-x.dead`);
      writeFileSync(file, Buffer.concat(parts));
      return file;
    },
  };
}

/** The texts of a file, as readers find them. */
function textsIn(path: string): unknown[] {
  const bytes = readFileSync(path);
  const texts: unknown[] = [];
  for (let at = 0; at !== -1 && at < bytes.length;) {
    const frame = readFrame(bytes, at);
    if (typeof frame === 'object') {
      texts.push(...decodeFrame(frame.payload, frame.count, new OriginDecoder()).records.map(({ body }) => body));
      at = frame.end;
    } else at = nextMagic(bytes, at + 1);
  }
  return texts;
}

describe('the rejected records of a session', () => {
  it('are overwritten in every file, and those of others stay where they are', async () => {
    const { path, file } = deadDirectory();
    const files = [file(framesFor('s', 'a', 's')), file(framesFor('b')), file(framesFor('s'))];
    const [, untouched = ''] = files;
    const before = readFileSync(untouched);
    const { counts, newerFiles } = await eraseDeadLetters(path, matcherOf('s'));
    expect([[...counts], newerFiles]).toEqual([[['s', 3]], 0]);
    expect(files.map(textsIn)).toEqual([['text of a'], ['text of b'], []]);
    expect(readFileSync(untouched).equals(before)).toBe(true);
    expect(files.map((each) => readFileSync(each, 'latin1')).join('')).not.toContain('text of s');
    // Once more: there is nothing left to count.
    expect([...(await eraseDeadLetters(path, matcherOf('s'))).counts]).toEqual([]);
  });

  it('are left where they were written after the session was erased', async () => {
    const { path, file } = deadDirectory();
    const only = file(framesFor('s', 's'));
    const before = { isErased: (id: string, writtenMillis: number) => id === 's' && writtenMillis < NOW };
    expect([...(await eraseDeadLetters(path, before)).counts]).toEqual([]);
    expect(textsIn(only)).toHaveLength(2);
  });

  it('within bytes that a cut or damage has left go too, with whatever these hold; whole ones behind them stay', async () => {
    const { path, file } = deadDirectory();
    const cut = framesFor('s').subarray(0, -5);
    const damaged = framesFor('s');
    damaged[HEADER_BYTES + 3] = (damaged[HEADER_BYTES + 3] ?? 0) ^ 0xff;
    const files = [file(framesFor('a'), cut), file(damaged, framesFor('b', 's')), file(cut, framesFor('c'))];
    const { counts } = await eraseDeadLetters(path, matcherOf('s'));
    // Nobody knows how many records the others were.
    expect([...counts]).toEqual([['s', 1]]);
    expect(files.map(textsIn)).toEqual([['text of a'], ['text of b'], ['text of c']]);
    expect(files.map((each) => readFileSync(each, 'latin1')).join('')).not.toContain('text of s');
  });

  it('within a payload that its checksum calls whole, and that cannot be read, go with it', async () => {
    const { path, file } = deadDirectory();
    const frame = framesFor('s');
    // The structure ends too early.
    frame.writeUInt32LE(3, HEADER_BYTES + 4);
    writeHeader(frame, 1, 1);
    const only = file(frame, framesFor('a'));
    await eraseDeadLetters(path, matcherOf('s'));
    expect(readFileSync(only, 'latin1')).not.toContain('text of s');
    expect(textsIn(only)).toEqual(['text of a']);
  });

  it('that another process is just writing are waited for', async () => {
    const { path, file } = deadDirectory();
    const frame = framesFor('s');
    const only = file(framesFor('a'), frame.subarray(0, 40));
    const erasing = eraseDeadLetters(path, matcherOf('s'));
    appendFileSync(only, frame.subarray(40));
    expect([...(await erasing).counts]).toEqual([['s', 1]]);
    expect(textsIn(only)).toEqual(['text of a']);
  });

  it('in a file that was deleted meanwhile, to make room, are gone with it', async () => {
    const { path, file } = deadDirectory();
    // Which is waited for.
    file(framesFor('s'), framesFor('a').subarray(0, 40));
    const second = file(framesFor('s'));
    const third = file(framesFor('s'));
    const erasing = eraseDeadLetters(path, matcherOf('s'));
    rmSync(second);
    expect([...(await erasing).counts]).toEqual([['s', 2]]);
    expect(textsIn(third)).toEqual([]);
  });

  it('are not looked for behind a link that somebody put in the place of a file: the erasure is incomplete', async () => {
    const root = temporaryDirectory();
    const dead = join(root, 'dead');
    mkdirSync(dead);
    const [first, second] = [1, 2].map((n) => join(dead, `${NOW + n}-${n}-x.dead`)) as [string, string];
    writeFileSync(first, framesFor('a').subarray(0, 40));
    writeFileSync(second, framesFor('s'));
    const elsewhere = join(root, 'elsewhere');
    const erasing = eraseDead(root, matcherOf('s'));
    writeFileSync(elsewhere, framesFor('s'));
    rmSync(second);
    symlinkSync(elsewhere, second);
    await expect(erasing).rejects.toMatchObject({
      code: 'erasure_incomplete',
      message: expect.stringMatching(/could not be erased in .*dead: .* is a symbolic link\. Call it again/) as string,
    });
    expect(textsIn(elsewhere)).toEqual(['text of s']);
  });

  it('beside what a newer version wrote are erased, and its files are named as what remains', async () => {
    const root = temporaryDirectory();
    const dead = join(root, 'dead');
    mkdirSync(dead);
    const mixed = join(dead, `${NOW}-1-x.dead`);
    const newer = newerFrame(9, 1, 1, Buffer.from('text of s'));
    writeFileSync(mixed, Buffer.concat([framesFor('s', 'a'), newer]));
    writeFileSync(join(dead, `${NOW}-2-x.other`), 'text of s');
    expect(await eraseDead(root, matcherOf('s'))).toEqual({
      dead: { records: 1 },
      remains: [`2 files in ${dead} that a newer version of this package wrote: erase the session with that version`],
    });
    expect(readFileSync(mixed).subarray(-newer.length).equals(newer)).toBe(true);
  });

  it('of a spool that has none', async () => {
    expect(await eraseDead(temporaryDirectory(), matcherOf('s'))).toEqual({ dead: { records: 0 }, remains: [] });
  });
});
