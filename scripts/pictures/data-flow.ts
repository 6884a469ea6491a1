import type { Box, Diagram } from './diagram.ts';
import { rooms, sourceOf } from './source.ts';

/** Rooms of `src` that no record passes: they start, hold together, explain, or are used by the others. */
const ASIDE = new Set(['diagnose', 'entry', 'facade', 'otel', 'start', 'support']);

interface Part extends Box {
  /** The rooms of `src` that do this. */
  readonly rooms: readonly string[];
}

const PARTS: readonly Part[] = [
  {
    id: 'application',
    title: 'Your application',
    notes: ['logChunkToQueue, logger.info,', 'any OpenTelemetry logger'],
    kind: 'around',
    rooms: ['write'],
  },
  {
    id: 'processor',
    title: 'sessions.processor',
    notes: ['finds the session, redacts,', 'stamps session.id'],
    kind: 'package',
    rooms: ['route', 'redact'],
  },
  { id: 'log', title: 'Session log', notes: ['in memory,', 'or in Redis'], kind: 'package', rooms: ['store'] },
  { id: 'file', title: 'Daily file', notes: ['text', 'or JSON'], kind: 'package', rooms: ['export'] },
  { id: 'spool', title: 'Spool', notes: ['on disk, until', 'acknowledged'], kind: 'package', rooms: ['export'] },
  { id: 'readers', title: 'Readers', notes: ['users’ pages,', 'your code'], kind: 'around', rooms: ['read', 'serve'] },
  { id: 'collector', title: 'Collector', notes: ['any exporter'], kind: 'around', rooms: ['export'] },
];

/** The way of a record. @throws Error when a room of `src` is neither here nor aside. */
export function dataFlow(): Diagram {
  const shown = new Set(PARTS.flatMap((part) => part.rooms));
  for (const room of rooms()) {
    if (!shown.has(room) && !ASIDE.has(room)) throw new Error(`src/${room} is not in the picture of the data flow`);
  }
  for (const room of shown)
    if (!rooms().includes(room)) throw new Error(`the picture of the data flow has src/${room}`);
  sourceOf('facade/session-logs.ts', 'logChunkToQueue', 'readonly processor: SessionLogRecordProcessor');
  return {
    description: 'The way of a record: from your application to the session log, and on to readers, file and collector',
    boxes: PARTS,
    arrows: [
      { from: 'application', to: 'processor', label: ['log record'] },
      { from: 'processor', to: 'log', label: ['entry'] },
      { from: 'processor', to: 'file', label: ['record'] },
      { from: 'processor', to: 'spool', label: ['record'] },
      { from: 'log', to: 'readers', label: ['live, resume', 'by cursor'] },
      { from: 'spool', to: 'collector', label: ['OTLP'] },
    ],
  };
}
