/** Row 8: CPU per line of the daily file, 120-byte lines, beside other loggers with daily files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { getFileSink } from '@logtape/file';
import { configure, getLogger, reset } from '@logtape/logtape';
import pino from 'pino';
import winston from 'winston';
import DailyRotateFile from 'winston-daily-rotate-file';

import { afterCollection, costOf, full, keep, nextTurn, repeat } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import { EmptyProcessor, providerOf } from './provider.ts';

const LINES = full(40_000);
const WARM_UP = full(4_000);
const MESSAGE = 'a message as long as it takes for 120 bytes a line'.padEnd(52, '.');

interface Subject {
  write(): void;
  /** Until all is in the file. */
  finish(): Promise<void>;
  close?(): Promise<void>;
}
type Make = (directory: string) => Subject | Promise<Subject>;

async function writeAll(subject: Subject, lines: number, perTurn: number): Promise<void> {
  for (let n = 0; n < lines; n += 1) {
    subject.write();
    if (n % perTurn === perTurn - 1) await nextTurn();
  }
}

/** CPU microseconds per line, some lines in each turn of the event loop. */
async function lineCost(make: Make, perTurn: number): Promise<Sample> {
  const directory = mkdtempSync(join(tmpdir(), 'session-logs-bench-'));
  const round = async (): Promise<number> => {
    const subject = await make(directory);
    keep(subject);
    await afterCollection(() => writeAll(subject, WARM_UP, perTurn));
    const cost = await costOf(LINES, async () => {
      await writeAll(subject, LINES, perTurn);
      await subject.finish();
    });
    await subject.close?.();
    return cost / 1000;
  };
  try {
    return await repeat(round, { rounds: 7 });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Ours without the SDK around it: one record, as a processor gets it. */
function ours(perTurn: number): Measure {
  return async (build) => {
    const { DateFileLogRecordProcessor } = await build.export();
    const empty = new EmptyProcessor();
    providerOf(empty)
      .getLogger('bench')
      .emit({ body: MESSAGE, severityNumber: 9, attributes: { 'session.id': 'session-1' } });
    return lineCost((directory) => {
      const file = new DateFileLogRecordProcessor({ directory: join(directory, 'ours') });
      return {
        write: () => file.onEmit(empty.last as never),
        finish: () => file.forceFlush(),
        close: () => file.shutdown(),
      };
    }, perTurn);
  };
}

function withLog4js(directory: string): Subject {
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
  return {
    write: () => logger.info(MESSAGE),
    finish: () => new Promise((resolve) => log4js.shutdown(resolve)),
  };
}

function withWinston(directory: string): Subject {
  const transport = new DailyRotateFile({ dirname: directory, filename: 'winston-%DATE%.log' });
  const logger = winston.createLogger({ transports: [transport], format: winston.format.simple() });
  return {
    write: () => void logger.info(MESSAGE),
    finish: () =>
      new Promise((resolve) => {
        transport.once('finish', resolve);
        logger.end();
      }),
  };
}

function withPino(directory: string): Subject {
  const destination = pino.destination({ dest: join(directory, 'pino.log'), sync: false });
  const logger = pino(destination);
  return {
    write: () => logger.info(MESSAGE),
    finish: () => new Promise((resolve) => destination.flush(() => resolve())),
  };
}

async function withLogtape(directory: string): Promise<Subject> {
  await configure({
    reset: true,
    sinks: { file: getFileSink(join(directory, 'logtape.log')) },
    loggers: [
      { category: 'bench', sinks: ['file'], lowestLevel: 'info' },
      { category: ['logtape', 'meta'], lowestLevel: 'fatal' },
    ],
  });
  const logger = getLogger('bench');
  return { write: () => logger.info(MESSAGE), finish: () => Promise.resolve(), close: reset };
}

const peer = (make: Make): Measure => {
  return () => lineCost(make, 200);
};

export const rows: readonly Row[] = [
  {
    row: 8,
    what: 'a line of the daily file, CPU, 200 lines in each turn',
    unit: 'µs',
    ours: ours(200),
    peers: {
      log4js: peer(withLog4js),
      winston: peer(withWinston),
      pino: peer(withPino),
      logtape: peer(withLogtape),
    },
    target: { of: 'figure', atMost: 1.6 },
  },
  {
    row: 8,
    what: 'the same, 20 lines in each turn',
    unit: 'µs',
    ours: ours(20),
    target: { of: 'figure', atMost: 2.5 },
  },
];
