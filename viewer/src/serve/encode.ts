import { ATTRIBUTE } from '../formats.ts';
import { chunksOf } from '../model/entry.ts';
import type { Block, Entry, Part } from '../model/block.ts';
import { toUnixNano } from '../model/log-data.ts';
import type { Session } from '../model/session.ts';
import type { SessionModel } from '../model/session-model.ts';
import { MAX_TEXT, toJson, toText } from '../model/value.ts';
import type { Attributes } from '../model/value.ts';
import type { BlockChange, BlockDetail, BlockQuery, EntryDetail, PartText, SessionRow } from './protocol.ts';
import { wholeSlice, withoutMiddle } from './text-slice.ts';

/** Longest text of a message or a log in a conversation, in UTF-16 units. A longer one loses its middle, except in the detail. */
export const MAX_SHOWN: number = 64 * 1024;
/** Longest name, or message of an exception: each change of a block repeats it. */
const MAX_LABEL = 1_024;
const MAX_REASONS = 16;

export function sessionRow(session: Session, nowMillis: number): SessionRow {
  const { delivered } = session;
  return {
    key: session.key,
    name: session.name,
    kind: session.kind,
    state: session.stateAt(nowMillis),
    services: [...session.services],
    sources: [...session.sources],
    firstMillis: Number.isFinite(session.firstMillis) ? session.firstMillis : session.activeMillis,
    lastMillis: session.lastMillis,
    activeMillis: session.activeMillis,
    entries: session.entries.length,
    errors: session.errors,
    chunks: session.chunks,
    inputTokens: session.inputTokens,
    outputTokens: session.outputTokens,
    openAnswers: session.openAnswers,
    trimmed: session.trimmed,
    missing: session.missing,
    ...(delivered === undefined ? {} : { delivered }),
  };
}

/** Whether the query lets a block through. Gaps and ends always pass: they are about the session. */
export function isShown(block: Block, { logType, minimumSeverity }: BlockQuery): boolean {
  if (block.type === 'gap' || block.type === 'end') return true;
  if (block.type !== 'log') return logType !== 'log';
  return logType !== 'chat' && (block.entries[0]?.data.severityNumber ?? 0) >= minimumSeverity;
}

/** The block, or only what it gained after the cursor. @param maxChars The most characters of each text, except in an answer. */
export function blockChange(block: Block, afterSeq = 0, maxChars: number = MAX_SHOWN): BlockChange {
  const { entries } = block;
  const from = afterSeq === 0 ? 0 : firstAfter(entries, afterSeq);
  const isNew = from === 0;
  const first = entries[0];
  const last = entries.at(-1);
  const parts = partsOf(entries, from, block.type === 'answer' ? MAX_TEXT : maxChars);
  const startsPart = !isNew && parts.length > 0 && hasMarkBeforeText(entries, from);
  return {
    id: block.id,
    ...(isNew ? { isNew } : {}),
    type: block.type,
    ...(block.role === undefined ? {} : { role: block.role }),
    ...(block.streamId === undefined ? {} : { streamId: label(block.streamId) }),
    ...(block.isContinued ? { isContinued: true } : {}),
    millis: block.millis,
    lastMillis: last?.millis ?? block.millis,
    isOpen: block.isOpen,
    isFailed: block.isFailed,
    ...(block.finishReasons.length === 0
      ? {}
      : { finishReasons: block.finishReasons.slice(0, MAX_REASONS).map(label) }),
    ...(startsPart ? { startsPart } : {}),
    parts,
    entries: entries.length,
    seq: last?.seq ?? block.changedAt,
    ...(isNew && first !== undefined ? headOf(first) : {}),
    ...(block.type === 'gap' ? { missing: block.missing, reason: block.reason } : {}),
  };
}

