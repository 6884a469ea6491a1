import { ATTRIBUTE, isControlKind, kindOfEventName, OWN_PREFIX, tokenOf } from '../formats.ts';
import type { EntryKind } from '../formats.ts';
import type { Role } from './block.ts';
import type { LogData } from './log-data.ts';
import { boundedText, toText } from './value.ts';
import type { Attributes, Value } from './value.ts';

/** The events of OpenTelemetry's GenAI conventions that are messages of a conversation. */
const ROLES: ReadonlyMap<string, Role> = new Map([
  ['gen_ai.user.message', 'user'],
  ['gen_ai.system.message', 'system'],
  ['gen_ai.assistant.message', 'assistant'],
  ['gen_ai.choice', 'assistant'],
  ['gen_ai.tool.message', 'tool'],
]);

const ROLE_NAMES: readonly Role[] = ['user', 'system', 'assistant', 'tool'];

/** The lowest severity number of an error. */
export const ERROR_SEVERITY = 17;

/** What a record is, by the rules that the main package has for its readers. They suit records from other languages too. */
export function kindOf(data: LogData): EntryKind {
  return kindOfEventName(eventNameOf(data));
}

/** Whether a record is chat: by its attribute; without one, a severity or an event that is no part of a chat makes it a log. */
export function isChatRecord(data: LogData): boolean {
  const type = data.attributes[ATTRIBUTE.logType];
  if (type === 'chat' || type === 'log') return type === 'chat';
  if (data.severityNumber !== 0) return false;
  const name = eventNameOf(data);
  return name === '' || name.startsWith(OWN_PREFIX) || ROLES.has(name);
}

/** Who says it: by an event of the GenAI conventions, or else by the attribute `role`, which a chunk can have. */
export function roleOf(data: LogData): Role | undefined {
  return ROLES.get(eventNameOf(data)) ?? ROLE_NAMES.find((name) => name === data.attributes['role']);
}

/** The field of OTLP, or else the attribute that came before it. */
function eventNameOf({ eventName, attributes }: LogData): string {
  if (eventName !== '') return eventName;
  const name = attributes['event.name'];
  return typeof name === 'string' ? name : '';
}

export function textOf(data: LogData, kind: EntryKind): string {
  return (isControlKind(kind) ? tokenOf(kind) : undefined) ?? messageText(data);
}

/** A message of the GenAI conventions has its text in a field of its body, and a choice in the message of its body. */
function messageText({ body }: LogData): string {
  for (const message of [body, fieldOf(body, 'message')]) {
    const content = fieldOf(message, 'content');
    if (typeof content === 'string') return content;
  }
  return boundedText(toText(body));
}

function fieldOf(value: Value | undefined, name: string): Value | undefined {
  return typeof value === 'object' && value !== null && name in value ? (value as Attributes)[name] : undefined;
}

export function finishReasonsOf(data: LogData): readonly string[] {
  const reasons = data.attributes[ATTRIBUTE.finishReasons] ?? choiceReason(data);
  if (typeof reasons === 'string') return [reasons];
  return Array.isArray(reasons) ? reasons.filter((reason): reason is string => typeof reason === 'string') : [];
}

/** A choice of the GenAI conventions has one in its body. */
function choiceReason(data: LogData): Value | undefined {
  return eventNameOf(data) === 'gen_ai.choice' ? fieldOf(data.body, 'finish_reason') : undefined;
}

/** How many tokens a chunk stands for: a merged record has the number of its chunks. */
export function chunksOf({ attributes }: LogData): number {
  const count = attributes[ATTRIBUTE.chunkCount];
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 1;
}
