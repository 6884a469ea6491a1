import { lstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import {
  DEAD_DIRECTORY,
  deadFiles,
  decodeFrame,
  FileSegment,
  OriginDecoder,
  ownerOf,
  OwnerWatch,
  PendingResources,
  readDirectory,
  scanSegment,
  SEGMENT_SUFFIX,
} from '../formats.ts';
import type { OwnerState, ReadableLogRecord } from '../formats.ts';
import type { LogData } from '../model/log-data.ts';
import { SdkRecordReader } from './sdk-record.ts';
import { SeenNumbers, SpoolRemovals } from './spool-removals.ts';

/** So many records are given out before others get a turn: a segment may have 60,000. */
const RECORDS_PER_TURN = 2_000;

/** What is known of a segment. */
interface KnownSegment<Token> {
  /** Up to where it was read. */
  offset: number;
  /** How long the file was then. */
  bytes: number;
  /** Records at its end that cannot be read. They may be in a frame that is still being written. */
  damagedAtEnd: number;
  readonly origins: OriginDecoder;
  /** Records that the sink got, with their numbers and what the sink returned. */
  readonly records: { readonly ordinal: number; readonly token: Token }[];
  /** The number after the last record that was read. */
  end: number;
  /** Records before this number are acknowledged. */
  acknowledged: number;
  /** Looks since it was there. */
  unseen: number;
}

/** A record of a spool, on its way to the collector. */
export interface SpooledRecord {
  readonly data: LogData;
  readonly entryId: string | undefined;
  /** The collector refused it. */
  readonly isRejected: boolean;
}

/** Takes what a look at a spool finds. */
export interface SpoolSink<Token> {
  /** Takes a record. What it returns is given to `delivered` when the collector has acknowledged the record. */
  record(record: SpooledRecord): Token;
  delivered(token: Token): void;
  damaged(count: number): void;
  /** So many records are gone, and it is not known whether they were delivered. */
  gone(count: number): void;
  /** So many records were removed before they were read, over all time. */
  missed(count: number): void;
  /** Takes the state of each process that writes or wrote there. */
  owners(states: readonly OwnerState[]): void;
}

/**
 * Reads a spool of `DurableLogRecordProcessor`: what is there, from processes that run and from those that are gone, and what comes
 * later. Changes nothing. Misses what was written and removed between two looks, and counts it.
 */
export class SpoolTail<Token> {
  readonly #root: string;
  readonly #sink: SpoolSink<Token>;
  readonly #watch: OwnerWatch;
  readonly #records = new SdkRecordReader();
  readonly #resources = new PendingResources(0);
  readonly #segments = new Map<string, KnownSegment<Token>>();
  readonly #removals: SpoolRemovals<Token>;
  readonly #numbers = new SeenNumbers();

  /** @param now Milliseconds of a clock that never steps. */
  constructor(root: string, sink: SpoolSink<Token>, now?: () => number) {
    this.#root = root;
    this.#sink = sink;
    this.#removals = new SpoolRemovals(now);
    this.#watch = new OwnerWatch(root);
  }

  /** Whether a directory with these folders is a spool: one of them is the folder of an owner. */
  static isSpool(names: readonly string[]): boolean {
    return names.some((name) => /^o-\d{13}-[\da-f]{8}$/.test(name));
  }

  /** Reads what is new since the last look. Rejects with the error of the file system. */
  async look(): Promise<void> {
    for (const known of this.#segments.values()) known.unseen += 1;
    const { owners } = readDirectory(this.#root);
    const states: OwnerState[] = [];
    for (const owner of owners) {
      const directory = join(this.#root, owner);
      states.push(await this.#watch.look(directory));
      await this.#lookInto(directory);
    }
    for (const { path, bytes } of deadFiles(join(this.#root, DEAD_DIRECTORY))) await this.#read(path, bytes, true);
    this.#sink.owners(states);
    this.#forgetRemoved();
    this.#sink.missed(this.#numbers.missed);
  }

  async #lookInto(directory: string): Promise<void> {
    const { names, owners } = readDirectory(directory);
    for (const name of names) {
      if (!name.endsWith(SEGMENT_SUFFIX)) continue;
      const path = join(directory, name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats?.isFile() === true) await this.#read(path, stats.size, false);
    }
    // The folders that this owner has taken over.
    for (const owner of owners) await this.#lookInto(join(directory, owner));
  }

  async #read(path: string, bytes: number, isRejected: boolean): Promise<void> {
    // A segment keeps its name when it is taken over.
    const name = basename(path);
    const segment = FileSegment.adopt(dirname(path), name, bytes, 0);
    let known = this.#segments.get(name);
    if (known === undefined) {
      // Reads from the start: acknowledged records are shown too.
      known = {
        offset: 0,
        bytes: 0,
        damagedAtEnd: 0,
        origins: new OriginDecoder(),
        records: [],
        end: segment.firstOrdinal,
        acknowledged: segment.position.ordinal,
        unseen: 0,
      };
      this.#segments.set(name, known);
    }
    known.unseen = 0;
    const { end } = known;
    const acknowledged = segment.position;
    if (bytes !== known.bytes) {
      known.bytes = bytes;
      await this.#readOn(segment, known, isRejected);
    } else if (known.damagedAtEnd > 0) {
      this.#sink.damaged(known.damagedAtEnd);
      known.end += known.damagedAtEnd;
      known.damagedAtEnd = 0;
    }
    if (isRejected) return;
    this.#numbers.add(ownerOf(name), end, known.end);
    if (acknowledged.ordinal > known.acknowledged) this.#removals.noteAcknowledgement();
    known.acknowledged = acknowledged.ordinal;
    this.#settle(known, acknowledged.ordinal);
  }

  async #readOn(segment: FileSegment, known: KnownSegment<Token>, isRejected: boolean): Promise<void> {
    const start = known.offset;
    const from = known.records.at(-1)?.ordinal;
    segment.position = { offset: start, skip: 0, ordinal: from === undefined ? segment.firstOrdinal : from + 1 };
    const found: {
      readonly record: ReadableLogRecord;
      readonly entryId: string | undefined;
      readonly ordinal: number;
    }[] = [];
    let lost = 0;
    try {
      const scan = await scanSegment(segment, (frame) => {
        lost += frame.lost;
        known.offset = frame.endOffset;
        known.end = frame.ordinal + frame.count;
        if (frame.lost > 0) this.#sink.damaged(frame.lost);
        if (frame.count === 0) return this.#resources.learn(Buffer.from(frame.payload));
        try {
          const { records, sessions } = decodeFrame(frame.payload, frame.count, known.origins);
          records.forEach((record, at) => {
            found.push({ record, entryId: sessions[at]?.entryId, ordinal: frame.ordinal + at });
          });
        } catch {
          // Damaged in a way that the checksum missed.
          this.#sink.damaged(frame.count);
        }
      });
      known.damagedAtEnd = scan.damaged - lost;
      known.end = scan.nextOrdinal - known.damagedAtEnd;
    } catch (error) {
      // The owner has removed it, or another process has moved it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    } finally {
      segment.close();
    }
    await this.#resources.complete(found.map(({ record }) => record));
    for (const [at, { record, entryId, ordinal }] of found.entries()) {
      if (at % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) await nextTurn();
      const token = this.#sink.record({ data: this.#records.read(record), entryId, isRejected });
      known.records.push({ ordinal, token });
    }
  }

  /** Reports the records before this number as delivered. */
  #settle(known: KnownSegment<Token>, ordinal: number): void {
    const { records } = known;
    let count = 0;
    while (count < records.length && (records[count]?.ordinal ?? 0) < ordinal) count += 1;
    if (count === 0) return;
    // Keeps the last one for its number, from which reading resumes.
    const settled = records.splice(0, Math.min(count, Math.max(0, records.length - 1)));
    for (const { token } of settled) this.#sink.delivered(token);
    if (count > settled.length && records[0] !== undefined) this.#sink.delivered(records[0].token);
  }

  /** Forgets segments that were removed. One may be moved while this looks, and is there at the next look. */
  #forgetRemoved(): void {
    let isRestDelivered = true;
    for (const [name, { records, acknowledged, unseen }] of this.#segments) {
      const isSegment = name.endsWith(SEGMENT_SUFFIX);
      if (unseen < 2) {
        if (isSegment && (records.at(-1)?.ordinal ?? -1) >= acknowledged) isRestDelivered = false;
        continue;
      }
      this.#segments.delete(name);
      const unsettled = records.filter(({ ordinal }) => ordinal >= acknowledged);
      if (isSegment) this.#removals.add(unsettled.map(({ token }) => token));
    }
    const { delivered, unknown } = this.#removals.decide(isRestDelivered);
    for (const token of delivered) this.#sink.delivered(token);
    if (unknown > 0) this.#sink.gone(unknown);
  }
}
