import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { SpoolTail } from './spool-tail.ts';

const MAX_DEPTH = 6;
/** Most files that are looked at, so that a whole disk is no burden. */
export const MAX_FOUND = 100_000;

const LOG_FILE = /\.(?:log|jsonl|ndjson|json|txt)(?:\.gz)?$/;
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules']);

export interface Found {
  readonly files: readonly string[];
  readonly spools: readonly string[];
  /** Why folders cannot be read, by their paths. */
  readonly unreadable: ReadonlyMap<string, unknown>;
  /** There are more files than the bound. */
  readonly isPartial: boolean;
}

/** Finds what may be shown in a directory, or the file itself. Rejects when the path itself cannot be read. */
export async function findFiles(root: string, signal: AbortSignal): Promise<Found> {
  const files: string[] = [];
  const spools: string[] = [];
  const unreadable = new Map<string, unknown>();
  const visit = async (directory: string, depth: number): Promise<void> => {
    const entries = await readdir(directory, { withFileTypes: true });
    if (SpoolTail.isSpool(entries.filter((entry) => entry.isDirectory()).map(({ name }) => name))) {
      spools.push(directory);
      return;
    }
    for (const entry of entries) {
      if (files.length >= MAX_FOUND || signal.aborted) return;
      const path = join(directory, entry.name);
      // A link may lead to a file. Links to folders are left alone, since they may lead in a circle.
      if ((entry.isFile() || entry.isSymbolicLink()) && LOG_FILE.test(entry.name)) files.push(path);
      else if (entry.isDirectory() && depth < MAX_DEPTH && !LEFT_OUT.has(entry.name) && !entry.name.startsWith('.')) {
        await visit(path, depth + 1).catch((error: unknown) => unreadable.set(path, error));
      }
    }
  };
  if ((await stat(root)).isDirectory()) await visit(root, 0);
  else files.push(root);
  return { files, spools, unreadable, isPartial: files.length >= MAX_FOUND };
}

/** What tells a file from others, whatever its name. */
export function fileId({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** A file, as it was when it was looked at. */
export interface SeenFile {
  readonly path: string;
  readonly id: string;
  readonly size: number;
  readonly modifiedNanos: bigint;
}

/** Those of the paths that lead to files. */
export async function seenFiles(paths: readonly string[]): Promise<SeenFile[]> {
  const seen = await Promise.all(paths.map((path) => seenFile(path)));
  return seen.filter((file) => file !== undefined);
}

/** The file at the path; `undefined` if there is none, or if it cannot be looked at. */
export async function seenFile(path: string): Promise<SeenFile | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats?.isFile() !== true) return undefined;
  return { path, id: fileId(stats), size: Number(stats.size), modifiedNanos: stats.mtimeNs };
}
