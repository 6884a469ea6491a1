import { stdoutTerminal } from '../export/console/terminal.ts';
import type { PartFacts } from '../diagnose/subject.ts';
import type { OwnedPart } from '../facade/flush-and-shutdown.ts';
import type { SessionLogs } from '../facade/session-logs.ts';
import { newInstance } from '../facade/shared-session-logs.ts';
import { registerLoggerProvider } from '../otel/logs-api.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import type { LogsSdk } from '../otel/logs-sdk.ts';
import { noteOwnProvider } from '../otel/other-providers.ts';
import type { Resource } from '../otel/resource.ts';
import { messageOf } from '../support/errors.ts';
import { reporterFor } from '../support/reporter.ts';
import { nextMicrotask } from '../support/timers.ts';
import type { StreamHandler } from '../write/stream-handler.ts';
import { GatedLogRecordProcessor } from './gated-processor.ts';
import { OpenDestinations } from './open-destinations.ts';
import type { Peers } from './peers.ts';
import { signalEndings } from './signal-endings.ts';
import type { StartPlan } from './start-options.ts';

const reporter = reporterFor('start');

/**
 * Starts what is planned, synchronously: what `node --import` starts has to be ready before the application's first
 * line.
 *
 * @param destinations Opened here. They are discarded when this function throws, which takes a moment.
 */
export function startNow(
  plan: StartPlan,
  { sdk, exporter }: Peers,
  destinations: OpenDestinations = new OpenDestinations(),
): SessionLogs {
  const resource = sdk.createResource(plan.resource);
  try {
    destinations.open(plan, exporter);
    return assemble(plan, sdk, resource, destinations);
  } catch (error) {
    void destinations.discard();
    throw error;
  }
}

function assemble(plan: StartPlan, sdk: LogsSdk, resource: Resource, destinations: OpenDestinations): SessionLogs {
  const { store, redact, sessionIdKeys, sessionId, baggage, selfObsMeterProvider } = plan;
  const streamHandler = plan.streamHandler ?? (process.stdout.isTTY ? showChunk : false);
  const place = new ProcessPlace({
    problems: destinations.problems,
    endpoint: plan.endpoint,
    given: plan.exporter === undefined ? (plan.destinations.length === 0 ? undefined : '`destinations`') : '`exporter`',
    isGlobal: plan.registerGlobally,
  });
  const instance = newInstance();
  const { sessions } = instance;
  refuseOwnProcessor(plan, sessions);
  const provider = new sdk.LoggerProvider({
    resource,
    processors: [
      new GatedLogRecordProcessor(
        sessions.processor,
        destinations.list.filter(({ isFed = true }) => isFed),
      ),
    ],
  });
  noteOwnProvider(provider);
  const loggerProvider = (): OtelLoggerProvider => provider;
  instance.take(
    {
      store,
      redact,
      sessionIdKeys,
      sessionId,
      baggage,
      selfObsMeterProvider,
      streamHandler,
      loggerProvider,
      // A destination of the application may answer too, and may get records that the export leaves out.
      durable: destinations.list.find(({ delivery }) => delivery !== undefined)?.delivery,
    },
    [...destinations.owned, place],
  );
  place.take(sessions, plan.registerGlobally ? provider : undefined);
  if (plan.shutdownOnSignal) place.endOnSignal(sessions);
  return sessions;
}

/** Its processor would get each record twice. */
function refuseOwnProcessor({ destinations }: StartPlan, sessions: SessionLogs): void {
  const index = destinations.findIndex(({ processor }) => processor === sessions.processor);
  if (index === -1) return;
  throw new TypeError(
    `startSessionLogs: expected \`destinations.${index}.processor\` to be a processor other than that of sharedSessionLogs(), ` +
      'which is the instance being started',
  );
}

/** Chunks beside each other on a terminal. */
const showChunk: StreamHandler = (message, sessionId) => stdoutTerminal().chunk(message, sessionId);

/** Nothing else reports what was lost: the process ends by itself, with code 0, or by the signal. */
function tellIncomplete(error: unknown): void {
  reporter.announce(`the shutdown at the end of the process did not complete: ${messageOf(error)}`);
}

/** Who made the provider of an instance the global one. */
const places = new WeakMap<SessionLogs, ProcessPlace>();

/** What a started instance sets in its process: the hook at the end, and perhaps the global provider. */
class ProcessPlace implements OwnedPart {
  readonly name = "the process's hooks";
  readonly facts: PartFacts;
  #onBeforeExit: (() => void) | undefined = undefined;
  #unregister: (() => void) | undefined = undefined;
  #onShutdown: (() => void) | undefined = undefined;

  constructor(facts: PartFacts) {
    this.facts = facts;
  }

  take(sessions: SessionLogs, globalProvider: OtelLoggerProvider | undefined): void {
    this.#onBeforeExit = () => {
      sessions.shutdown().catch(tellIncomplete);
    };
    process.once('beforeExit', this.#onBeforeExit);
    if (globalProvider === undefined) return;
    // A start that left its instance to this one leaves its place as well.
    places.get(sessions)?.leaveGlobal();
    places.set(sessions, this);
    this.#unregister = registerLoggerProvider(globalProvider);
    if (this.#unregister === undefined) {
      reporter.announce(
        'another logger provider is already the global one, so that records of other loggers do not arrive here: start before its SDK does, ' +
          'or put `sharedSessionLogs().processor` into its `logRecordProcessors` and leave `registerGlobally` out',
      );
    }
  }

  leaveGlobal(): void {
    this.#unregister?.();
  }

  endOnSignal(sessions: SessionLogs): void {
    const ending = (): Promise<void> => sessions.shutdown().catch(tellIncomplete);
    signalEndings().add(ending);
    this.#onShutdown = () => {
      // Only when everything else is shut down too: until then a signal has to wait for it.
      nextMicrotask(() => void Promise.allSettled([sessions.shutdown()]).then(() => signalEndings().remove(ending)));
    };
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    stdoutTerminal().flush();
    this.#onShutdown?.();
    if (this.#onBeforeExit !== undefined) process.off('beforeExit', this.#onBeforeExit);
    this.leaveGlobal();
    return Promise.resolve();
  }

  lost(): Record<string, number> {
    return {};
  }
}
