import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { DurableLogRecordProcessor } from '../../src/export/durable/durable.ts';
import { QueuedLogRecordProcessor } from '../../src/export/delivery/queued.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../../src/otel/log-record.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { newerLine, sdkLines } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

type Answer = (result?: unknown) => void;
type Export = (records: ReadableLogRecord[], answer: Answer, call: number) => unknown;

const diagnostics = recordDiagnostics();

/** What ends a process that nobody guards. */
function watchProcess(): unknown[] {
  const ends: unknown[] = [];
  const note = (error: unknown): void => void ends.push(error);
  process.on('uncaughtException', note).on('unhandledRejection', note);
  onTestFinished(() => void process.off('uncaughtException', note).off('unhandledRejection', note));
  return ends;
}

interface Foreign {
  readonly delivered: unknown[];
  readonly exporter: LogRecordExporter;
}

/** An exporter of somebody else. What it has answered with success counts as delivered. */
function foreign(exportOnce: Export, more: Partial<Record<'forceFlush' | 'shutdown', () => unknown>> = {}): Foreign {
  const delivered: unknown[] = [];
  let calls = 0;
  const exporter = {
    export(records: ReadableLogRecord[], callback: Answer) {
      const bodies = records.map((record) => record.body);
      const answer: Answer = (...result) => {
        callback(...result);
        // Reading the code may throw, and only here.
        const { value } = Object.getOwnPropertyDescriptor(result[0] ?? {}, 'code') ?? {};
        if (value === 0) delivered.push(...bodies);
      };
      return exportOnce(records, answer, calls++);
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
    ...more,
  };
  return { delivered, exporter: exporter as unknown as LogRecordExporter };
}

const ok: Export = (_, answer) => setImmediate(() => answer({ code: 0 }));

/** It misbehaves once, then it does what it should. */
const oddOnce =
  (odd: Export): Export =>
  (records, answer, call) =>
    call === 0 ? odd(records, answer, call) : ok(records, answer, call);

const FAILURES: Readonly<Record<string, Export>> = {
  'calls back late without a result': (_, answer) => setImmediate(() => answer()),
  'calls back with null': (_, answer) => setImmediate(() => answer(null)),
  'calls back with a code that is no number': (_, answer) => answer({ code: '0' }),
  'calls back with a result whose getter throws': (_, answer) =>
    setImmediate(() =>
      answer({
        get code(): never {
          throw new Error('getter of the result');
        },
      }),
    ),
  'calls back with an error whose getters throw': (_, answer) =>
    setImmediate(() =>
      answer({
        code: 1,
        error: {
          get code(): never {
            throw new Error('getter of the error');
          },
        },
      }),
    ),
  'empties its array and fails': (records, answer) => {
    records.length = 0;
    setImmediate(() => answer({ code: 1, error: new Error('down') }));
  },
  'reorders its array and fails': (records, answer) => {
    records.reverse();
    setImmediate(() => answer({ code: 1, error: new Error('down') }));
  },
  'is async and rejects': () => Promise.reject(new Error('async down')),
  'rejects with a promise of a library': () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- as other libraries make them
    then: (_: unknown, reject: (error: unknown) => void) => reject(new Error('async down')),
  }),
};

