import { randomBytes } from 'node:crypto';
import { closeSync, constants, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ReadableLogRecord } from '../../otel/log-record.ts';
import { makeDirectories } from '../../support/make-directories.ts';
import type { RejectedRecords } from '../delivery/shipper.ts';
import { readPlainFile, openPlainFile } from '../plain-file.ts';
import type { SessionEntry } from '../spool/codec/frame-format.ts';
import { nextMagic, readFrame } from '../spool/codec/frame.ts';
import { OriginEncoder } from '../spool/codec/origin-codec.ts';
import { FrameEncoder } from '../spool/codec/frame-encoder.ts';
import { isKnownPayload } from '../spool/known-format.ts';
import { fileBytes, listDirectory } from '../spool/owner-directory.ts';

/** The directory below the root of a spool, shared by its processes. */
export const DEAD_DIRECTORY = 'dead';
const DEAD_SUFFIX = '.dead';
/** The names of these files begin with the time. */
const OWN_NAME = /^\d{13}-/;
const MAX_FILE_BYTES = 1024 * 1024;
const APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

/** A file of rejected records. */
export interface DeadFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Keeps single records that the collector rejected, for a person to read (`spool DIRECTORY --export`). They are never
 * sent again.
 *
 * Their bytes are limited over all processes of the root: at the limit, the oldest file is deleted and its records are
 * counted. Files of a newer version are neither deleted nor counted.
 */
export class DeadLetters implements RejectedRecords {
  readonly fate = 'it is kept in the directory `dead` of the spool';
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #encoder = new FrameEncoder(new OriginEncoder(() => {}), undefined);
  readonly #now: () => number;
  readonly #onLost: (reason: 'dead_full' | 'dead_unwritable', count: number) => void;
  #file: { readonly path: string; bytes: number } | undefined;
  #serial = 0;
  #records = 0;
  /** Whether a file is left to a newer version, by path. Each file is read once, when the limit is reached. */
  #isLeft: ReadonlyMap<string, boolean> = new Map<string, boolean>();

  constructor(
    root: string,
    options: {
      readonly maxBytes: number;
      readonly now: () => number;
      readonly onLost: (reason: 'dead_full' | 'dead_unwritable', count: number) => void;
    },
  ) {
    this.#directory = join(root, DEAD_DIRECTORY);
    this.#maxBytes = options.maxBytes;
    this.#now = options.now;
    this.#onLost = options.onLost;
  }

  /** Number of records that this process has added. */
  get records(): number {
    return this.#records;
  }

  add(record: ReadableLogRecord, entry?: SessionEntry): void {
    this.#records += 1;
    try {
      // Also stores the session id apart from the record, where limits of the SDK may have cut it.
      this.#encoder.add(record as Parameters<FrameEncoder['add']>[0], entry?.sessionId, entry?.entryId);
      const frame = this.#encoder.finish(this.#records, this.#now());
      if (frame !== undefined) this.#write(frame);
    } catch {
      // The disk cannot be written to: the record is lost and counted.
      this.#onLost('dead_unwritable', 1);
    }
  }

  #write(frame: Buffer): void {
    if (!this.#makeRoom(frame.length)) {
      this.#onLost('dead_full', 1);
      return;
    }
    const limit = Math.min(MAX_FILE_BYTES, this.#maxBytes / 8);
    if (this.#file === undefined || this.#file.bytes + frame.length > limit) this.#file = this.#newFile();
    const fd = this.#open(this.#file.path);
    try {
      // Unlike `writeSync`, it writes everything or throws: a full disk takes a part first, whose checksum reveals it.
      writeFileSync(fd, frame);
      this.#file.bytes += frame.length;
    } finally {
      closeSync(fd);
    }
  }

  #open(path: string): number {
    try {
      return openPlainFile(path, APPENDING).fd;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // The directory did not exist yet, or was removed.
      makeDirectories(this.#directory, 0o700);
      return openPlainFile(path, APPENDING).fd;
    }
  }

  #newFile(): { path: string; bytes: number } {
    this.#serial += 1;
    // Threads of one process share its id, and the first process of every container has the same one.
    const unique = `${this.#serial}-${randomBytes(6).toString('hex')}`;
    const name = `${String(this.#now()).padStart(13, '0')}-${unique}${DEAD_SUFFIX}`;
    return { path: join(this.#directory, name), bytes: 0 };
  }

  #makeRoom(incoming: number): boolean {
    const all = deadFiles(this.#directory);
    if (bytesOf(all) + incoming <= this.#maxBytes) return true;
    // Check all files first: a file that is left to a newer version must not push out an older file.
    this.#isLeft = new Map(all.map(({ path }) => [path, this.#isLeft.get(path) ?? countRecords(path) === undefined]));
    const files = all.filter(({ path }) => this.#isLeft.get(path) !== true);
    let bytes = bytesOf(files);
    for (const file of files) {
      if (bytes + incoming <= this.#maxBytes) break;
      bytes -= file.bytes;
      // Counted again, because another process may have written to it meanwhile.
      const count = countRecords(file.path);
      if (count === undefined) continue;
      if (this.#file?.path === file.path) this.#file = undefined;
      rmSync(file.path, { force: true });
      this.#onLost('dead_full', count);
    }
    return bytes + incoming <= this.#maxBytes;
  }
}

function bytesOf(files: readonly DeadFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The files of a `dead` directory, oldest first. */
export function deadFiles(directory: string): DeadFile[] {
  return filesOf(directory, (name) => name.endsWith(DEAD_SUFFIX));
}

/** Files in a `dead` directory of a kind that only a newer version knows. */
export function unknownDeadFiles(directory: string): DeadFile[] {
  return filesOf(directory, (name) => OWN_NAME.test(name) && !name.endsWith(DEAD_SUFFIX));
}

function filesOf(directory: string, isWanted: (name: string) => boolean): DeadFile[] {
  return listDirectory(directory)
    .filter(isWanted)
    .map((name) => join(directory, name))
    .flatMap((path) => {
      const bytes = fileBytes(path);
      return bytes === undefined ? [] : { path, bytes };
    });
}

/**
 * The number of records in a file of rejected ones; `undefined` if the file must stay, because it cannot be read or has
 * a format that only a newer version knows.
 */
function countRecords(path: string): number | undefined {
  let bytes: Buffer;
  try {
    bytes = readPlainFile(path);
  } catch (error) {
    // Another process may have deleted it meanwhile.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 0 : undefined;
  }
  let count = 0;
  for (let at = 0; at !== -1 && at < bytes.length;) {
    const frame = readFrame(bytes, at);
    if (typeof frame === 'string') {
      at = nextMagic(bytes, at + 1);
      continue;
    }
    if (!isKnownPayload(frame)) return undefined;
    count += frame.count;
    at = frame.end;
  }
  return count;
}
