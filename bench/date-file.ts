/** Row 8: CPU per line of the daily file, 120-byte lines, beside other loggers with daily files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { getFileSink } from '@logtape/file';
import { configure, getLogger, reset } from '@logtape/logtape';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import pino from 'pino';
import winston from 'winston';
import DailyRotateFile from 'winston-daily-rotate-file';

import { DateFileLogRecordProcessor } from '../dist/export.js';
import { alternate, costOf, report } from './harness.ts';

const LINES = 40_000;
const MESSAGE = 'a message as long as it takes for 120 bytes a line'.padEnd(52, '.');
const directory = mkdtempSync(join(tmpdir(), 'session-logs-bench-'));
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function inTicks(perTick: number, write: () => void): Promise<void> {
  for (let n = 0; n < LINES; n += 1) {
    write();
    if (n % perTick === perTick - 1) await nextTurn();
  }
}

/** Ours without the SDK around it: one record, as a processor gets it. */
function recordOf(): never {
  let record: unknown;
  const capture = {
    onEmit: (given: unknown) => void (record = given),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  new LoggerProvider({ processors: [capture] })
    .getLogger('bench')
    .emit({ body: MESSAGE, severityNumber: 9, attributes: { 'session.id': 'session-1' } });
  return record as never;
}

async function ours(perTick: number): Promise<number> {
  const file = new DateFileLogRecordProcessor({ directory: join(directory, 'ours') });
  const record = recordOf();
  const cost = await costOf(LINES, async () => {
    await inTicks(perTick, () => file.onEmit(record));
    await file.forceFlush();
  });
  await file.shutdown();
  return cost;
}

async function withLog4js(perTick: number): Promise<number> {
  const log4js = createRequire(import.meta.url)('log4js') as {
    configure(config: object): void;
    getLogger(): { info(message: string): void };
    shutdown(done: () => void): void;
  };
  log4js.configure({
    appenders: { file: { type: 'dateFile', filename: join(directory, 'log4js.log') } },
    categories: { default: { appenders: ['file'], level: 'info' } },
  });
  const logger = log4js.getLogger();
  return costOf(LINES, async () => {
    await inTicks(perTick, () => logger.info(MESSAGE));
    await new Promise<void>((resolve) => log4js.shutdown(resolve));
  });
}

async function withWinston(perTick: number): Promise<number> {
  const transport = new DailyRotateFile({ dirname: directory, filename: 'winston-%DATE%.log' });
  const logger = winston.createLogger({ transports: [transport], format: winston.format.simple() });
  return costOf(LINES, async () => {
    await inTicks(perTick, () => void logger.info(MESSAGE));
    const finished = new Promise((resolve) => transport.once('finish', resolve));
    logger.end();
    await finished;
  });
}

async function withPino(perTick: number): Promise<number> {
  const destination = pino.destination({ dest: join(directory, 'pino.log'), sync: false });
  const logger = pino(destination);
  return costOf(LINES, async () => {
    await inTicks(perTick, () => logger.info(MESSAGE));
    await new Promise<void>((resolve) => destination.flush(() => resolve()));
  });
}

async function withLogtape(perTick: number): Promise<number> {
  await configure({
    reset: true,
    sinks: { file: getFileSink(join(directory, 'logtape.log')) },
    loggers: [
      { category: 'bench', sinks: ['file'], lowestLevel: 'info' },
      { category: ['logtape', 'meta'], lowestLevel: 'fatal' },
    ],
  });
  const logger = getLogger('bench');
  const cost = await costOf(LINES, () => inTicks(perTick, () => logger.info(MESSAGE)));
  await reset();
  return cost;
}

try {
  const cost = await alternate(
    {
      ours200: () => ours(200),
      ours20: () => ours(20),
      log4js: () => withLog4js(200),
      winston: () => withWinston(200),
      pino: () => withPino(200),
      logtape: () => withLogtape(200),
    },
    { rounds: 7 },
  );
  const micros = (nanos: number): string => `${(nanos / 1000).toFixed(2)} us`;
  const peers = (['log4js', 'winston', 'pino', 'logtape'] as const)
    .map((name) => `${name} ${micros(cost[name].min)}`)
    .join(', ');
  for (const [perTick, name, limit] of [
    [200, 'ours200', 1.6],
    [20, 'ours20', 2.5],
  ] as const) {
    report({
      row: 8,
      work: `a line of the daily file, CPU, ${perTick} lines per tick`,
      ours: `${micros(cost[name].min)} (median ${micros(cost[name].median)})`,
      peers: perTick === 200 ? peers : '',
      target: `<= ${limit} us`,
      isReached: cost[name].min <= limit * 1000,
    });
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
