import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { expandHome, messageOf } from '../formats.ts';
import type { OwnerState } from '../formats.ts';
import type { Entry } from '../model/block.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import { FileTail } from './file-tail.ts';
import { LogLineReader } from './log-line.ts';
import { SpoolTail } from './spool-tail.ts';
import type { SpooledRecord, SpoolSink } from './spool-tail.ts';

/** How often a directory is looked at. */
const LOOK_MILLIS = 400;
/** Most files, levels of folders, and bytes of files that were there before. The newest files are chosen first. */
const MAX_FILES = 2_000;
const MAX_DEPTH = 6;
const MAX_PAST_BYTES = 1_073_741_824;

const LOG_FILE = /\.(?:log|jsonl|ndjson|json|txt)(?:\.gz)?$/;
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules']);

interface Found {
  readonly files: readonly string[];
  readonly spools: readonly string[];
}

/**
 * Shows what is in a directory or a file, and what comes later: daily files in text and JSON form, lines of OTLP JSON, and spools.
 * Changes nothing.
 */
export class DirectorySource {
  readonly path: string;
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #files = new Map<string, FileTail>();
  /** The paths of all files that were ever read. */
  readonly #seen = new Set<string>();
  readonly #spools = new Map<string, SpoolTail<Entry>>();
  readonly #ending = new AbortController();
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @throws Error when there is no such file or directory. */
  constructor(model: SessionModel, path: string) {
    this.path = resolve(expandHome(path));
    if (statSync(this.path, { throwIfNoEntry: false }) === undefined) {
      throw new Error(`${this.path} does not exist`);
    }
    this.#model = model;
    this.#source = model.addSource(this.path, 'directory');
  }

  /** Reads what is there, and then looks again and again. Resolves after the first time. */
  async start(): Promise<void> {
    await this.look();
    if (this.#ending.signal.aborted) return;
    this.#timer = setInterval(() => void this.look(), LOOK_MILLIS).unref();
  }

  /** Looks now. Never rejects: the notes of the source say what cannot be read. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#ending.abort();
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const { files, spools } = await this.#find();
      this.#source.notes.delete('directory');
      for (const path of await this.#newFiles(files)) {
        this.#files.set(path, this.#tailOf(path));
        this.#seen.add(path);
      }
      for (const path of spools) if (!this.#spools.has(path)) this.#spools.set(path, this.#spoolOf(path));
    } catch (error) {
      this.#source.notes.set('directory', `${this.path} cannot be read: ${messageOf(error)}`);
    }
    for (const [path, file] of this.#files) {
      await this.#guarded(path, () => file.read(this.#ending.signal));
    }
    for (const [path, spool] of this.#spools) await this.#guarded(path, () => spool.look());
  }

  async #guarded(path: string, read: () => Promise<void>): Promise<void> {
    if (this.#ending.signal.aborted) return;
    try {
      await read();
      this.#source.notes.delete(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#files.delete(path);
      else this.#source.notes.set(path, `${path} cannot be read: ${messageOf(error)}`);
    }
  }

  async #find(): Promise<Found> {
    const files: string[] = [];
    const spools: string[] = [];
    const visit = async (directory: string, depth: number): Promise<void> => {
      const entries = await readdir(directory, { withFileTypes: true });
      if (SpoolTail.isSpool(entries.filter((entry) => entry.isDirectory()).map(({ name }) => name))) {
        spools.push(directory);
        return;
      }
      for (const entry of entries) {
        if (files.length >= MAX_FILES) return;
        const path = join(directory, entry.name);
        if (entry.isFile() && LOG_FILE.test(entry.name)) files.push(path);
        else if (entry.isDirectory() && depth < MAX_DEPTH && !LEFT_OUT.has(entry.name) && !entry.name.startsWith('.')) {
          await visit(path, depth + 1);
        }
      }
    };
    if ((await stat(this.path)).isDirectory()) await visit(this.path, 0);
    else files.push(this.path);
    return { files, spools };
  }

  /** The files that are not known yet, in the order in which they were written, without the oldest ones beyond the bound. */
  async #newFiles(paths: readonly string[]): Promise<string[]> {
    const isThere = new Set(paths);
    const unknown = paths.filter((path) => {
      // The daily file of a past day is packed under another name: its lines were read, or are about to be.
      const plain = path.endsWith('.gz') ? path.slice(0, -'.gz'.length) : path;
      return !this.#files.has(path) && (plain === path || !(this.#seen.has(plain) || isThere.has(plain)));
    });
    const sized = await Promise.all(
      unknown.map(async (path) => {
        const { mtimeMs, size } = await stat(path).catch(() => ({ mtimeMs: 0, size: 0 }));
        return { path, mtimeMs, size };
      }),
    );
    sized.sort((a, b) => b.mtimeMs - a.mtimeMs);
    let bytes = 0;
    const kept = sized.filter(({ size }) => (bytes += size) <= MAX_PAST_BYTES || bytes === size);
    if (kept.length < sized.length) {
      const leftOut = sized.length - kept.length;
      this.#source.notes.set(
        'size',
        `the viewer does not read ${leftOut} of the older files: all files together have more than ${MAX_PAST_BYTES} bytes`,
      );
    }
    return kept.toReversed().map(({ path }) => path);
  }

  #tailOf(path: string): FileTail {
    const reader = new LogLineReader();
    return new FileTail(path, (lines, isPast) => {
      for (const line of lines) {
        if (line === '') continue;
        const records = reader.read(line);
        if (records === undefined) this.#source.unreadable += 1;
        for (const record of records ?? []) this.#model.add(record, { source: this.#source, isPast });
      }
    });
  }

  #spoolOf(path: string): SpoolTail<Entry> {
    return new SpoolTail(path, new ModelSpoolSink(this.#model, this.#source, path));
  }
}

/** Puts the records of a spool into the model. */
class ModelSpoolSink implements SpoolSink<Entry> {
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #path: string;
  #rejected = 0;

  constructor(model: SessionModel, source: SourceState, path: string) {
    this.#model = model;
    this.#source = source;
    this.#path = path;
  }

  record({ data, entryId, isRejected }: SpooledRecord): Entry {
    if (isRejected) {
      this.#rejected += 1;
      this.#source.notes.set(
        `${this.#path} rejected`,
        `the collector rejected ${this.#rejected} of the records in ${this.#path}`,
      );
    }
    return this.#model.add(data, { source: this.#source, isPast: true, ...(entryId === undefined ? {} : { entryId }) });
  }

  delivered(entry: Entry): void {
    this.#model.sessionOf(entry)?.markDelivered(entry.seq, this.#model.now());
  }

  damaged(count: number): void {
    this.#source.unreadable += count;
    this.#source.notes.set(`${this.#path} damage`, `some records in ${this.#path} are damaged`);
  }

  owners(states: readonly OwnerState[]): void {
    const gone = states.filter((state) => state === 'dead').length;
    const text = `processes that have a part in ${this.#path}: ${states.length}, of which ${gone} no longer run`;
    this.#source.notes.set(`${this.#path} owners`, text);
  }
}
