import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';

import { builtSource } from '../support/built-source.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { programOf, programsOf } from '../support/page-programs.ts';
import { runProgram } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PAGE = 'destinations.md';

/** Runs the program below a heading of the page, on the source, in a directory of its own; gives the lines it prints. */
async function run(heading: string, env: Record<string, string>): Promise<string[]> {
  // Beside the packages that it imports.
  const built = fileURLToPath(builtSource().url(`pages/${heading.replaceAll(/\W+/g, '-')}`));
  mkdirSync(built, { recursive: true });
  onTestFinished(() => rmSync(built, { recursive: true, force: true }));
  const [[name, code] = ['', '']] = programOf(PAGE, heading).files;
  writeFileSync(join(built, name), code);
  const outfile = join(built, 'program.js');
  buildSync({
    entryPoints: [join(built, name)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    alias: {
      'otel-session-logs': fileURLToPath(builtSource().url('index.js')),
      'otel-session-logs/export': fileURLToPath(builtSource().url('export.js')),
      kafkajs: fileURLToPath(new URL('kafkajs.ts', import.meta.url)),
    },
    external: ['*.js'],
  });
  const cwd = temporaryDirectory();
  const ran = await runProgram(process.execPath, [outfile], { cwd, env: { ...process.env, ...env } });
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  return ran.stdout.trimEnd().split('\n');
}

describe('the page `docs/destinations.md`', () => {
  it('has programs that are run here, and no others', () => {
    expect(programsOf(PAGE).map(({ heading }) => heading)).toEqual([
      'One of your own',
      'A second OTLP endpoint',
      'Kafka',
    ]);
  });

  it('one of your own gets warnings, with their session', async () => {
    expect(await run('One of your own', {})).toEqual(['WARN [abc123] slow']);
  });

  it('a second OTLP endpoint gets warnings, the first one everything', async () => {
    const [collector, audit] = [await startOtlpReceiver(), await startOtlpReceiver()];
    onTestFinished(async () => void (await Promise.all([collector.close(), audit.close()])));
    const lines = await run('A second OTLP endpoint', { COLLECTOR_URL: collector.url, AUDIT_URL: audit.logsUrl });
    expect(lines.at(-1)).toBe('{"export":{"lost":{}},"console":{"lost":{}},"file":{"lost":{}},"audit":{"lost":{}}}');
    const bodiesOf = (receiver: typeof audit): unknown[] => receiver.records().map(({ body }) => body);
    expect([bodiesOf(collector), bodiesOf(audit)]).toEqual([['to the collector', 'to both'], ['to both']]);
  });

  it('Kafka gets every record, also what was sent before it could take anything', async () => {
    const lines = await run('Kafka', { KAFKA_BROKER: '127.0.0.1:1' });
    const sent = lines.filter((line) => line.startsWith('session-logs '));
    expect([lines[0], lines.at(-1)]).toEqual(['connected to 127.0.0.1:1', 'disconnected']);
    expect(sent.map((line) => line.split(' ', 2)[1])).toEqual(['abc123', 'abc123']);
    const values = sent.map((line) => JSON.parse(line.slice('session-logs abc123 '.length)) as { body: string });
    expect(values.map(({ body }) => body)).toEqual(['Hello', 'answered']);
    expect(lines).toContain('{"console":{"lost":{}},"file":{"lost":{}},"kafka":{"lost":{}}}');
  });
});
