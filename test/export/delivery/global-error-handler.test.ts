import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { QueuedLogRecordProcessor } from '../../../src/export/delivery/queued.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import type { LogRecordExporter } from '../../../src/otel/log-record.ts';
import { makeApplication } from '../../support/application.ts';
import type { Application } from '../../support/application.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { failure, ScriptedExporter } from '../../support/scripted-exporter.ts';
import { newerLine, sdkLines } from '../../support/sdk-lines.ts';
import type { SdkLine } from '../../support/sdk-lines.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const SDK = '@opentelemetry/sdk-logs';
const CORE = '@opentelemetry/core';

type SetHandler = (handler: (error: unknown) => void) => void;

interface Core {
  readonly setGlobalErrorHandler: SetHandler;
}

/** The copy of the SDK, which may not be the one that an application has beside it. */
function coreOf(line: SdkLine): NodeJS.Require {
  return createRequire(line.require.resolve(SDK));
}

async function importedCore(): Promise<Core> {
  const path = coreOf(newerLine)
    .resolve(CORE)
    .replace(/\.cjs$/, '.mjs');
  return (await import(pathToFileURL(path).href)) as Core;
}

/** From 3.x on there is a handler for programs that `import` and one for those that `require`. */
const WAYS = [
  ...sdkLines.map(([name, line]) => [`required, SDK ${name}`, { line, core: coreOf(line)(CORE) as Core }] as const),
  ['imported, SDK 3.x', { line: newerLine, core: await importedCore() }] as const,
];

describe.each(WAYS)("OpenTelemetry's global error handler, %s", (_name, { line, core }) => {
  const diagnostics = recordDiagnostics();
  const main = process.argv[1] ?? '';
  const told: unknown[] = [];
  let application: Application;

  beforeEach(() => {
    told.length = 0;
    application = makeApplication({ line, packages: [SDK] });
    process.argv[1] = application.main;
    core.setGlobalErrorHandler((error) => void told.push(error));
  });
  afterEach(() => {
    process.argv[1] = main;
    application.remove();
    core.setGlobalErrorHandler(() => {});
  });

  function start(
    where: string,
    exporter: LogRecordExporter,
  ): { emit: (body: string) => void; flush: () => Promise<void> } {
    const processor =
      where === 'the spool'
        ? new DurableLogRecordProcessor({ exporter, directory: join(temporaryDirectory(), 'spool') })
        : new QueuedLogRecordProcessor({ exporter });
    onTestFinished(() => processor.shutdown({ timeoutMillis: 200 }).catch(() => {}));
    const logger = new line.sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
    return { emit: (body) => logger.emit({ body }), flush: () => processor.forceFlush() };
  }

  test.each(['the spool', 'the queue'])('%s: hears of an outage, once', async (where) => {
    const error = failure('ECONNREFUSED');
    const exporter = new ScriptedExporter((_, call) => (call === 0 ? error : 'ok'));
    const { emit, flush } = start(where, exporter);
    emit('a');
    await flush();
    emit('b');
    await flush();
    await until(() => told.length > 0, 'it is told');
    expect(exporter.bodies).toEqual(['a', 'b']);
    expect(told).toEqual([error]);
    expect(diagnostics.lines.some((text) => text.includes('does not accept log records'))).toBe(true);
  });

  test.each(['the spool', 'the queue'])('%s: hears of records that are rejected, once', async (where) => {
    const error = failure(400);
    const exporter = new ScriptedExporter((records) => (records.some(({ body }) => body === 'bad') ? error : 'ok'));
    const { emit, flush } = start(where, exporter);
    for (const body of ['a', 'bad', 'b', 'bad', 'c']) emit(body);
    await expect(flush()).rejects.toMatchObject({ code: 'rejected', pending: 2 });
    await until(() => told.length > 0, 'it is told');
    expect(told).toEqual([error]);
  });

  test('one that throws disturbs nothing', async () => {
    core.setGlobalErrorHandler(() => {
      throw new Error('no handler');
    });
    const exporter = new ScriptedExporter((_, call) => (call === 0 ? failure() : 'ok'));
    const { emit, flush } = start('the queue', exporter);
    emit('a');
    await flush();
    expect(exporter.bodies).toEqual(['a']);
  });
});

test('where no SDK can be found nothing is told, and the records arrive', async () => {
  const main = process.argv[1] ?? '';
  const application = makeApplication({ fakes: { [SDK]: '0.57.2' } });
  process.argv[1] = application.main;
  onTestFinished(() => {
    process.argv[1] = main;
    application.remove();
  });
  const exporter = new ScriptedExporter((_, call) => (call === 0 ? failure() : 'ok'));
  const queue = new QueuedLogRecordProcessor({ exporter });
  new newerLine.sdk.LoggerProvider({ processors: [queue] }).getLogger('test').emit({ body: 'a' });
  await queue.forceFlush();
  await queue.shutdown();
  expect(exporter.bodies).toEqual(['a']);
});
