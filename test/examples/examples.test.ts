import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runInTerminal, textOf } from '../../scripts/pictures/terminal.ts';
import { builtExample } from '../support/built-source.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an example as the README says, with its daily files in a directory of the test. */
function run(example: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [builtExample(example), ...args],
      { cwd: ROOT, env: { ...process.env, NO_COLOR: '1', ...env }, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    );
  });
}

function fileLines(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1));
}

/** What `docs/examples.md` shows below the command that runs it. */
function shown(example: string): string {
  const page = readFileSync(join(ROOT, 'docs/examples.md'), 'utf8');
  const [, block] = new RegExp(`examples/${example}\n\`\`\`\n\n\`\`\`text\n([^]*?\n)\`\`\``, 'u').exec(page) ?? [];
  if (block === undefined) throw new Error(`docs/examples.md shows no output of ${example}`);
  return block;
}

/** Without what differs from run to run. */
function masked(text: string): string {
  return text.replaceAll(/[0-9a-f]{32}/gu, 'TRACE').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/gu, 'TIME');
}

let receiver: OtlpReceiver;
beforeAll(async () => {
  receiver = await startOtlpReceiver();
});
afterAll(() => receiver.close());

describe('the examples', () => {
  it('existing-otel-setup: a session in a NodeSDK with traces, beside another log processor', async () => {
    const { code, stdout } = await run('existing-otel-setup.ts', []);
    expect(code).toBe(0);
    const entries = stdout.split('\n').filter((line) => line.includes('(trace '));
    expect(entries.map((line) => line.replace(/ {2}\(trace [0-9a-f]{32}\)$/, ''))).toEqual([
      'log  question received',
      'chat Turn ',
      'chat it off ',
      'chat and on ',
      'chat again.',
    ]);
    expect(masked(`${entries.join('\n')}\n`)).toBe(masked(shown('existing-otel-setup.ts')));
    // The processor after ours sees the session on every record.
    expect(stdout.match(/'session.id': 'abc123'/g)).toHaveLength(5);
  });

  it('ship-to-collector: every record arrives at the endpoint and in the daily file', async () => {
    const directory = temporaryDirectory();
    const { code, stdout } = await run('ship-to-collector.ts', [], {
      LOGS_PATH: directory,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_SERVICE_NAME: 'example',
      FORCE_COLOR: '0',
    });
    // Its leveled logs, and what it prints itself.
    expect(`${code} ${stdout}`).toMatch(
      /^0 .* INFO {2}\[alice\] session opened .*\n.* \[bob\] .*\nshipped; lost: \{\}\n$/,
    );
    expect(masked(stdout)).toBe(masked(shown('ship-to-collector.ts')));
    const records = receiver.records();
    for (const sessionId of ['alice', 'bob']) {
      const own = records.filter((record) => record.attributes['session.id'] === sessionId);
      expect(own.map((record) => record.body)).toEqual([
        'session opened',
        ...[1, 2, 3].map((n) => `chunk ${n} for ${sessionId}`),
      ]);
      expect(own[0]).toMatchObject({ severityText: 'INFO', attributes: { plan: 'free' } });
      expect(own[0]?.resource).toMatchObject({ 'service.name': 'example', 'deployment.environment.name': 'example' });
    }
    expect(fileLines(directory)).toHaveLength(8);
  });

  it('local-iteration: prints the session while it is written, and ends by itself with everything flushed', async () => {
    const directory = temporaryDirectory();
    const { code, stdout, stderr } = await run('local-iteration.ts', [], { LOGS_PATH: directory });
    expect(`${code} ${stdout}${stderr}`).toBe('0 A session can be read while it is written. \n');
    expect(stdout.replace(' \n', '\n')).toBe(shown('local-iteration.ts'));
    expect(fileLines(directory)).toHaveLength(11);
  });
});