describe.each(sdkLines)('exporters of others, on SDK %s', (_line, { sdk }) => {
  function startDurable(exporter: LogRecordExporter): {
    processor: DurableLogRecordProcessor;
    emit: (...bodies: string[]) => void;
  } {
    const durable = new DurableLogRecordProcessor({
      exporter,
      directory: join(temporaryDirectory(), 'spool'),
      scheduledDelayMillis: 5,
      shutdownTimeoutMillis: 200,
    });
    onTestFinished(() => durable.shutdown().catch(() => {}));
    const logger = new sdk.LoggerProvider({ processors: [durable] }).getLogger('test');
    return { processor: durable, emit: (...bodies) => bodies.forEach((body) => logger.emit({ body })) };
  }

  function startQueue(exporter: LogRecordExporter): {
    processor: QueuedLogRecordProcessor;
    emit: (...bodies: string[]) => void;
  } {
    const processor = new QueuedLogRecordProcessor({ exporter, scheduledDelayMillis: 5 });
    onTestFinished(() => processor.shutdown({ timeoutMillis: 200 }).catch(() => {}));
    const logger = new sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
    return { processor, emit: (...bodies) => bodies.forEach((body) => logger.emit({ body })) };
  }

  test.each(['the spool', 'the queue'])(
    'whatever one does once costs %s nothing: all is sent again, in order',
    async (where) => {
      const ends = watchProcess();
      // Side by side: each waits a second before it sends again.
      const outcomes = await Promise.all(
        Object.entries(FAILURES).map(async ([what, odd]) => {
          const { exporter, delivered } = foreign(oddOnce(odd));
          const { processor, emit } = where === 'the spool' ? startDurable(exporter) : startQueue(exporter);
          emit('a', 'b', 'c');
          await processor.forceFlush();
          emit('d');
          await processor.forceFlush();
          const { exported, rejected, pending, lost } = processor.stats();
          return { what, delivered, exported, rejected, pending, lost };
        }),
      );
      const none = where === 'the spool' ? { own: 0, adopted: 0 } : 0;
      for (const { what, ...outcome } of outcomes) {
        const right = { delivered: ['a', 'b', 'c', 'd'], exported: 4, rejected: 0, pending: none, lost: {} };
        expect(outcome, what).toStrictEqual(right);
      }
      expect(ends).toStrictEqual([]);
    },
  );

  test('one that calls back twice, in two ways, is believed once', async () => {
    const ends = watchProcess();
    const twice: Export = (_, answer) => {
      answer({ code: 0 });
      answer({ code: 1, error: new Error('second thoughts') });
      setImmediate(() => answer());
      throw new Error('third thoughts');
    };
    const spooled = startDurable(foreign(twice).exporter);
    spooled.emit('a', 'b');
    await spooled.processor.forceFlush();
    const inMemory = startQueue(foreign(twice).exporter);
    inMemory.emit('a', 'b');
    await inMemory.processor.forceFlush();
    await new Promise(setImmediate);
    expect(spooled.processor.stats()).toMatchObject({ exported: 2, lost: {} });
    expect(inMemory.processor.stats().lost).toStrictEqual({});
    expect(ends).toStrictEqual([]);
  });

  test('one that calls back after the shutdown changes nothing any more', async () => {
    const ends = watchProcess();
    const late: Answer[] = [];
    const hold: Export = (_, answer) => void late.push(answer);
    const spooled = startDurable(foreign(hold).exporter);
    spooled.emit('a', 'b');
    await until(() => late.length === 1);
    await spooled.processor.shutdown();
    const inMemory = startQueue(foreign(hold).exporter);
    inMemory.emit('a', 'b', 'c');
    const refused = expect(inMemory.processor.shutdown({ timeoutMillis: 20 })).rejects;
    await refused.toMatchObject({ code: 'shutdown_timeout', pending: 3 });
    // What is lost is counted when it is told.
    expect(inMemory.processor.stats().lost).toStrictEqual({ export_failed: 3 });
    for (const answer of late) answer({ code: 0 });
    for (const answer of late) answer();
    await new Promise(setImmediate);
    expect(spooled.processor.stats()).toMatchObject({ exported: 0, lost: {}, pending: { own: 2 } });
    expect(inMemory.processor.stats().lost).toStrictEqual({ export_failed: 3 });
    expect(ends).toStrictEqual([]);
  });

  test.each([
    [
      'throw',
      () => {
        throw new Error('odd end');
      },
    ],
    ['reject', () => Promise.reject(new Error('odd end'))],
    ['hang', () => new Promise(() => {})],
    ['give no promise', () => undefined],
  ])('a forceFlush and a shutdown of it that %s end in time, and are told', async (what, end) => {
    const ends = watchProcess();
    const more = { forceFlush: end, shutdown: end };
    const spooled = foreign(ok, more);
    const { processor: durable, emit } = startDurable(spooled.exporter);
    emit('a');
    // One that hangs takes all of the time; it is enough for a busy machine.
    const timeoutMillis = what === 'hang' ? 2_000 : 10_000;
    await durable.forceFlush({ timeoutMillis });
    await durable.shutdown();
    expect(spooled.delivered).toStrictEqual(['a']);
    const inMemory = foreign(ok, more);
    const second = startQueue(inMemory.exporter);
    second.emit('a');
    await second.processor.forceFlush({ timeoutMillis });
    await second.processor.shutdown({ timeoutMillis });
    expect(inMemory.delivered).toStrictEqual(['a']);
    const told = diagnostics.lines.filter((line) => /odd end|did not end in the remaining time|failed/.test(line));
    expect(told.length > 0).toBe(what !== 'give no promise');
    expect(ends).toStrictEqual([]);
  });

  test('numbers that a Collector refuses in JSON are sent as their text, from the spool as from memory', async () => {
    const numbers = [Number.NaN, Infinity, -Infinity, 2 ** 63, -(2 ** 63), 1e300, 2 ** 62, -0, 0.5];
    const texts = ['NaN', 'Infinity', '-Infinity', '9223372036854776000', '-9223372036854776000', '1e+300'];
    const expected = [...texts, 2 ** 62, -0, 0.5];
    const record = { body: { list: numbers }, attributes: { list: numbers, map: { deep: [{ n: Number.NaN }] } } };
    const seen: ReadableLogRecord[] = [];
    const keep: Export = (records, answer) => {
      seen.push(...records);
      answer({ code: 0 });
    };
    const { exporter } = foreign(keep);
    const spooled = startDurable(exporter).processor;
    const inMemory = startQueue(exporter).processor;
    for (const processor of [spooled, inMemory]) {
      const logger = new sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
      logger.emit(record);
      for (const body of [...numbers, 2n ** 70n]) logger.emit({ body });
      await processor.forceFlush();
    }
    const count = numbers.length + 2;
    for (const records of [seen.slice(0, count), seen.slice(count)]) {
      expect(records.map(({ body }) => body)).toStrictEqual([{ list: expected }, ...expected, String(2n ** 70n)]);
      expect(records[0]?.attributes).toStrictEqual({ list: expected, map: { deep: [{ n: 'NaN' }] } });
    }
  });
});

test('an onLoss and a clock that fail, and meters that throw, cost no record', async () => {
  const ends = watchProcess();
  const meters = {
    getMeter: () => {
      throw new Error('no meters');
    },
  };
  const { exporter, delivered } = foreign(ok);
  const durable = new DurableLogRecordProcessor({
    exporter,
    directory: join(temporaryDirectory(), 'spool'),
    scheduledDelayMillis: 5,
    selfObsMeterProvider: meters,
    now: () => {
      throw new Error('no clock');
    },
    // oxlint-disable-next-line typescript/no-misused-promises -- what an application may do all the same
    onLoss: () => Promise.reject(new Error('no ear')),
  });
  const logger = new newerLine.sdk.LoggerProvider({ processors: [durable] }).getLogger('test');
  logger.emit({ body: 'a' });
  await durable.forceFlush();
  expect(delivered).toStrictEqual(['a']);
  await durable.shutdown();
  durable.onEmit({} as never);
  await until(() => diagnostics.lines.some((line) => line.includes('`onLoss` threw')));
  for (const text of ['no meters', 'no clock', 'no ear']) {
    expect(diagnostics.lines.some((line) => line.includes(text))).toBe(true);
  }
  expect(ends).toStrictEqual([]);
});
