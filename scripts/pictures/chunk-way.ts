import type { Arrow, Box, Diagram } from './diagram.ts';
import { sourceOf } from './source.ts';

const ARROWS: readonly Arrow[] = [
  { from: 'call', to: 'writer' },
  { from: 'writer', to: 'provider', label: ['emit, synchronous'] },
  { from: 'provider', to: 'router', label: ['onEmit'] },
  { from: 'provider', to: 'behind', label: ['onEmit'] },
  { from: 'router', to: 'store', label: ['append'] },
  { from: 'store', to: 'reader', label: ['wakes who waits'] },
  { from: 'reader', to: 'events', label: ['for await'] },
  { from: 'events', to: 'browser', label: ['id, data'] },
  {
    from: 'browser',
    to: 'reader',
    label: ['Last-Event-ID', 'after a cut:', 'a new reader,', 'after that id'],
    isDashed: true,
    isBack: true,
  },
];

/** The way of a chunk, with the file that does each step. */
export function chunkWay(): Diagram {
  return {
    description: 'The way of a chunk: from logChunkToQueue through writer, router, store and reader to a browser',
    boxes: boxes(),
    arrows: ARROWS,
  };
}

function boxes(): Box[] {
  return [
    {
      id: 'call',
      title: 'logChunkToQueue(text, id)',
      notes: ['checks what it is given'],
      kind: 'around',
      source: sourceOf('facade/session-logs.ts', 'logChunkToQueue('),
    },
    {
      id: 'writer',
      title: 'Writer',
      notes: ['redacts the text as one answer,', 'makes a log record of it'],
      kind: 'package',
      source: sourceOf('write/writer.ts', 'class SessionWriter', 'emitOwnWrite('),
    },
    {
      id: 'provider',
      title: 'Logger provider',
      notes: ['yours, or that of startSessionLogs'],
      kind: 'around',
    },
    {
      id: 'router',
      title: 'Router',
      notes: ['which session?', 'stamps session.id'],
      kind: 'package',
      source: sourceOf('route/router.ts', 'class SessionRouter', '.append('),
    },
    {
      id: 'store',
      title: 'Session store',
      notes: ['appends an entry with an id;', 'counts what a bound evicts'],
      kind: 'package',
      source: sourceOf('store/session-store.ts', 'interface SessionStore', 'append('),
    },
    {
      id: 'behind',
      title: 'Processors behind',
      notes: ['daily file, export'],
      kind: 'around',
    },
    {
      id: 'reader',
      title: 'Reader',
      notes: ['one for each connection,', 'at its own pace'],
      kind: 'package',
      source: sourceOf('read/reader.ts', 'class SessionReader', 'next('),
    },
    {
      id: 'events',
      title: 'Event stream',
      notes: ['an event for each entry,', 'with the entry’s id'],
      kind: 'package',
      source: sourceOf('serve/event-format.ts', 'function entryEvent'),
    },
    { id: 'browser', title: 'Browser', notes: ['EventSource'], kind: 'around' },
  ];
}
