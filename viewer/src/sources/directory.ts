import { statSync } from 'node:fs';
import { resolve } from 'node:path';

import { expandHome, messageOf } from '../formats.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import { FileTail } from './file-tail.ts';
import type { LineSink, TailRead } from './file-tail.ts';
import { findFiles, MAX_FOUND, seenFile, seenFiles } from './found-files.ts';
import type { SeenFile } from './found-files.ts';
import { LogLineReader } from './log-line.ts';
import { SpoolRecords } from './spool-records.ts';
import type { EntryPlace } from './spool-records.ts';
import { SpoolTail } from './spool-tail.ts';

/** How often a directory is looked at. */
const LOOK_MILLIS = 400;
/** Looks for new files, and at files that stay as they are, may take this part of the time. */
const LOOK_SHARE = 0.1;
/** A file that grew within this time is looked at each time. */
const ACTIVE_MILLIS = 60_000;

/** How much is read of files that were there before. The newest files are chosen first. */
export interface PastBounds {
  /** @default 2,000 */
  readonly maxFiles?: number;
  /** @default 1 GiB */
  readonly maxBytes?: number;
}

/** A file with its tail. */
interface Tailed {
  readonly tail: FileTail;
  /** When it grew last, on a clock that never steps. */
  grewAt: number;
}

/**
 * Shows what is in a directory or a file, and what comes later: daily files in text and JSON form, lines of OTLP JSON, and spools.
 * Changes nothing.
 */
export class DirectorySource {
  readonly path: string;
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #maxFiles: number;
  readonly #maxBytes: number;
  readonly #files = new Map<string, Tailed>();
  /** The paths of all files that were ever read. */
  readonly #seen = new Set<string>();
  /** Files that were too many or too long, as they were: what is appended to them is read. */
  readonly #leftOut = new Map<string, SeenFile>();
  readonly #spools = new Map<string, SpoolTail<EntryPlace>>();
  /** Files of names that others have now, by their ids. */
  readonly #detached = new Map<string, Tailed>();
  /** Why files and folders cannot be read, by their paths. */
  readonly #unreadable = new Map<string, unknown>();
  readonly #ending = new AbortController();
  #looking: Promise<void> | undefined;
  #nextSweepAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @throws Error if the path is not that of a file or directory. */
  constructor(model: SessionModel, path: string, { maxFiles = 2_000, maxBytes = 1_073_741_824 }: PastBounds = {}) {
    this.path = resolve(expandHome(path));
    const stats = statSync(this.path, { throwIfNoEntry: false });
    if (stats === undefined) throw new Error(`${this.path} does not exist`);
    if (!stats.isFile() && !stats.isDirectory()) throw new Error(`${this.path} is neither a file nor a directory`);
    this.#maxFiles = maxFiles;
    this.#maxBytes = maxBytes;
    this.#model = model;
    this.#source = model.addSource(this.path, 'directory');
  }

