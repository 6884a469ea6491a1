import { ATTRIBUTE } from '../otel/names.ts';
import { isError } from '../support/errors.ts';
import { bodyToText, cutText, UNREADABLE } from './body.ts';
import { MAX_ERROR_TEXT } from './special-values.ts';

/** The most errors of one exception that are written: a chain of causes may be endless, or a circle. */
const MAX_ERRORS = 32;

/**
 * The attributes of an exception as the SDK writes them,
 * https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-logs/, with causes and inner errors in the stack
 * trace. Never throws, and bounds each text, because the SDK reads exceptions unguarded.
 */
export function exceptionAttributes(exception: unknown): Record<string, string> {
  const attributes: Record<string, string> = {};
  const { code, name, message } = partsOf(exception);
  const type = isGiven(code) ? code : name;
  if (isGiven(type)) attributes[ATTRIBUTE.exceptionType] = textOf(type);
  if (isGiven(message)) attributes[ATTRIBUTE.exceptionMessage] = textOf(message);
  const trace = stackTrace(exception);
  if (trace !== '') attributes[ATTRIBUTE.exceptionStacktrace] = trace;
  const isRead = Object.keys(attributes).length > 0;
  return isRead ? attributes : { [ATTRIBUTE.exceptionMessage]: textOf(exception) };
}

/** The parts of an exception, each read once, because getters and traps run the application's code. */
interface Parts {
  readonly code: unknown;
  readonly name: unknown;
  readonly message: unknown;
  readonly stack: unknown;
  readonly cause: unknown;
  readonly errors: unknown;
}

const PARTS = ['code', 'name', 'message', 'stack', 'cause', 'errors'] as const;

function partsOf(exception: unknown): Partial<Parts> {
  const parts: { -readonly [Key in keyof Parts]?: unknown } = {};
  if (typeof exception !== 'object' || exception === null) return parts;
  for (const key of PARTS) {
    try {
      parts[key] = (exception as Parts)[key];
    } catch {
      // Only this part is lost; say so if it is the message.
      if (key === 'message') parts.message = UNREADABLE;
    }
  }
  return parts;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== 0;
}

function textOf(value: unknown): string {
  return cutText(bodyToText(value), MAX_ERROR_TEXT);
}

/**
 * The stack, then `Caused by: ` with the stack of the cause, and so on; inner errors of an `AggregateError` follow as
 * `Inner error 1: `, indented. At most 32 errors and 64 Ki characters.
 */
function stackTrace(exception: unknown): string {
  const seen = new Set<unknown>();
  const blocks: string[] = [];
  let left = MAX_ERROR_TEXT;

  function tell(label: string, error: unknown, depth: number): void {
    for (let at = error, heading = label; isGiven(at); heading = 'Caused by: ') {
      if (left <= 0) return;
      if (seen.size === MAX_ERRORS) return put(`${heading}[Truncated]`, depth);
      if (typeof at === 'object' && seen.has(at)) return put(`${heading}[Circular]`, depth);
      seen.add(at);
      const parts = partsOf(at);
      const text = ownTrace(at, parts, heading === '');
      if (text !== '') put(heading + text, depth);
      if (Array.isArray(parts.errors)) tellInner(parts.errors, depth);
      at = parts.cause;
    }
  }

  function tellInner(errors: readonly unknown[], depth: number): void {
    for (let index = 0; index < errors.length && seen.size < MAX_ERRORS && left > 0; index += 1) {
      tell(`Inner error ${index + 1}: `, errors[index], depth + 1);
    }
  }

  function put(text: string, depth: number): void {
    const block = cutText(depth === 0 ? text : indented(text, depth), left);
    blocks.push(block);
    left -= block.length;
  }

  try {
    tell('', exception, 0);
  } catch {
    // A trap of the list of inner errors threw: keep what was written so far.
  }
  return blocks.join('\n');
}

/** The trace of this error alone, without causes. Its stack may lack name and message, if those were set later. */
function ownTrace(error: unknown, { name, message, stack }: Partial<Parts>, isFirst: boolean): string {
  if (!isGiven(stack)) {
    // Attributes of their own have the type and message of the first exception.
    if (isFirst) return '';
    if (!isError(error)) return textOf(error);
    return headline(name, message);
  }
  const trace = textOf(stack);
  const isTold = [name, message].every((part) => !isGiven(part) || trace.includes(textOf(part).slice(0, 1_000)));
  return isTold ? trace : `${headline(name, message)}\n${trace}`;
}

function headline(name: unknown, message: unknown): string {
  return [name, message].filter(isGiven).map(textOf).join(': ');
}

function indented(text: string, depth: number): string {
  const space = '    '.repeat(depth);
  return space + text.replaceAll('\n', `\n${space}`);
}
