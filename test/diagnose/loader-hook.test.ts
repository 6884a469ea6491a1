import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/index.ts';
import type { Diagnosis } from '../../src/index.ts';
import { codesOf, foundOf, instanceBefore } from './diagnosing.ts';
import { withFreshModules } from './module-cache.ts';

const require = createRequire(import.meta.url);
const LOGGERS = ['pino', 'winston', 'bunyan'] as const;

type Logger = (typeof LOGGERS)[number];

beforeEach(() =>
  withFreshModules(
    /[\\/]node_modules[\\/](?:pino|winston|bunyan|(?:import|require)-in-the-middle|@opentelemetry[\\/]instrumentation[^\\/]*)[\\/]/,
  ),
);

/** As an SDK does with its `instrumentations`. */
function instrument(name: Logger): void {
  const Class = `${name.replace(/^./, (letter) => letter.toUpperCase())}Instrumentation`;
  const module = require(`@opentelemetry/instrumentation-${name}`) as Record<string, (new () => object) | undefined>;
  const Instrumentation = module[Class];
  // It patches at once what is loaded from now on.
  expect(Instrumentation === undefined ? undefined : new Instrumentation()).toBeDefined();
}

/** What the hook for ES modules does in a program that imports a file: it tells the instrumentations' registry of it. */
function importThroughHook(file: string): void {
  const { register } = require('import-in-the-middle/lib/register.js') as {
    readonly register: (url: string, binder: { namespace: object }, specifier: string, format: string) => void;
  };
  register(pathToFileURL(file).href, { namespace: {} }, file, 'module');
}

function told(diagnosis: Diagnosis): readonly string[] {
  return diagnosis.checked.filter((line) => line.startsWith('instrumented loggers'));
}

describe.each(LOGGERS)('%s', (name) => {
  it('that is required after its instrumentation is instrumented', async () => {
    instrument(name);
    require(name);
    const diagnosis = await instanceBefore().diagnose();
    expect(foundOf(diagnosis, 'no_loader_hook')).toEqual([]);
    expect(told(diagnosis)).toEqual([`instrumented loggers: ${name}`]);
  });

  it('that was loaded before its instrumentation, or by `import` without the hook, is found', async () => {
    require(name);
    instrument(name);
    const diagnosis = await instanceBefore().diagnose();
    expect(foundOf(diagnosis, 'no_loader_hook')).toEqual([
      {
        code: 'no_loader_hook',
        problem: `${name} was loaded by \`import\` without the loader hook for ES modules, or before its instrumentation, so what it logs does not reach the provider`,
        fix: expect.stringContaining("register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)") as string,
      },
    ]);
    expect(told(diagnosis)).toEqual([]);
  });

  it('that was loaded before its instrumentation, in a program with the hook, is found', async () => {
    require(name);
    instrument(name);
    importThroughHook('/app/routes.js');
    expect(foundOf(await instanceBefore().diagnose(), 'no_loader_hook')).toEqual([
      {
        code: 'no_loader_hook',
        problem: `${name} was loaded before its instrumentation, so what it logs does not reach the provider`,
        fix: expect.stringContaining('node --import ./instrumentation.mjs app.js') as string,
      },
    ]);
  });

  it('that was imported through the hook is instrumented', async () => {
    require(name);
    instrument(name);
    importThroughHook(require.resolve(name));
    const diagnosis = await instanceBefore().diagnose();
    expect(foundOf(diagnosis, 'no_loader_hook')).toEqual([]);
    expect(told(diagnosis)).toEqual([`instrumented loggers: ${name}`]);
  });

  it('the records of which arrive is instrumented, however that was done', async () => {
    require(name);
    instrument(name);
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const provider = new LoggerProvider({ processors: [sessions.processor] });
    provider.getLogger(`@opentelemetry/instrumentation-${name}`).emit({ body: 'hello' });
    const diagnosis = await sessions.diagnose();
    expect(foundOf(diagnosis, 'no_loader_hook')).toEqual([]);
    expect(told(diagnosis)).toEqual([`instrumented loggers: ${name}`]);
  });

  it('without an instrumentation of its own is left alone, also beside that of another logger', async () => {
    require(name);
    expect(codesOf(await instanceBefore().diagnose())).toEqual(['no_exporter']);
    instrument(name === 'pino' ? 'winston' : 'pino');
    const diagnosis = await instanceBefore().diagnose();
    expect([codesOf(diagnosis), told(diagnosis)]).toEqual([['no_exporter'], []]);
  });
});

it('a logger that was imported through the hook is instrumented, also by an instrumentation that a bundle holds', async () => {
  require('pino');
  // Any instrumentation, which the hook calls.
  instrument('winston');
  importThroughHook(require.resolve('pino'));
  expect(told(await instanceBefore().diagnose())).toEqual(['instrumented loggers: pino']);
});

it('of several loggers, each is told', async () => {
  require('bunyan');
  for (const name of LOGGERS) instrument(name);
  require('winston');
  require('pino');
  const diagnosis = await instanceBefore().diagnose();
  expect(foundOf(diagnosis, 'no_loader_hook').map(({ problem }) => problem.split(' ')[0])).toEqual(['bunyan']);
  expect(told(diagnosis)).toEqual(['instrumented loggers: pino, winston']);
});