  /** Reads what is there, and then looks again and again. Resolves after the first time. */
  async start(): Promise<void> {
    await this.look();
    if (this.#ending.signal.aborted) return;
    const look = (): void => void this.#lookOnce(performance.now() >= this.#nextSweepAt);
    this.#timer = setInterval(look, LOOK_MILLIS).unref();
  }

  /** Looks at everything now. Never rejects: the notes of the source say what cannot be read. */
  look(): Promise<void> {
    return this.#lookOnce(true);
  }

  #lookOnce(isSweep: boolean): Promise<void> {
    this.#looking ??= this.#look(isSweep).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#ending.abort();
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(isSweep: boolean): Promise<void> {
    const begin = performance.now();
    if (isSweep) await this.#findNew();
    let cost = performance.now() - begin;
    const replaced: string[] = [];
    for (const [path, { grewAt }] of this.#files) {
      if (this.#ending.signal.aborted) return;
      const start = performance.now();
      if (!isSweep && start - grewAt > ACTIVE_MILLIS) continue;
      const read = await this.#read(path);
      if (read === 'nothing') cost += performance.now() - start;
      if (read === 'replaced') replaced.push(path);
    }
    if (replaced.length > 0) await this.#followReplaced(replaced);
    for (const [path, spool] of this.#spools) await this.#guarded(path, () => spool.look());
    if (isSweep) this.#nextSweepAt = begin + cost / LOOK_SHARE;
    this.#tellUnreadable();
  }

  /** The files that had these names may have others now, under which their last lines are read. */
  async #followReplaced(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const file = this.#files.get(path);
      if (file !== undefined) this.#detached.set(file.tail.id, file);
      this.#files.delete(path);
    }
    const before = new Set(this.#files.keys());
    await this.#findNew();
    this.#detached.clear();
    for (const path of this.#files.keys()) {
      if (!before.has(path) && (await this.#read(path)) === 'replaced') this.#files.delete(path);
    }
  }

  async #read(path: string): Promise<TailRead> {
    const file = this.#files.get(path);
    if (file === undefined) return 'nothing';
    const read = await this.#guarded(path, () => file.tail.read(this.#ending.signal));
    if (read === 'some') file.grewAt = performance.now();
    return read ?? 'nothing';
  }

  /** @returns What was read; `replaced` also if there is nothing of this name. */
  async #guarded(path: string, read: () => Promise<TailRead | void>): Promise<TailRead | void> {
    if (this.#ending.signal.aborted) return undefined;
    try {
      const result = await read();
      this.#unreadable.delete(path);
      return result;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#unreadable.set(path, error);
      else return 'replaced';
    }
    return undefined;
  }

  #tellUnreadable(): void {
    const [first] = this.#unreadable;
    if (first === undefined) return void this.#source.notes.delete('unreadable');
    const [path, error] = first;
    const others = this.#unreadable.size - 1;
    const more = others === 0 ? '' : `, and ${others} other ${others === 1 ? 'path' : 'paths'}`;
    this.#source.notes.set('unreadable', `${path} cannot be read: ${messageOf(error)}${more}`);
  }

  async #findNew(): Promise<void> {
    const { signal } = this.#ending;
    try {
      const { files, spools, unreadable, isPartial } = await findFiles(this.path, signal);
      if (signal.aborted) return;
      if (isPartial) this.#source.notes.set('many', `the viewer looks at no more than ${MAX_FOUND} files`);
      for (const path of this.#unreadable.keys()) if (!this.#files.has(path)) this.#unreadable.delete(path);
      for (const [path, error] of unreadable) this.#unreadable.set(path, error);
      while (await this.#takeUp(await seenFiles(this.#unknown(files))));
      for (const path of spools) {
        const sink = new SpoolRecords(this.#model, this.#source, path);
        if (!this.#spools.has(path)) this.#spools.set(path, new SpoolTail(path, sink));
      }
      this.#source.notes.delete('directory');
    } catch (error) {
      this.#source.notes.set('directory', `${this.path} cannot be read: ${messageOf(error)}`);
    }
  }

  #unknown(paths: readonly string[]): string[] {
    const isThere = new Set(paths);
    return paths.filter((path) => {
      // The daily file of a past day is packed under another name: its lines were read, or are about to be.
      const plain = path.endsWith('.gz') ? path.slice(0, -'.gz'.length) : path;
      return !this.#files.has(path) && (plain === path || !(this.#seen.has(plain) || isThere.has(plain)));
    });
  }

  /**
   * Begins to read files: what is in them, of the newest ones up to the bounds, and what is appended to all of them.
   *
   * @returns Whether files that are read have other names now, so that their old ones are free.
   */
  async #takeUp(found: readonly SeenFile[]): Promise<boolean> {
    const known = new Map([...this.#files].map(([path, { tail }]) => [tail.id, path]));
    const past: SeenFile[] = [];
    let hasFreed = false;
    for (const file of found.toSorted(oldestFirst)) {
      const { path, id, size } = file;
      const before = this.#leftOut.get(path);
      const other = known.get(id);
      if (this.#detached.has(id)) this.#attach(path, id);
      else if (other !== undefined) hasFreed = (await this.#takeName(file, other)) || hasFreed;
      else if (before === undefined || before.id !== id || size < before.size) past.push(file);
      else if (size > before.size) this.#add(path, before);
      // A file with two names is read once.
      known.set(id, path);
    }
    this.#addPast(past.filter((file) => !this.#isRewritten(file)));
    return hasFreed;
  }

  /** `erase` writes a packed file anew, without the texts of a session: all of its lines are known. */
  #isRewritten({ path, id }: SeenFile): boolean {
    for (const [before, { tail }] of this.#detached) {
      if (tail.path !== path || !tail.isPacked) continue;
      tail.rewrittenAs(id);
      this.#attach(path, before);
      return true;
    }
    return false;
  }

  #attach(path: string, id: string): void {
    const file = this.#detached.get(id);
    if (file === undefined) return;
    this.#detached.delete(id);
    file.tail.moveTo(path);
    this.#files.set(path, file);
    this.#seen.add(path);
  }

  /** A file that is read has another name now, unless it has both. @returns Whether its old name is free. */
  async #takeName({ path, id }: SeenFile, before: string): Promise<boolean> {
    const file = this.#files.get(before);
    if (file === undefined || (await seenFile(before))?.id === id) return false;
    this.#files.delete(before);
    this.#detached.set(id, file);
    this.#attach(path, id);
    return true;
  }

  /** @param files Not known so far, in the order in which they were written. */
  #addPast(files: readonly SeenFile[]): void {
    let bytes = 0;
    const isRead = ({ size }: SeenFile, at: number): boolean =>
      at < this.#maxFiles && ((bytes += size) <= this.#maxBytes || at === 0);
    const read = files.toReversed().filter(isRead).toReversed();
    for (const file of files) this.#leftOut.set(file.path, file);
    for (const { path } of read) this.#add(path);
    if (files.length > read.length) this.#tellLeftOut();
  }

  #add(path: string, after?: SeenFile): void {
    this.#leftOut.delete(path);
    this.#files.set(path, { tail: new FileTail(path, this.#sink(), after), grewAt: performance.now() });
    this.#seen.add(path);
  }

  #tellLeftOut(): void {
    const bounds = `${this.#maxFiles} files and ${this.#maxBytes} bytes`;
    this.#source.notes.set(
      'left out',
      `the viewer shows only what is appended to ${this.#leftOut.size} of the older files: it reads at most ${bounds} that were there before`,
    );
  }

  #sink(): LineSink {
    const reader = new LogLineReader();
    return {
      take: (lines, isPast) => {
        for (const line of lines) {
          if (line === '') continue;
          const records = reader.read(line);
          if (records === undefined) this.#source.unreadable += 1;
          for (const record of records ?? []) this.#model.add(record, { source: this.#source, isPast });
        }
      },
      isWhole: (line) => reader.isWhole(line),
      leftOut: () => (this.#source.unreadable += 1),
    };
  }
}

function oldestFirst(a: SeenFile, b: SeenFile): number {
  if (a.modifiedNanos !== b.modifiedNanos) return a.modifiedNanos < b.modifiedNanos ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}
