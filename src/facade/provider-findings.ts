import { MAX_SESSION_ID_LENGTH } from '../entry/session-id.ts';
import { environmentValue } from '../otel/environment.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import { SCOPE_NAME } from '../route/own-write.ts';
import { messageOf } from '../support/errors.ts';
import type { Finding } from './finding.ts';
import type { SessionLogRecordProcessor } from './session-processor.ts';

/** What is looked at in the logger provider. */
export interface ProviderSubject {
  readonly processor: SessionLogRecordProcessor;
  /** Of the application, so it may throw. */
  readonly provider: () => OtelLoggerProvider | undefined;
  /** Emits a record through the provider, and answers whether it came to the processor. */
  readonly probe: () => boolean;
}

/** What is wrong with the logger provider, and with the place of our processor in it. */
export function findInProvider(subject: ProviderSubject): Finding[] {
  let provider: OtelLoggerProvider | undefined;
  try {
    provider = subject.provider();
  } catch (error) {
    return [
      {
        code: 'no_provider',
        problem: `the function that is the option \`loggerProvider\` throws: ${messageOf(error)}; chunks go into the queues only`,
        fix: 'let it return a logger provider, or `undefined` as long as there is none',
      },
    ];
  }
  return provider === undefined ? findNone() : findInside(subject, provider);
}

function findNone(): Finding[] {
  return [
    {
      code: 'no_provider',
      problem: 'no logger provider is registered: chunks go into the queues only, and other loggers nowhere',
      fix: 'start your SDK with `logRecordProcessors: [sessions.processor, ...]`, pass `loggerProvider`, or use startSessionLogs({ registerGlobally: true })',
    },
    ...findConfigFile(),
  ];
}

function findInside({ processor, probe }: ProviderSubject, provider: OtelLoggerProvider): Finding[] {
  const isAttached = probe();
  const rules = findRules(provider);
  // A rule that stops the probe says nothing about the processors.
  if (!isAttached && !stopsOwnRecords(provider)) return [NOT_ATTACHED, ...findConfigFile(), ...rules];
  return [...rules, ...findOrder(processor, provider), ...findLimits(provider)];
}

const NOT_ATTACHED: Finding = {
  code: 'not_attached',
  problem: "the provider's processors do not include this instance's processor, or it is shut down",
  fix: 'put `sessions.processor` into the provider: `logRecordProcessors` (a list) of NodeSDK, `processors` of LoggerProvider',
};

function findConfigFile(): Finding[] {
  if (environmentValue('OTEL_CONFIG_FILE') === undefined) return [];
  return [
    {
      code: 'config_file',
      problem:
        'OTEL_CONFIG_FILE is set: an SDK that is started from that file knows the batch and the simple processor only, and ignores processors that the program gives it',
      fix: 'leave `logger_provider` out of the file and call startSessionLogs({ registerGlobally: true }) before the SDK starts, or start a NodeSDK with `logRecordProcessors`, which does not read the file',
    },
  ];
}

/** What a rule of the SDK (`loggerConfigurator`) says of a logger; the older line says `disabled`, the newer `enabled`. */
interface LoggerRule {
  readonly enabled?: boolean;
  readonly disabled?: boolean;
  readonly minimumSeverity?: number;
  readonly traceBased?: boolean;
}

/** Both SDK lines keep the parts of a provider here; where a later one does not, nothing can be said. */
interface ProviderInside {
  readonly _sharedState?: {
    readonly processors?: readonly unknown[];
    readonly registeredLogRecordProcessors?: readonly unknown[];
    readonly logRecordLimits?: { readonly attributeValueLengthLimit?: number };
    readonly loggers?: ReadonlyMap<
      string,
      { readonly _instrumentationScope?: { readonly name?: string }; readonly _loggerConfig?: LoggerRule }
    >;
  };
}

function insideOf(provider: OtelLoggerProvider): ProviderInside['_sharedState'] {
  const delegate = (provider as { _getDelegate?: () => unknown })._getDelegate?.() ?? provider;
  return (delegate as ProviderInside)._sharedState;
}

function rulesOf(provider: OtelLoggerProvider): readonly (readonly [name: string, rule: LoggerRule])[] {
  const loggers = [...(insideOf(provider)?.loggers?.values() ?? [])];
  return loggers.map((logger) => [logger._instrumentationScope?.name ?? 'unknown', logger._loggerConfig ?? {}]);
}

function isOff({ enabled, disabled }: LoggerRule): boolean {
  return enabled === false || disabled === true;
}

function stopsOwnRecords(provider: OtelLoggerProvider): boolean {
  return rulesOf(provider).some(([name, rule]) => name === SCOPE_NAME && isOff(rule));
}

function findRules(provider: OtelLoggerProvider): Finding[] {
  const stopped = rulesOf(provider).flatMap(([name, rule]) =>
    whatIsStopped(rule).map((what) => `${what} of "${name}"`),
  );
  if (stopped.length === 0) return [];
  return [
    {
      code: 'logger_rules',
      problem: `rules of the provider stop records before any processor gets them: ${stopped.join(', ')}`,
      fix: 'change the rules for these loggers in `loggerConfigurator` of the provider, if such records shall be in sessions and exports',
    },
  ];
}

function whatIsStopped(rule: LoggerRule): string[] {
  if (isOff(rule)) return ['all records'];
  const { minimumSeverity = 0, traceBased = false } = rule;
  return [
    ...(minimumSeverity > 0 ? [`records below severity ${minimumSeverity}`] : []),
    ...(traceBased ? ['records in traces that are not sampled'] : []),
  ];
}

function findLimits(provider: OtelLoggerProvider): Finding[] {
  const limit = insideOf(provider)?.logRecordLimits?.attributeValueLengthLimit ?? Infinity;
  // The SDK ignores a limit of 0 or less.
  if (limit <= 0 || limit > MAX_SESSION_ID_LENGTH) return [];
  return [
    {
      code: 'attribute_limits',
      problem: `the SDK cuts attribute values at ${limit} characters: longer session ids of other loggers become one session when their beginnings are alike, and exporters get every longer id cut`,
      fix: `raise OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, or \`logRecordLimits.attributeValueLengthLimit\` of the provider, above ${MAX_SESSION_ID_LENGTH}, or keep session ids shorter than ${limit} characters`,
    },
  ];
}

function findOrder(processor: SessionLogRecordProcessor, provider: OtelLoggerProvider): Finding[] {
  const state = insideOf(provider);
  const processors = state?.processors ?? state?.registeredLogRecordProcessors ?? [];
  const index = processors.indexOf(processor);
  const earlier = processors.slice(0, Math.max(0, index)).filter(isExporting);
  if (earlier.length === 0) return [];
  const names = earlier.map((each) => each.constructor.name).join(', ');
  return [
    {
      code: 'processor_order',
      problem: `${names} stands before the session processor: what it exports has no \`session.id\` stamp and is not redacted`,
      fix: 'put `sessions.processor` first in the list',
    },
  ];
}

function isExporting(processor: unknown): processor is object {
  if (typeof processor !== 'object' || processor === null) return false;
  return '_exporter' in processor || /Batch|Simple|Export|Durable|Coalescing|DateFile/.test(processor.constructor.name);
}
