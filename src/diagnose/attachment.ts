import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import { insideOf, processorsOf } from '../otel/provider-inside.ts';
import { innermost } from '../otel/inner-part.ts';
import { ownProviders } from '../otel/other-providers.ts';
import { RoutingLogRecordProcessor } from '../route/processor.ts';
import { SCOPE_NAME } from '../route/own-write.ts';

/** How deep a processor is searched for within others that hold it. */
const MAX_DEPTH = 4;
const MAX_OBJECTS = 1_000;

/**
 * Whether a provider's records reach a processor. It emits no record, which would reach the exporters: it searches the
 * processors that the provider shows, then asks the SDK whether it would take a record, which the SDK asks its
 * processors.
 */
export function leadsTo(provider: OtelLoggerProvider, processor: RoutingLogRecordProcessor): 'yes' | 'no' | 'unknown' {
  const processors = processorsOf(provider);
  if (processors !== undefined && isWithin(processors, processor)) return 'yes';
  if (isAsked(provider, processor)) return 'yes';
  if (processors === undefined) return 'unknown';
  // A processor of an unknown class may hold this one invisibly.
  return processors.every(isKnown) ? 'no' : 'unknown';
}

function isWithin(root: unknown, processor: object): boolean {
  const seen = new Set<unknown>();
  let level: unknown[] = [root];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const value of level) {
      if (value === processor) return true;
      if (typeof value !== 'object' || value === null || seen.has(value) || seen.size > MAX_OBJECTS) continue;
      seen.add(value);
      // Do not call getters, which are the application's code.
      for (const { value: member } of Object.values(Object.getOwnPropertyDescriptors(value))) next.push(member);
    }
    level = next;
  }
  return false;
}

/**
 * The processor of another instance (of any copy of this package) that the provider leads to, or that of a start if it
 * leads to none; `undefined` if none takes records.
 */
export function otherInstance(
  provider: OtelLoggerProvider | undefined,
  processor: RoutingLogRecordProcessor,
): { readonly processor: object; readonly isStarted: boolean } | undefined {
  const there = provider === undefined ? undefined : sessionProcessorIn(provider, processor);
  if (there !== undefined) return { processor: there, isStarted: false };
  for (const each of ownProviders()) {
    const started = sessionProcessorIn(each, processor);
    if (started !== undefined) return { processor: started, isStarted: true };
  }
  return undefined;
}

function sessionProcessorIn(provider: OtelLoggerProvider, except: object): object | undefined {
  const processors = (processorsOf(provider) ?? []).map(innermost);
  return processors.find((each): each is object => each !== except && isSessionProcessor(each) && each.enabled());
}

/** Checks the name too, because it may belong to another copy of this package. */
function isSessionProcessor(value: unknown): value is { enabled(): boolean } {
  if (value instanceof RoutingLogRecordProcessor) return true;
  if (typeof value !== 'object' || value === null || !('enabled' in value)) return false;
  return value.constructor?.name === 'SessionLogRecordProcessor' && typeof value.enabled === 'function';
}

/**
 * Whether the SDK asks this processor. The SDK asks one after the other until one wants the record, so an earlier one
 * may answer first.
 */
function isAsked(provider: OtelLoggerProvider, processor: RoutingLogRecordProcessor): boolean {
  if (insideOf(provider) === undefined) return false;
  let wasAsked = false;
  Object.defineProperty(processor, 'enabled', {
    configurable: true,
    value: () => {
      wasAsked = true;
      return false;
    },
  });
  try {
    const logger = provider.getLogger(SCOPE_NAME) as { enabled?(options: object): unknown };
    logger.enabled?.({});
  } finally {
    Reflect.deleteProperty(processor, 'enabled');
  }
  return wasAsked;
}

/** Classes of the SDK and of this package, none of which holds another instance's processor invisibly. */
const KNOWN = /^(?:Batch|Simple|Noop|Multi|EventToSpanEvent|Session|DateFile|Durable)\w*LogRecordProcessor\w*$/;

function isKnown(processor: unknown): boolean {
  return typeof processor === 'object' && processor !== null && KNOWN.test(processor.constructor?.name ?? '');
}
