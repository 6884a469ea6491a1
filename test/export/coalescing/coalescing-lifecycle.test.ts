import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';

import { ROOT_CONTEXT, SeverityNumber } from '@opentelemetry/api';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { noteRoutedRecord, routedRecordOf } from '../../../src/entry/routed-record.ts';
import type { DeliverySource, SessionDelivery } from '../../../src/entry/routed-record.ts';
import { CoalescingLogRecordProcessor } from '../../../src/export/coalescing/coalescing.ts';
import type { LogRecord, LogRecordProcessor } from '../../../src/otel/log-record.ts';
import { builtSource } from '../../support/built-source.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';

const diagnostics = recordDiagnostics();
const open: CoalescingLogRecordProcessor[] = [];

afterEach(async () => {
  vi.useRealTimers();
  await Promise.allSettled(open.splice(0).map((processor) => processor.shutdown()));
});

interface Inner extends LogRecordProcessor {
  readonly records: LogRecord[];
}

function innerWith(members: Partial<LogRecordProcessor> = {}): Inner {
  const records: LogRecord[] = [];
  return {
    records,
    onEmit: (record) => {
      records.push(record);
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
    ...members,
  };
}

function over(inner: LogRecordProcessor): CoalescingLogRecordProcessor {
  const processor = new CoalescingLogRecordProcessor({ processor: inner });
  open.push(processor);
  return processor;
}

const lines = {
  '3.x': LoggerProvider,
  '0.2xx': (
    createRequire(new URL('../../lines/sdk-0.2xx/package.json', import.meta.url))('@opentelemetry/sdk-logs') as {
      LoggerProvider: typeof LoggerProvider;
    }
  ).LoggerProvider,
};

describe.each(Object.entries(lines))('as a processor of the %s line', (_, Provider) => {
  it('merges, and a merged record takes what an inner processor sets, until its onEmit is over', async () => {
    let seen: LogRecord | undefined;
    const inner = innerWith({
      onEmit: (record) => {
        record.setAttribute('set', 1).setAttributes({ also: 'x' }).setBody('new body').setSeverityText('INFO');
        record.setSeverityNumber(SeverityNumber.INFO).setEventName('mine');
        seen = record;
      },
    });
    const provider = new Provider({ processors: [over(inner)] });
    const logger = provider.getLogger('l', '1.0.0');
    logger.emit({ body: 'a', attributes: { 'session.id': 's' } });
    logger.emit({ body: 'b', attributes: { 'session.id': 's' } });
    await provider.forceFlush();
    expect(seen).toMatchObject({ body: 'new body', eventName: 'mine', severityNumber: 9, severityText: 'INFO' });
    expect(seen?.attributes).toEqual({ 'session.id': 's', 'session_logs.chunk_count': 2, set: 1, also: 'x' });
    expect(seen?.instrumentationScope).toMatchObject({ name: 'l', version: '1.0.0' });
    seen?.setAttribute('late', 1).setBody('late');
    expect(seen?.body).toBe('new body');
    expect(seen?.attributes).not.toHaveProperty('late');
    await provider.shutdown();
  });

  it('an inner processor that throws reaches neither the caller nor the next processor; one diag line', async () => {
    const processor = over(
      innerWith({
        onEmit: () => {
          throw new Error('inner boom');
        },
      }),
    );
    const next = innerWith();
    const provider = new Provider({ processors: [processor, next] });
    const logger = provider.getLogger('l');
    for (let i = 0; i < 3; i += 1) logger.emit({ body: 'log', severityNumber: SeverityNumber.INFO });
    logger.emit({ body: 'chunk', attributes: { 'session.id': 's' } });
    await provider.forceFlush();
    expect(next.records).toHaveLength(4);
    expect(diagnostics.lines.filter((line) => line.includes('inner boom'))).toHaveLength(1);
    expect(processor.stats().lost).toEqual({ export_failed: 4 });
    await provider.shutdown();
  });

  it('a record that cannot be read is passed on as it is', () => {
    const inner = innerWith();
    const processor = over(inner);
    const broken = {
      attributes: { 'session.id': 's' },
      get body(): never {
        throw new Error('no body');
      },
    } as unknown as LogRecord;
    expect(() => processor.onEmit(broken)).not.toThrow();
    expect(inner.records).toEqual([broken]);
    expect(diagnostics.lines.some((line) => line.includes('no body'))).toBe(true);
  });
});

const ASKED = { context: ROOT_CONTEXT, instrumentationScope: { name: 'l' } };

describe('the end', () => {
  it('shutdown abandons the answers under way, and no text outside of any', async () => {
    const inner = innerWith();
    const provider = new LoggerProvider({ processors: [over(inner)] });
    const logger = provider.getLogger('l');
    logger.emit({ body: '<start>', eventName: 'session_logs.stream_start', attributes: { 'session.id': 's' } });
    logger.emit({ body: 'half', attributes: { 'session.id': 's' } });
    logger.emit({ body: 'text', attributes: { 'session.id': 't' } });
    await provider.shutdown();
    const told = inner.records.map(({ body, attributes }) => [body, attributes['gen_ai.response.finish_reasons']]);
    expect(told).toEqual([
      ['half', ['abandoned']],
      ['text', undefined],
    ]);
  });

  it('shutdown passes on what is held, is one promise and one inner shutdown; then records are counted only', async () => {
    let shutdowns = 0;
    const inner = innerWith({
      shutdown: () => {
        shutdowns += 1;
        return delay(20);
      },
    });
    const processor = over(inner);
    const logger = new LoggerProvider({ processors: [processor] }).getLogger('l');
    logger.emit({ body: 'held', attributes: { 'session.id': 's' } });
    expect(processor.enabled(ASKED)).toBe(true);
    const first = processor.shutdown();
    expect(processor.shutdown()).toBe(first);
    expect(processor.enabled(ASKED)).toBe(false);
    expect(inner.records.map((record) => record.body)).toEqual(['held']);
    processor.onEmit(inner.records[0] as LogRecord);
    await first;
    await processor.forceFlush();
    expect(shutdowns).toBe(1);
    expect(inner.records).toHaveLength(1);
    expect(processor.stats()).toEqual({ answers: 0, heldChars: 0, lost: { after_shutdown: 1 } });
  });

  it('every caller of forceFlush waits for a whole inner flush; flush and shutdown follow one another', async () => {
    const log: string[] = [];
    const slow = (name: string) => async (): Promise<void> => {
      log.push(`${name} begins`);
      await delay(30);
      log.push(`${name} ends`);
    };
    const processor = over(innerWith({ forceFlush: slow('flush'), shutdown: slow('shutdown') }));
    const first = processor.forceFlush();
    await delay(5);
    const second = processor.forceFlush().then(() => log.push('second caller'));
    const third = processor.forceFlush().then(() => log.push('third caller'));
    await delay(5);
    const end = processor.shutdown();
    await Promise.all([first, second, third, end]);
    expect(log.filter((line) => !line.includes('caller'))).toEqual([
      'flush begins',
      'flush ends',
      'flush begins',
      'flush ends',
      'shutdown begins',
      'shutdown ends',
    ]);
    // The second and third came while the first ran: they wait for the flush that began after them.
    expect(log.indexOf('second caller')).toBeGreaterThan(log.lastIndexOf('flush ends'));
    expect(log.indexOf('third caller')).toBeGreaterThan(log.lastIndexOf('flush ends'));
  });

  it('forceFlush of a stuck inner processor rejects in time with a code, and the next call is heard', async () => {
    let release: (() => void) | undefined;
    let flushes = 0;
    const processor = over(
      innerWith({
        forceFlush: () => {
          flushes += 1;
          return flushes > 1 ? Promise.resolve() : new Promise<void>((resolve) => (release = resolve));
        },
      }),
    );
    await expect(processor.forceFlush({ timeoutMillis: 20 })).rejects.toMatchObject({ code: 'flush_timeout' });
    release?.();
    await processor.forceFlush({ timeoutMillis: 1000 });
    expect(flushes).toBe(2);
  });

  it('a hanging shutdown of the inner processor is rejected in time', async () => {
    const processor = new CoalescingLogRecordProcessor({
      processor: innerWith({ shutdown: () => new Promise(() => {}) }),
    });
    vi.useFakeTimers();
    const refused = expect(processor.shutdown()).rejects.toMatchObject({ code: 'shutdown_timeout' });
    await vi.advanceTimersByTimeAsync(10_000);
    await refused;
  });

  it('what the inner flush rejects with, or throws, reaches the caller', async () => {
    const rejecting = over(innerWith({ forceFlush: () => Promise.reject(new Error('not delivered')) }));
    await expect(rejecting.forceFlush()).rejects.toThrow('not delivered');
    const throwing = over(
      innerWith({
        forceFlush: () => {
          throw new Error('thrown');
        },
      }),
    );
    await expect(throwing.forceFlush()).rejects.toThrow('thrown');
  });

  it('a hanging flush does not keep the inner processor from being shut down', async () => {
    let isShutDown = false;
    const processor = new CoalescingLogRecordProcessor({
      processor: innerWith({
        forceFlush: () => new Promise(() => {}),
        shutdown: async () => {
          isShutDown = true;
        },
      }),
    });
    vi.useFakeTimers();
    const flush = processor.forceFlush({ timeoutMillis: 10 });
    const refused = expect(flush).rejects.toMatchObject({ code: 'flush_timeout' });
    await vi.advanceTimersByTimeAsync(10);
    await refused;
    const end = processor.shutdown();
    await vi.advanceTimersByTimeAsync(5000);
    await end;
    expect(isShutDown).toBe(true);
  });

  it.each([
    ['a return', ''],
    ['process.exit()', 'process.exit(0);'],
    ['an uncaught error', 'setImmediate(() => { throw new Error("boom"); });'],
  ])('at %s what is held is passed on, and chunks of later exit listeners at once', (_, ending) => {
    const script = `
      import { CoalescingLogRecordProcessor } from ${JSON.stringify(builtSource().url('export.js'))};
      import { writeSync } from 'node:fs';
      import { LoggerProvider } from '@opentelemetry/sdk-logs';
      const inner = { onEmit: (r) => writeSync(1, r.body + ';'), forceFlush: async () => {}, shutdown: async () => {} };
      const logger = new LoggerProvider({
        processors: [new CoalescingLogRecordProcessor({ processor: inner })],
      }).getLogger('l');
      const chunk = (body) => logger.emit({ body, attributes: { 'session.id': 's' } });
      process.on('exit', () => chunk('late'));
      chunk('Hel'); chunk('lo');
      ${ending}
    `;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect(stdout).toBe('Hello;late;');
  });
});

describe('delivery by session', () => {
  const report = { deliveredId: 'x-2', pending: 0, rejected: 0, dropped: 0 };

  /** A session processor and a durable processor reduced to what they tell each other. */
  function rigFor(inner: Inner & Partial<SessionDelivery>): {
    readonly emit: (body: string, entryId: string) => void;
    readonly attached: SessionDelivery[];
    readonly processor: CoalescingLogRecordProcessor;
  } {
    const attached: SessionDelivery[] = [];
    const source: DeliverySource = { attachDelivery: (delivery) => attached.push(delivery) };
    const processor = over(inner);
    let id = '';
    const stamping = innerWith({
      onEmit: (record) => {
        noteRoutedRecord(record, { sessionId: 's', detail: undefined, entryId: id, order: 0, source });
      },
    });
    const logger = new LoggerProvider({ processors: [stamping, processor] }).getLogger('l');
    return {
      attached,
      processor,
      emit(body, entryId) {
        id = entryId;
        logger.emit({ body });
      },
    };
  }

  it('a merged record tells its session and the id of its last entry', async () => {
    const seen: unknown[] = [];
    const inner = Object.assign(
      innerWith({
        onEmit: (record) => {
          const routed = routedRecordOf(record);
          seen.push([record.body, routed?.sessionId, routed?.entryId]);
        },
      }),
      { flushSession: async () => report },
    );
    const { emit, processor, attached } = rigFor(inner);
    emit('a', 'x-1');
    emit('b', 'x-2');
    await expect(processor.flushSession('s')).resolves.toBe(report);
    expect(seen).toEqual([['ab', 's', 'x-2']]);
    // Already at the first chunk, so that a session flush in mid-answer comes through here.
    expect(attached).toEqual([processor]);
  });

  it('a durable processor further behind that makes itself known is reached through the coalescing one', async () => {
    const asked: unknown[] = [];
    const durable: SessionDelivery = {
      flushSession: async (...args) => {
        asked.push(args);
        return report;
      },
    };
    const inner = innerWith({ onEmit: (record) => routedRecordOf(record)?.source?.attachDelivery(durable) });
    const { emit, processor, attached } = rigFor(inner);
    emit('a', 'x-1');
    expect(attached).toEqual([]);
    await processor.flushSession('s', { timeoutMillis: 5 });
    expect(attached).toEqual([processor]);
    expect(asked).toEqual([['s', { timeoutMillis: 5 }]]);
  });

  it('without a durable processor it is refused with a code', async () => {
    const { emit, processor } = rigFor(innerWith());
    emit('a', 'x-1');
    await expect(processor.flushSession('s')).rejects.toMatchObject({ code: 'no_durable_exporter' });
  });
});
