import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { LogRecord, LogRecordProcessor } from '../src/otel/log-record.ts';
import { recordDiagnostics } from './support/diagnostics.ts';
import { sdkLines } from './support/sdk-lines.ts';
import type { SdkLine } from './support/sdk-lines.ts';

/** What `describeProcessorRules` needs to know of a processor. */
export interface ProcessorUnderTest {
  readonly processor: LogRecordProcessor & { shutdown(): Promise<void>; forceFlush(): Promise<void> };
  /** Bodies (or their text) that reached the destination, in order. Called after `forceFlush` or `shutdown`. */
  delivered(): unknown[] | Promise<unknown[]>;
  /** What was lost, by reason. */
  lost(): Readonly<Record<string, number>>;
  /** How often the destination was shut down, where that can be seen. */
  destinationShutdowns?(): number;
  /** `forceFlush` with a time, for a processor whose default is no option. */
  flush?(timeoutMillis: number): Promise<void>;
  /** How long `shutdown` takes at most, for a processor whose time is no option of its own. */
  readonly shutdownMillis?: number;
  /** The destination stops answering; absent where it cannot. */
  hold?(): void;
  release?(): void;
  /** The durable processor keeps on disk what is not shipped: its `shutdown` does not reject when time runs out. */
  readonly resolvesLateShutdown?: boolean;
  remove?(): void | Promise<void>;
}

export interface RuleOptions {
  /** Time that `forceFlush()` without an argument and `shutdown()` may take, where the processor has such options. */
  readonly timeoutMillis: number;
}

export type MakeProcessor = (line: SdkLine, options: RuleOptions) => ProcessorUnderTest | Promise<ProcessorUnderTest>;

/** A severity, so that the coalescing processor has nothing to merge. */
const LEVELED: Readonly<Record<string, unknown>> = { severityNumber: 9 };

/** Far beyond what any test needs, for tests that are not about time. */
const AMPLE: RuleOptions = { timeoutMillis: 20_000 };

/**
 * The rules for processors that follow from the OpenTelemetry specification and from what the SDK does around them, run
 * against both lines of the SDK for every processor of ours. Their numbers are only names.
 */
