import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { DateFileLogRecordProcessor } from '../../src/export.ts';
import { SessionLogs, withSession } from '../../src/index.ts';
import type { LogType } from '../../src/index.ts';
import { collect } from '../support/collect.ts';
import { bytesBelow, NOON } from '../support/daily-file.ts';
import { runs } from '../support/properties.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import type { SdkLine } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

// Attribute sets of any size, limits, loggers, sessions and nested emits against a model: which session and log type,
// and what reaches a browser, the daily file and the exporter.

type Provider = InstanceType<SdkLine['sdk']['LoggerProvider']>;
type Processor = NonNullable<
  NonNullable<ConstructorParameters<SdkLine['sdk']['LoggerProvider']>[0]>['processors']
>[number];

const SECRET = 'secret';
const MASK = '******';
const LONG = 'user-0000-0000-0000-0000-0000000';
/** Two that are alike in 32 characters, short ones, and one with a name that objects have. */
const SESSIONS = [`${LONG}-1`, `${LONG}-2`, 's', 'other', '__proto__'] as const;

interface Emit {
  /** Who logs: a chunk or a leveled log of ours, or another logger with the id as an attribute or by its surroundings. */
  readonly by: 'chunk' | 'level' | 'attribute' | 'surroundings';
  readonly session: number;
  readonly attributes: number;
  readonly logType: LogType | undefined;
  readonly streamId: string | undefined;
  readonly provider: 'ours' | 'other' | 'none';
  readonly hasSecret: boolean;
  /** Logged by a processor while it handles this one, before our processor or after it. */
  readonly before: Emit | undefined;
  readonly after: Emit | undefined;
}

const emits = fc.letrec<{ emit: Emit }>((tie) => ({
  emit: fc.record({
    by: fc.constantFrom('chunk', 'level', 'attribute', 'surroundings'),
    session: fc.nat(SESSIONS.length - 1),
    attributes: fc.oneof(fc.nat(4), fc.constantFrom(126, 127, 128, 129)),
    logType: fc.option(fc.constantFrom<LogType>('chat', 'log'), { nil: undefined }),
    streamId: fc.option(fc.constantFrom(`${LONG}-a`, `${LONG}-b`, 'x'), { nil: undefined }),
    provider: fc.constantFrom('ours', 'ours', 'other', 'none'),
    hasSecret: fc.boolean(),
    before: fc.option(tie('emit'), { nil: undefined, maxDepth: 2, freq: 3 }),
    after: fc.option(tie('emit'), { nil: undefined, maxDepth: 2, freq: 3 }),
  }),
})).emit;

const scenarios = fc.record({
  count: fc.constantFrom(undefined, 1, 2, 3, 128),
  length: fc.constantFrom(undefined, 8, 32, 300),
  redacts: fc.boolean(),
  emits: fc.array(emits, { minLength: 1, maxLength: 6 }),
});
type Scenario = typeof scenarios extends fc.Arbitrary<infer T> ? T : never;

interface Expected {
  readonly body: string;
  readonly session: string | undefined;
  readonly logType: LogType;
  readonly streamId: string | undefined;
  readonly isExported: boolean;
  /** Cut by the SDK before we saw it. */
  readonly isCut: boolean;
  /** Our processor saw it, and the provider's other processors do too. */
  readonly isThroughOurs: boolean;
}

class Run {
  readonly #sessions: SessionLogs;
  readonly #providers: { readonly ours: Provider; readonly other: Provider; readonly none: undefined };
  readonly #scenario: Scenario;
  readonly #pending = new Map<string, Emit>();
  #provider: 'ours' | 'other' | 'none' = 'ours';
  #serial = 0;
  readonly expected: Expected[] = [];
  readonly exported: { body: unknown; attributes: Readonly<Record<string, unknown>> }[] = [];
  readonly directory = temporaryDirectory();
  readonly #file = new DateFileLogRecordProcessor({ directory: this.directory, now: () => NOON });

