/** Marks the start of a streamed answer. */
export const STREAM_START_TOKEN = '<start>';
/** Marks the end of a streamed answer. */
export const STREAM_END_TOKEN = '</end>';
/** Marks the start of a model's reasoning. */
export const REASONING_START_TOKEN = '<think>';
/** Marks the end of a model's reasoning. */
export const REASONING_STOP_TOKEN = '</think>';
/** Marks the start of a tool call. */
export const TOOL_CALL_START_TOKEN = '<tool>';
/** Marks the end of a tool call. */
export const TOOL_CALL_END_TOKEN = '</tool>';

/** All six stream tokens. */
export const SPECIAL_TOKENS: readonly string[] = Object.freeze([
  STREAM_START_TOKEN,
  STREAM_END_TOKEN,
  REASONING_START_TOKEN,
  REASONING_STOP_TOKEN,
  TOOL_CALL_START_TOKEN,
  TOOL_CALL_END_TOKEN,
]);

/** The tokens that close the answer or the reasoning, which people read. */
export const SPECIAL_END_TOKENS: readonly string[] = Object.freeze([STREAM_END_TOKEN, REASONING_STOP_TOKEN]);

/** All entry kinds, for schemas and checks. */
export const ENTRY_KINDS = [
  'text',
  'stream-start',
  'stream-end',
  'reasoning-start',
  'reasoning-stop',
  'tool-call-start',
  'tool-call-end',
  'error',
] as const;

/** The kind of an entry. Control is a kind, never found by searching text. */
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** The kinds that mark a place in an answer; each has a token. */
export type ControlKind = Exclude<EntryKind, 'text' | 'error'>;

/** The kinds by the event name that a record has for them; a text chunk has none. */
const EVENT_NAMES: ReadonlyMap<string, Exclude<EntryKind, 'text'>> = new Map([
  ['session_logs.stream_start', 'stream-start'],
  ['session_logs.stream_end', 'stream-end'],
  ['session_logs.reasoning_start', 'reasoning-start'],
  ['session_logs.reasoning_stop', 'reasoning-stop'],
  ['session_logs.tool_call_start', 'tool-call-start'],
  ['session_logs.tool_call_end', 'tool-call-end'],
  ['session_logs.error', 'error'],
]);

const KIND_BY_TOKEN: ReadonlyMap<string, ControlKind> = new Map([
  [STREAM_START_TOKEN, 'stream-start'],
  [STREAM_END_TOKEN, 'stream-end'],
  [REASONING_START_TOKEN, 'reasoning-start'],
  [REASONING_STOP_TOKEN, 'reasoning-stop'],
  [TOOL_CALL_START_TOKEN, 'tool-call-start'],
  [TOOL_CALL_END_TOKEN, 'tool-call-end'],
]);
const TOKEN_BY_KIND: ReadonlyMap<EntryKind, string> = new Map([...KIND_BY_TOKEN].map(([token, kind]) => [kind, token]));

const LONGEST_TOKEN = Math.max(...SPECIAL_TOKENS.map((token) => token.length));

/** The control kind whose token equals the message, else `undefined`: a token inside a longer text is text. */
export function controlKindOf(message: string): ControlKind | undefined {
  // The first character decides for nearly every message; only candidates reach the map.
  if (message.charCodeAt(0) !== 60 /* < */ || message.length > LONGEST_TOKEN) return undefined;
  return KIND_BY_TOKEN.get(message);
}

/** The token of a control kind, `undefined` for `text` and `error`. */
export function tokenOf(kind: EntryKind): string | undefined {
  return TOKEN_BY_KIND.get(kind);
}

/** Whether the kind is control: neither text nor an error. */
export function isControlKind(kind: EntryKind): kind is ControlKind {
  return kind !== 'text' && kind !== 'error';
}

/** All control kinds, for checks. */
export const CONTROL_KINDS: readonly ControlKind[] = ENTRY_KINDS.filter(isControlKind);

const EVENT_NAME_BY_KIND: ReadonlyMap<EntryKind, string> = new Map(
  [...EVENT_NAMES].map(([name, kind]) => [kind, name]),
);

/** The event name that carries a kind on the wire; `undefined` for text. */
export function eventNameOf(kind: EntryKind): string | undefined {
  return EVENT_NAME_BY_KIND.get(kind);
}

/** The kind that an event name carries; `text` for every other name. */
export function kindOfEventName(name: string | undefined): EntryKind {
  return (name === undefined ? undefined : EVENT_NAMES.get(name)) ?? 'text';
}
