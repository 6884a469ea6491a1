import type { Arrow, Box, Diagram } from './diagram.ts';
import { numberIn, sourceOf } from './source.ts';

const MIB = 1024 * 1024;
const SEGMENT_MIB = numberIn('export/spool/segment.ts', 'MAX_SEGMENT_BYTES') / MIB;
const MEMORY_MIB = numberIn('export/spool/spool.ts', 'MAX_MEMORY_BYTES') / MIB;
const SILENT_SECONDS = numberIn('export/spool/owner-watch.ts', 'SILENCE_MILLIS') / 1000;

/** The name of a file, which fits a box, when it is there and has that name in it. */
const file = (path: string, name: string): string => sourceOf(`export/${path}`, name).split('/').at(-1) ?? path;

const BOXES: readonly Box[] = [
  {
    id: 'records',
    title: 'Records',
    notes: ['of one turn of the event loop'],
    kind: 'around',
  },
  {
    id: 'memory',
    title: 'In memory',
    notes: [`while the disk fails,`, `up to ${MEMORY_MIB} MiB`],
    kind: 'package',
    source: file('spool/memory-segment.ts', 'class MemorySegment'),
  },
  {
    id: 'written',
    title: 'Written',
    notes: ['a frame at the end', 'of each turn'],
    kind: 'package',
    source: file('spool/file-segment.ts', 'class FileSegment'),
  },
  {
    id: 'sealed',
    title: 'Sealed',
    notes: [`at ${SEGMENT_MIB} MiB, or to be`, 'sent: a new file begins'],
    kind: 'package',
    source: file('spool/spool.ts', 'sealWritten'),
  },
  {
    id: 'shipped',
    title: 'Shipped',
    notes: ['in batches; .ack has', 'how far it got'],
    kind: 'package',
    source: file('delivery/shipper.ts', 'class Shipper'),
  },
  {
    id: 'adopted',
    title: 'Taken over',
    notes: ['by another process', 'on this directory'],
    kind: 'package',
    source: file('spool/dead-owners.ts', 'takeOver'),
  },
  {
    id: 'dropped',
    title: 'Dropped',
    notes: ['the oldest first,', 'counted in lost'],
    kind: 'loss',
  },
  {
    id: 'deleted',
    title: 'Deleted',
    notes: ['the file is gone'],
    kind: 'package',
    source: file('spool/segment-queue.ts', 'sweep'),
  },
  {
    id: 'dead',
    title: 'dead/',
    notes: ['records that the', 'collector rejected'],
    kind: 'loss',
  },
];

const ARROWS: readonly Arrow[] = [
  { from: 'records', to: 'written' },
  { from: 'records', to: 'memory', label: ['disk full'], isDashed: true },
  { from: 'memory', to: 'sealed', label: ['disk is back'], isDashed: true },
  { from: 'written', to: 'sealed' },
  { from: 'sealed', to: 'shipped' },
  { from: 'sealed', to: 'dropped', label: ['beyond', 'maxBytes'], isDashed: true },
  { from: 'shipped', to: 'deleted', label: ['settled'] },
  { from: 'shipped', to: 'dead', label: ['rejected'], isDashed: true },
  {
    from: 'written',
    to: 'adopted',
    label: ['process dead:', 'no socket, or', `${SILENT_SECONDS} s silent`],
    isDashed: true,
  },
  { from: 'adopted', to: 'shipped' },
];

/** What becomes of a file of the spool. */
export function spoolLife(): Diagram {
  sourceOf('export/spool/segment-queue.ts', 'sealed and settled');
  return {
    description:
      'The life of a segment of the spool: written, sealed, shipped, deleted; or taken over by another process',
    boxes: BOXES,
    arrows: ARROWS,
  };
}