describe('the demo', () => {
  const cut = /user {6}loses the connection, after "…(.*)"\n.*\n.*user {6}asks for .* gets (\d+) pieces: "(.*)…"\n/;

  it('cuts a reader off that comes back without a hole, and a collector that misses nothing', async () => {
    const directory = temporaryDirectory();
    const { code, stdout } = await run('demo.ts', ['--fast'], { LOGS_PATH: join(directory, 'logs') });
    expect(stdout.match(/ equal$/gm)).toHaveLength(4);
    const told = stdout.replaceAll(/\n {19}/g, ' ').replaceAll(/^ *[\d.]+ s .*operator.*\n/gm, '');
    const [, before = '?', pieces, after = '?'] = cut.exec(told) ?? [];
    const answer = readFileSync(join(ROOT, 'examples/demo/answer.txt'), 'utf8').replaceAll('\n', ' ');
    expect(answer).toContain(before + after);
    expect(Number(pieces)).toBeGreaterThan(0);
    const [, waited] = /collector is back; (\d+) records wait on the disk/.exec(told) ?? [];
    expect(Number(waited)).toBeGreaterThan(0);
    expect(told).toContain('has them all, in order');
    // What the operator logs is told, and is not in the count of the user.
    expect(stdout).toMatch(/operator {2}WARN /);
    const counts = [...stdout.matchAll(/ (\d+) +\d+ +equal$/gm)].map(([, count]) => Number(count));
    expect(counts.map((count) => count - (counts[0] ?? 0))).toEqual([0, 3, 3, 3]);
    expect(code).toBe(0);
  });

  it('is not disturbed by what a run that was killed has left in the spool', async () => {
    const directory = temporaryDirectory();
    const env = { ...process.env, LOGS_PATH: join(directory, 'logs') };
    const killed = spawn(process.execPath, [builtExample('demo.ts')], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const bytes of killed.stdout) if (String(bytes).includes('operator  WARN')) killed.kill('SIGKILL');
    expect(readdirSync(join(directory, 'logs/spool'))).not.toEqual([]);
    const { code, stdout } = await run('demo.ts', ['--fast'], { LOGS_PATH: join(directory, 'logs') });
    expect(stdout.match(/ equal$/gm)).toHaveLength(4);
    expect(code).toBe(0);
  });

  it.each([
    ['any text', 'Zeilen\r\nmit 👩‍👩‍👧 und <think>Marken</think>\u001b[31m und \u2028 Trennern\n'.repeat(50)],
    ['nothing', ''],
  ])('takes a file of %s, which does not drive the terminal', async (_, text) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'answer.txt'), text);
    const { code, stdout } = await run('demo.ts', ['--fast', join(directory, 'answer.txt')], {
      LOGS_PATH: join(directory, 'logs'),
      // Whatever the shell exports to, and however.
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_SDK_DISABLED: 'true',
    });
    expect(stdout.match(/ equal$/gm)).toHaveLength(4);
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u2028]/);
    expect(code).toBe(0);
  });

  it('ends non-zero when a record is lost on the way, and says where', async () => {
    const directory = temporaryDirectory();
    const { code, stdout } = await run('demo.ts', ['--fast', '--lose', '200'], { LOGS_PATH: join(directory, 'logs') });
    const verdicts = [...stdout.matchAll(/ (equal|DIFFERS)$/gm)].map(([, verdict]) => verdict);
    expect(verdicts).toEqual(['equal', 'equal', 'equal', 'DIFFERS']);
    expect(code).toBe(1);
  });

  it.skipIf(!existsSync('/usr/bin/script'))('fits a terminal of 60 columns, with and without colours', async () => {
    const colours = async (env: Record<string, string>): Promise<number> => {
      const { exitCode, lines, brokenLines } = await runInTerminal([builtExample('demo.ts'), '--fast'], {
        columns: 60,
        rows: 24,
        cwd: temporaryDirectory(),
        env: { PATH: process.env['PATH'], ...env },
      });
      expect({ exitCode, brokenLines }).toEqual({ exitCode: 0, brokenLines: [] });
      const text = lines.map(({ spans }) => textOf(spans)).join('\n');
      expect(text.match(/ equal$/gm)).toHaveLength(4);
      // Each part of the view is there once: it was redrawn in its place.
      expect(text.match(/^ ● (?:user|operator|collector)/gm)).toHaveLength(3);
      return new Set(lines.flatMap(({ spans }) => spans.map(({ colour }) => colour))).size;
    };
    expect(await colours({})).toBeGreaterThan(3);
    expect(await colours({ NO_COLOR: '1' })).toBe(1);
  });
});