/** The index of the first entry after the cursor. */
export function firstAfter(entries: readonly Entry[], seq: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Joins consecutive texts of one part. A mark separates them, though it is not sent itself. */
function partsOf(entries: readonly Entry[], from: number, maxChars: number): PartText[] {
  const parts: PartText[] = [];
  let open: { part: Exclude<Part, 'mark'>; texts: string[]; millis: number } | undefined;
  const close = (): void => {
    if (open !== undefined)
      parts.push({ part: open.part, text: withoutMiddle(open.texts.join(''), maxChars), millis: open.millis });
    open = undefined;
  };
  for (let at = from; at < entries.length; at += 1) {
    const { part, text, millis } = entries[at] as Entry;
    if (part === 'mark') {
      close();
      continue;
    }
    if (open?.part !== part) {
      close();
      open = { part, texts: [], millis };
    }
    open.texts.push(text);
  }
  close();
  return parts;
}

/** Whether a mark separates the first text from there on from the text before it. */
function hasMarkBeforeText(entries: readonly Entry[], from: number): boolean {
  if (entries[from - 1]?.part === 'mark') return true;
  return entries[from]?.part === 'mark';
}

function label(text: string): string {
  return text.length <= MAX_LABEL ? text : `${wholeSlice(text, 0, MAX_LABEL)}…`;
}

function headOf({ data }: Entry): Partial<BlockChange> {
  const type = data.attributes[ATTRIBUTE.exceptionType];
  const message = data.attributes[ATTRIBUTE.exceptionMessage];
  const exception = [type, message]
    .map((part) => (typeof part === 'string' ? part : ''))
    .filter((part) => part !== '')
    .join(': ');
  return {
    ...(data.severityNumber === 0 ? {} : { severityNumber: data.severityNumber }),
    ...(data.severityText === '' ? {} : { severityText: label(data.severityText) }),
    ...(data.eventName === '' ? {} : { eventName: label(data.eventName) }),
    ...(data.traceId === '' ? {} : { traceId: data.traceId }),
    ...(exception === '' ? {} : { exception: label(exception) }),
  };
}

export function entryDetail(entry: Entry, session: Session, model: SessionModel): EntryDetail {
  const { data } = entry;
  const { origin, attributes } = data;
  const exception = exceptionOf(attributes);
  return {
    seq: entry.seq,
    session: session.key,
    block: entry.block.id,
    kind: entry.kind,
    logType: entry.isChat ? 'chat' : 'log',
    text: entry.text,
    millis: entry.millis,
    timeUnixNano: toUnixNano(data),
    observedTimeUnixNano: toUnixNano({ millis: data.observedMillis, nanos: data.observedNanos }),
    severityNumber: data.severityNumber,
    severityText: data.severityText,
    eventName: data.eventName,
    traceId: data.traceId,
    spanId: data.spanId,
    flags: data.flags,
    body: toJson(data.body),
    attributes: toJson(attributes),
    droppedAttributes: data.droppedAttributes,
    resource: toJson(origin.resource),
    scope: { name: origin.scopeName, version: origin.scopeVersion, attributes: toJson(origin.scopeAttributes) },
    ...(exception === undefined ? {} : { exception }),
    source: model.sources[entry.source]?.name ?? '',
  };
}

function exceptionOf(attributes: Attributes): EntryDetail['exception'] {
  const [type, message, stacktrace] = [
    ATTRIBUTE.exceptionType,
    ATTRIBUTE.exceptionMessage,
    ATTRIBUTE.exceptionStacktrace,
  ].map((name) => attributes[name]);
  if (type === undefined && message === undefined && stacktrace === undefined) return undefined;
  return { type: toText(type ?? ''), message: toText(message ?? ''), stacktrace: toText(stacktrace ?? '') };
}

/** Most chunks of a timeline. Of a longer answer, it has the first and the last ones. */
const MAX_TIMELINE = 20_000;

export function blockDetail(block: Block, session: Session, model: SessionModel): BlockDetail {
  const { entries } = block;
  const first = entries[0];
  const chunks = entries.filter((entry) => entry.kind === 'text');
  const kept =
    chunks.length <= MAX_TIMELINE ? chunks : [...chunks.slice(0, MAX_TIMELINE / 2), ...chunks.slice(-MAX_TIMELINE / 2)];
  const start = first?.millis ?? 0;
  return {
    block: blockChange(block, 0, MAX_TEXT),
    timeline: kept.map(({ seq, millis, text }) => [seq, millis - start, text.length] as const),
    ...(block.type === 'answer' ? paceOf(chunks, first) : {}),
    ...(first === undefined ? {} : { entry: entryDetail(first, session, model) }),
  };
}

function paceOf(chunks: readonly Entry[], first: Entry | undefined): Partial<BlockDetail> {
  const [begin, end] = [chunks[0], chunks.at(-1)];
  if (begin === undefined || end === undefined || first === undefined) return {};
  let longest = 0;
  for (let at = 1; at < chunks.length; at += 1) {
    longest = Math.max(longest, (chunks[at]?.millis ?? 0) - (chunks[at - 1]?.millis ?? 0));
  }
  const told = begin.data.attributes[ATTRIBUTE.timeToFirstChunk];
  const millis = end.millis - begin.millis;
  const tokens = chunks.reduce((sum, { data }) => sum + chunksOf(data), 0);
  return {
    // A record merged from chunks has it. For an answer that began with a mark, it is the time since then.
    ...(typeof told === 'number' ? { timeToFirstTokenMillis: Math.round(told * 1_000) } : {}),
    ...(typeof told !== 'number' && first.kind === 'stream-start'
      ? { timeToFirstTokenMillis: Math.max(0, begin.millis - first.millis) }
      : {}),
    ...(millis > 0 ? { tokensPerSecond: (tokens * 1_000) / millis } : {}),
    ...(chunks.length > 1 ? { longestPauseMillis: longest } : {}),
  };
}