  constructor({ sdk }: SdkLine, scenario: Scenario) {
    this.#scenario = scenario;
    this.#sessions = new SessionLogs({
      loggerProvider: () => this.#providers[this.#provider],
      redact: scenario.redacts
        ? (entry) => JSON.parse(JSON.stringify(entry).replaceAll(SECRET, MASK)) as typeof entry
        : undefined,
    });
    const exporting = this.#processor((record) => {
      this.exported.push({ body: record.body, attributes: { ...record.attributes } });
    });
    const nesting = (place: 'before' | 'after'): Processor =>
      this.#processor((record) => {
        const nested = this.#pending.get(numberIn(record.body))?.[place];
        if (nested !== undefined) this.emit(nested);
      });
    const { count, length } = scenario;
    const logRecordLimits = {
      ...(count === undefined ? {} : { attributeCountLimit: count }),
      ...(length === undefined ? {} : { attributeValueLengthLimit: length }),
    };
    const make = (processors: Processor[]): Provider => new sdk.LoggerProvider({ logRecordLimits, processors });
    this.#providers = {
      ours: make([nesting('before'), this.#sessions.processor, nesting('after'), this.#file, exporting]),
      other: make([nesting('before'), nesting('after'), exporting]),
      none: undefined,
    };
  }

  #processor(onEmit: Processor['onEmit']): Processor {
    return { onEmit, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
  }

  emit(what: Emit): void {
    const number = `#${(this.#serial += 1)}#`;
    const body = `${number} ${what.hasSecret ? SECRET : 'plain'}`;
    const session = SESSIONS[what.session] as string;
    this.#pending.set(number, what);
    const attributes = Object.fromEntries(
      Array.from({ length: what.attributes }, (_, index) => [`a${index}`, what.hasSecret ? SECRET : index]),
    );
    const outer = this.#provider;
    this.#provider = what.provider;
    try {
      this.#emitBy(what, body, session, attributes);
    } finally {
      this.#provider = outer;
    }
  }

  #emitBy(what: Emit, body: string, session: string, attributes: Record<string, unknown>): void {
    const { logType, streamId } = what;
    const isThroughOurs = what.provider === 'ours';
    const model = { body, session, isThroughOurs, isExported: what.provider !== 'none', isCut: false };
    switch (what.by) {
      case 'chunk':
        void this.#sessions.logChunkToQueue(body, session, { attributes, logType, streamId });
        this.expected.push({ ...model, logType: logType ?? 'chat', streamId });
        break;
      case 'level':
        withSession(session, () => this.#sessions.logger.info(body, attributes));
        this.expected.push({ ...model, logType: 'log', streamId: undefined });
        break;
      default: {
        const logger = this.#providers[what.provider]?.getLogger('other');
        if (logger === undefined) return;
        const given = what.by === 'attribute' ? { 'session.id': session, ...attributes } : attributes;
        const emitted = (): void => logger.emit({ body, attributes: given });
        if (what.by === 'surroundings') withSession(session, emitted);
        else withSession('surroundings', emitted);
        const { length = Infinity } = this.#scenario;
        const isCut = what.by === 'attribute' && session.length >= length;
        const held = isCut ? session.slice(0, length) : session;
        this.expected.push({
          ...model,
          session: isThroughOurs ? held : undefined,
          logType: 'chat',
          streamId: undefined,
          isCut,
        });
      }
    }
  }

  async check(): Promise<void> {
    await this.#checkSessions();
    this.#checkExported();
    this.#checkCounters();
    await this.#checkFile();
    await this.#sessions.shutdown();
  }

  #seen(body: string): string {
    return this.#scenario.redacts ? body.replaceAll(SECRET, MASK) : body;
  }

  async #checkSessions(): Promise<void> {
    const held = this.#sessions
      .getAllLogsInQueue()
      .map(({ message, sessionId, logType, streamId }) => ({ message, sessionId, logType, streamId }));
    const modelled = this.expected
      .filter(({ session }) => session !== undefined)
      .map(({ body, session, logType, streamId }) => ({
        message: this.#seen(body),
        sessionId: session,
        logType,
        streamId,
      }));
    expect(new Set(held.map((entry) => JSON.stringify(entry)))).toEqual(
      new Set(modelled.map((entry) => JSON.stringify(entry))),
    );
    expect(held).toHaveLength(modelled.length);
    for (const sessionId of new Set(modelled.map((entry) => entry.sessionId))) {
      const chat = modelled.filter((entry) => entry.sessionId === sessionId && entry.logType === 'chat');
      const read = await collect(this.#sessions.getSessionLogs(sessionId as string, { until: 'caught-up' }));
      expect(read.toSorted()).toEqual(chat.map(({ message }) => message).toSorted());
    }
  }

  #checkExported(): void {
    const modelled = this.expected.filter(({ isExported }) => isExported).map(({ body }) => this.#seen(body));
    // A record of another logger on a provider without our processor is not ours to redact.
    const foreign = new Set(
      this.expected.filter(({ session }) => session === undefined).map(({ body }) => numberIn(body)),
    );
    const bodies = this.exported.map(({ body }) => (foreign.has(numberIn(body)) ? this.#seen(String(body)) : body));
    expect(bodies.map(String).toSorted()).toEqual(modelled.toSorted());
    if (!this.#scenario.redacts) return;
    const ours = this.exported.filter(({ body }) => !foreign.has(numberIn(body)));
    expect(JSON.stringify(ours)).not.toContain(SECRET);
  }

  /** Nothing vanishes uncounted: each export through our processor has its whole session id, or is counted. */
  #checkCounters(): void {
    const ids = new Map(this.exported.map(({ body, attributes }) => [numberIn(body), attributes['session.id']]));
    const routed = this.expected.filter(({ isThroughOurs }) => isThroughOurs);
    const unstamped = routed.filter(({ body, session }) => ids.get(numberIn(body)) !== session).length;
    const cut = routed.filter(({ isCut }) => isCut).length;
    const { lost } = this.#sessions.stats();
    expect(lost).toEqual({
      ...(unstamped > 0 ? { unstamped } : {}),
      ...(cut > 0 ? { session_id_cut: cut } : {}),
    });
  }

  async #checkFile(): Promise<void> {
    await this.#file.shutdown();
    const lines = bytesBelow(this.directory)
      .split('\n')
      .flatMap((line) => /\[(.*?)\] (#\d+#)/.exec(line)?.slice(1, 3).join(' ') ?? []);
    const modelled = this.expected
      .filter(({ isThroughOurs }) => isThroughOurs)
      .map(({ body, session }) => `${session} ${numberIn(body)}`);
    expect(lines.toSorted()).toEqual(modelled.toSorted());
    if (this.#scenario.redacts) expect(bytesBelow(this.directory)).not.toContain(SECRET);
  }
}

function numberIn(body: unknown): string {
  return /#\d+#/.exec(String(body))?.[0] ?? '';
}

describe.each(sdkLines)('records of any attributes, limits, loggers and nesting, SDK %s', (_name, line) => {
  it('reach their own session, log type, browser, file and exporter; nothing leaks or vanishes uncounted', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const run = new Run(line, scenario);
        for (const each of scenario.emits) run.emit(each);
        await run.check();
      }),
      runs(150),
    );
  });
});
