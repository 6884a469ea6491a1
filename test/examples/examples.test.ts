import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

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
    expect(fileLines(directory)).toHaveLength(11);
  });
});

describe('the demo', () => {
  it('streams documents as sessions, and what was read, written and received is equal', async () => {
    const directory = temporaryDirectory();
    const { code, stdout } = await run('demo.ts', ['--fast'], { LOGS_PATH: join(directory, 'logs') });
    expect(stdout).toContain('Everything arrived, everywhere, once.');
    expect(stdout.match(/ equal$/gm)).toHaveLength(4);
    expect(code).toBe(0);
  });

  it('takes other files, whatever text they hold, and the configured endpoint', async () => {
    const directory = temporaryDirectory();
    const text = 'Zeilen\r\nmit 👩‍👩‍👧 und <think>Marken</think>\u001b[31m und \u2028 Trennern\n'.repeat(50);
    writeFileSync(join(directory, 'emoji.txt'), text);
    writeFileSync(join(directory, 'empty.txt'), '');
    const before = receiver.records().length;
    const { code, stdout } = await run(
      'demo.ts',
      ['--fast', join(directory, 'emoji.txt'), join(directory, 'empty.txt')],
      {
        LOGS_PATH: join(directory, 'logs'),
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      },
    );
    expect(code).toBe(0);
    expect(stdout.match(/ acknowledged +equal$/gm)).toHaveLength(2);
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/\u001b/);
    const received = receiver
      .records()
      .slice(before)
      .filter(({ eventName }) => !eventName);
    expect(received.map(({ body }) => body).join('')).toBe(text);
  });

  it('ends non-zero, with its table, when the configured endpoint refuses the records', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'a.txt'), 'some text');
    const refusing = await startOtlpReceiver({ answer: { status: 400 } });
    const { code, stdout } = await run('demo.ts', ['--fast', join(directory, 'a.txt')], {
      LOGS_PATH: join(directory, 'logs'),
      OTEL_EXPORTER_OTLP_ENDPOINT: refusing.url,
    });
    await refusing.close();
    expect(stdout).toMatch(/ refused +DIFFERS$/m);
    expect(code).toBe(1);
  });

  it('ends non-zero when a record is lost on the way', async () => {
    const directory = temporaryDirectory();
    const { code, stdout } = await run('demo.ts', ['--fast', '--lose', '500'], { LOGS_PATH: join(directory, 'logs') });
    expect(stdout).toContain('DIFFERS');
    expect(code).toBe(1);
  });
});
