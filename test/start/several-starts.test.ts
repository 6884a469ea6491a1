import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { builtSource } from '../support/built-source.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { runProgram } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const LINES = 300;

/** Logs as `name`, in this thread of this process. */
const LOG = `
  import { startSessionLogs } from ${JSON.stringify(builtSource().url('index.js'))};
  const spool = { directory: process.env.SPOOL_PATH };
  export async function log(name) {
    const sessions = await startSessionLogs({ console: false, streamHandler: false, spool });
    for (let index = 0; index < ${LINES}; index += 1) {
      await sessions.logChunkToQueue('line ' + name + '-' + index, name);
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await sessions.shutdown();
  }
`;

const PROGRAMS = {
  worker_threads: `
    import { isMainThread, Worker, workerData } from 'node:worker_threads';
    import { log } from './log.mjs';
    const threads = isMainThread
      ? ['a', 'b'].map((name) => new Worker(new URL(import.meta.url), { workerData: name }))
      : [];
    await log(isMainThread ? 'main' : workerData);
    await Promise.all(threads.map((thread) => new Promise((resolve) => thread.on('exit', resolve))));`,
  'node:cluster': `
    import cluster from 'node:cluster';
    import { log } from './log.mjs';
    if (cluster.isPrimary) for (const NAME of ['a', 'b']) cluster.fork({ NAME });
    await log(process.env.NAME ?? 'main');
    if (!cluster.isPrimary) cluster.worker.disconnect();`,
};

it.each(Object.entries(PROGRAMS))(
  '%s: every part of a program writes to one directory, and ships from one spool',
  async (_name, text) => {
    const receiver = await startOtlpReceiver();
    onTestFinished(() => receiver.close());
    const [cwd, logs, spool] = [temporaryDirectory(), temporaryDirectory(), temporaryDirectory()];
    writeFileSync(join(cwd, 'log.mjs'), LOG);
    writeFileSync(join(cwd, 'program.mjs'), text);
    const env = { ...process.env, LOGS_PATH: logs, SPOOL_PATH: spool, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    expect(await runProgram(process.execPath, ['program.mjs'], { cwd, env })).toMatchObject({ status: 0, stderr: '' });
    const all = ['main', 'a', 'b']
      .flatMap((name) => Array.from({ length: LINES }, (_, index) => `line ${name}-${index}`))
      .toSorted((a, b) => a.localeCompare(b));
    const lines = readdirSync(logs).flatMap((name) => readFileSync(join(logs, name), 'utf8').trimEnd().split('\n'));
    const written = lines.map((line) => /line \w+-\d+/.exec(line)?.[0] ?? line);
    expect(written.toSorted((a, b) => a.localeCompare(b))).toEqual(all);
    const received = receiver.records().map(({ body }) => String(body));
    expect(received.toSorted((a, b) => a.localeCompare(b))).toEqual(all);
  },
);
