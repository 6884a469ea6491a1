import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { FRAME_BYTES, readFrame, writeFrame } from '../../src/export/spool/codec/frame.ts';
import type { FramedEntry } from '../../src/export/spool/codec/frame.ts';

/** An entry as a newer version would write it: the frame of all versions around a payload that this one does not know. */
export function newerEntry(
  format: number,
  count: number,
  ordinal: number,
  rest: Uint8Array = Buffer.from('?'),
): Buffer {
  const entry = Buffer.concat([Buffer.alloc(FRAME_BYTES), Buffer.from([format]), rest]);
  writeFrame(entry, count, ordinal);
  return entry;
}

/** The entries of a file, all of them whole. */
export function entriesOf(path: string): FramedEntry[] {
  const bytes = readFileSync(path);
  const entries: FramedEntry[] = [];
  for (let at = 0; at < bytes.length; at = (entries.at(-1) as FramedEntry).end) {
    const entry = readFrame(bytes, at);
    if (typeof entry === 'string') throw new Error(`${entry} at ${at} of ${path}`);
    entries.push(entry);
  }
  return entries;
}

/** Gives entries on disk another format, their checksums with it, as if another version had written them. */
export function reformat(path: string, from: number, to: number): void {
  const bytes = readFileSync(path);
  for (const { start, end, payload } of entriesOf(path)) {
    if (payload[0] !== from) continue;
    bytes[start + FRAME_BYTES] = to;
    bytes.writeUInt32LE(crc32(bytes.subarray(start + 8, end)), start + 4);
  }
  writeFileSync(path, bytes);
}

/** Every file below a directory with its bytes, to see that nothing was touched. */
export function snapshot(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((path) => [path, readFileSync(path).toString('base64')]));
}