export function describeProcessorRules(name: string, make: MakeProcessor): void {
  describe.each(sdkLines)(`${name} keeps the rules for processors on SDK %s`, (_line, line) => {
    const diagnostics = recordDiagnostics();
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => void rejections.push(reason);
    const made: ProcessorUnderTest[] = [];

    beforeEach(() => {
      rejections.length = 0;
      process.on('unhandledRejection', onRejection);
      for (const method of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, method);
    });

    afterEach(async () => {
      for (const under of made.splice(0)) {
        under.release?.();
        await under.processor.shutdown().catch(() => 'the test has looked at it');
        await under.remove?.();
      }
      await new Promise(setImmediate);
      process.off('unhandledRejection', onRejection);
      context.disable();
      // 15: nothing goes to the console, no promise is left alone; 3: nothing is written to a record after `onEmit`.
      for (const method of ['log', 'info', 'warn', 'error'] as const) {
        expect(vi.mocked(console[method])).not.toHaveBeenCalled();
      }
      vi.restoreAllMocks();
      vi.useRealTimers();
      expect(rejections).toEqual([]);
      expect(diagnostics.lines.filter((text) => text.includes('emitted log record'))).toEqual([]);
    });

    async function start(options: RuleOptions = AMPLE): Promise<{
      under: ProcessorUnderTest;
      later: LogRecord[];
      emit: (record: Record<string, unknown>) => void;
      provider: { shutdown(): Promise<void>; forceFlush(): Promise<void> };
    }> {
      const under = await make(line, options);
      made.push(under);
      const later: LogRecord[] = [];
      const next: LogRecordProcessor = {
        onEmit: (record) => void later.push(record),
        forceFlush: async () => {},
        shutdown: async () => {},
      };
      const provider = new line.sdk.LoggerProvider({ processors: [under.processor, next] });
      const logger = provider.getLogger('rules', '1.0');
      const emit = (record: Record<string, unknown>): void => {
        logger.emit({
          ...LEVELED,
          ...record,
          attributes: { 'session.id': 's', ...(record['attributes'] as object | undefined) },
        });
      };
      return { under, later, emit, provider };
    }

    it('1: nothing in a record makes emit throw or keeps it from the next processor', async () => {
      const { under, later, emit } = await start();
      const cyclic: Record<string, unknown> = {};
      cyclic['self'] = cyclic;
      const nasty = [
        {
          get secret(): never {
            throw new Error('getter');
          },
        },
        {
          toJSON(): never {
            throw new Error('toJSON');
          },
        },
        new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('trap');
            },
          },
        ),
        cyclic,
        10n,
        Symbol('s'),
        () => 'f',
        new Date(Number.NaN),
        { deep: Array.from({ length: 5000 }).reduce<unknown>((inner) => ({ inner }), 'end') },
      ];
      for (const body of nasty) expect(() => emit({ body })).not.toThrow();
      emit({ body: 'well' });
      expect(later).toHaveLength(nasty.length + 1);
      await under.processor.forceFlush();
      expect((await under.delivered()).at(-1)).toEqual('well');
    });

    it('1: a record whose getters throw does not make onEmit throw', async () => {
      const { under } = await start();
      const hostile = new Proxy(
        {},
        {
          get: () => {
            throw new Error('hostile');
          },
        },
      ) as LogRecord;
      expect(() => under.processor.onEmit(hostile, ROOT_CONTEXT)).not.toThrow();
    });

    it('3 and 4: what the caller changes later is not seen, and attributes are left alone', async () => {
      const { under, later, emit } = await start();
      const body = { text: 'as emitted' };
      const attributes = { list: ['a'] };
      emit({ body, attributes });
      body.text = 'changed';
      attributes.list[0] = 'changed';
      await under.processor.forceFlush();
      expect(JSON.stringify(await under.delivered())).toContain('as emitted');
      expect(JSON.stringify(await under.delivered())).not.toContain('changed');
      expect(later[0]?.attributes).toEqual({ 'session.id': 's', list: ['a'] });
    });

    it('6: the context argument is enough; the active one is not asked', async () => {
      const { under, emit } = await start();
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      const active = vi.spyOn(context, 'active');
      emit({ body: 'x', context: ROOT_CONTEXT.setValue(createContextKey('test'), 1) });
      active.mockClear();
      await under.processor.forceFlush();
      expect(await under.delivered()).toEqual(['x']);
    });

    it('7: it is enabled until shutdown', async () => {
      const { under } = await start();
      const options = { context: ROOT_CONTEXT, instrumentationScope: { name: 'test' } };
      expect(under.processor.enabled?.(options) ?? true).toBe(true);
    });

    it('8: shutdown twice is one, and a record after it is counted and goes nowhere', async () => {
      const { under, emit } = await start();
      emit({ body: 'before' });
      const first = under.processor.shutdown();
      expect(under.processor.shutdown()).toBe(first);
      await first;
      if (under.destinationShutdowns !== undefined) expect(under.destinationShutdowns()).toBe(1);
      expect(() => emit({ body: 'after' })).not.toThrow();
      await under.processor.forceFlush();
      expect(await under.delivered()).toEqual(['before']);
      expect(under.lost()['after_shutdown']).toBe(1);
    });

    it('9: shutdown includes the flush', async () => {
      const { under, emit, provider } = await start();
      for (let i = 0; i < 50; i += 1) emit({ body: `${i}` });
      await provider.shutdown();
      expect(await under.delivered()).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    });

    it('9 and 10: a flush without an argument ends in time and rejects when it ran out of it', async ({ skip }) => {
      const { under, emit } = await start({ timeoutMillis: 60 });
      skip(under.hold === undefined, 'its destination cannot hang');
      under.hold?.();
      emit({ body: 'stuck' });
      const flush = under.flush?.(60) ?? under.processor.forceFlush();
      await expect(flush).rejects.toMatchObject({ code: 'flush_timeout' });
    });

    it('9: shutdown ends in time and says when it ran out of it', async ({ skip }) => {
      const { under, emit } = await start({ timeoutMillis: 60 });
      skip(under.hold === undefined, 'its destination cannot hang');
      under.hold?.();
      emit({ body: 'stuck' });
      if (under.shutdownMillis !== undefined)
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const shutdown = under.processor.shutdown();
      const isInTime =
        under.resolvesLateShutdown === true
          ? shutdown
          : expect(shutdown).rejects.toMatchObject({ code: 'shutdown_timeout' });
      if (under.shutdownMillis !== undefined) {
        await vi.advanceTimersByTimeAsync(under.shutdownMillis - 1);
        await expect(Promise.race([shutdown, Promise.resolve('under way')])).resolves.toBe('under way');
        await vi.advanceTimersByTimeAsync(1);
      }
      await isInTime;
    });

    it('11: every caller waits for the whole flush, and shutdown for the flush under way', async ({ skip }) => {
      const { under, emit } = await start();
      skip(under.hold === undefined, 'its destination cannot hang');
      under.hold?.();
      emit({ body: 'a' });
      const first = under.processor.forceFlush();
      for (const body of ['b', 'c', 'd']) emit({ body });
      let ended = 0;
      const all = [first, under.processor.forceFlush(), under.processor.forceFlush(), under.processor.shutdown()];
      const counted = all.map((promise) => promise.then(() => (ended += 1)));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(ended).toBe(0);
      under.release?.();
      await Promise.all(counted);
      expect(await under.delivered()).toEqual(['a', 'b', 'c', 'd']);
    });

    it('17: a record with 128 attributes passes', async () => {
      const { under, later, emit } = await start();
      emit({ body: 'full', attributes: Object.fromEntries(Array.from({ length: 127 }, (_, i) => [`k${i}`, i])) });
      await under.processor.forceFlush();
      expect(await under.delivered()).toEqual(['full']);
      expect(Object.keys(later[0]?.attributes ?? {})).toHaveLength(128);
    });

    it('18: a record emitted inside shutdown is not waited for', async () => {
      const under = await make(line, AMPLE);
      made.push(under);
      const emitAtShutdown: { now: () => void } = { now: () => {} };
      const talkative: LogRecordProcessor = {
        onEmit: () => {},
        forceFlush: async () => {},
        shutdown: async () => emitAtShutdown.now(),
      };
      const provider = new line.sdk.LoggerProvider({ processors: [talkative, under.processor] });
      const logger = provider.getLogger('rules');
      emitAtShutdown.now = () => logger.emit({ body: 'inside', ...LEVELED, attributes: { 'session.id': 's' } });
      logger.emit({ body: 'before', ...LEVELED, attributes: { 'session.id': 's' } });
      await provider.shutdown();
      expect(await under.delivered()).toEqual(['before']);
    });
  });
}
