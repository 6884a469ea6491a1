import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { builtSource } from '../../support/built-source.ts';

const MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

describe('lines on stdout', () => {
  const source = builtSource();

  function run(
    script: string,
    options: { format?: string; pipe?: string; env?: Record<string, string> } = {},
  ): ReturnType<typeof spawn> {
    const program = `
      import { createRequire } from 'node:module';
      const { LoggerProvider } = createRequire(${JSON.stringify(`${MODULES}/`)})('@opentelemetry/sdk-logs');
      const { ConsoleLogRecordProcessor } = await import(${JSON.stringify(source.url('export/console/console.js'))});
      const output = new ConsoleLogRecordProcessor(${JSON.stringify(options.format ?? 'pretty')});
      const logger = new LoggerProvider({ processors: [output] }).getLogger('test');
      ${script}`;
    return spawn(program, options);
  }

  function spawn(
    program: string,
    { pipe = 'cat', env = {} }: { pipe?: string; env?: Record<string, string> },
  ): { stdout: string; stderr: string; status: number | null } {
    const shell = `set -o pipefail; "$0" --input-type=module -e "$1" | ${pipe}`;
    return spawnSync('bash', ['-c', shell, process.execPath, program], {
      encoding: 'utf8',
      cwd: MODULES,
      env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env },
    });
  }

  it('prints records with a severity, coloured, and leaves chunks to the stream handler', () => {
    const emits = `
      logger.emit({ body: 'a chunk' });
      logger.emit({ body: 'hello', severityNumber: 9, attributes: { 'session.id': 'mine' } });`;
    const { stdout } = run(emits, { env: { FORCE_COLOR: '1' } });
    expect(stdout.split('\n')).toHaveLength(2);
    // oxlint-disable-next-line no-control-regex -- colours are control characters
    expect(stdout).toMatch(/\u001b\[32mINFO \u001b\[0m.*\[mine\].* hello\n$/);
    expect(run(emits, { env: { NO_COLOR: '1' } }).stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}\[mine\] hello\n$/);
  });

  it.each([
    [{}, false],
    [{ FORCE_COLOR: '1' }, true],
    [{ FORCE_COLOR: 'true' }, true],
    [{ FORCE_COLOR: '0' }, false],
    [{ FORCE_COLOR: 'false' }, false],
    // As in Node itself.
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('without a terminal, with %o: coloured %s; plain lines never are', (env, isColoured) => {
    const emit = `logger.emit({ body: 'hello', severityNumber: 9 });`;
    expect(run(emit, { env }).stdout.includes('\u001b[')).toBe(isColoured);
    expect(run(emit, { env, format: 'plain' }).stdout).not.toContain('\u001b[');
  });

  it('plain lines have the date; JSON lines are those of the daily file', () => {
    const emit = `logger.emit({ body: { a: 1 }, severityNumber: 13, timestamp: 1e12,
      attributes: { 'session.id': 's', id: 1, 'exception.type': 'E', 'exception.stacktrace': 'E\\n    at x' } });
      logger.emit({ body: 'a chunk' });`;
    expect(run(emit, { format: 'plain' }).stdout).toBe(
      '2001-09-09T01:46:40.000Z WARN  [s] {"a":1} {"id":1}\n    E\n        at x\n',
    );
    const { stdout } = run(emit, { format: 'json' });
    expect(stdout.endsWith('\n')).toBe(true);
    expect(JSON.parse(stdout)).toEqual({
      time: '2001-09-09T01:46:40.000Z',
      level: 'WARN',
      severity_number: 13,
      session_id: 's',
      message: '{"a":1}',
      body: { a: 1 },
      attributes: { id: 1 },
      exception: { type: 'E', stacktrace: 'E\n    at x' },
      scope: { name: 'test' },
    });
  });

  it('prints no control character of a message or session id, and sets further lines in', () => {
    const emit = String.raw`logger.emit({
      body: 'one\u001b[2J\u009b\u0007\r\n12:00:00.000 FATAL forged', severityNumber: 9,
      attributes: { 'session.id': 'a\u001b\nb' } });`;
    const { stdout } = run(emit, { env: { NO_COLOR: '1' } });
    expect(stdout).toMatch(/ \[a\\u001b\\u000ab\] one\[2J\n {4}12:00:00\.000 FATAL forged\n$/);
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  });

  it('prints a message without the colours that it brings, and nothing that is left of them', () => {
    const emit = String.raw`logger.emit({ body: '\u001b[33mwarning\u001b[39m: \u009b1mx\u001b[m', severityNumber: 9 });`;
    expect(run(emit, { env: { NO_COLOR: '1' } }).stdout).toMatch(/ INFO {2}warning: x\n$/);
  });

  it('prints attributes behind the message, and an exception below it, set in', () => {
    const emits = String.raw`
      logger.emit({ body: 'one', severityNumber: 9, attributes: { 'session.id': 's', id: 1, 'session_logs.log_type': 'log' } });
      logger.emit({ body: 'two', severityNumber: 17, attributes: {
        'exception.type': 'TypeError', 'exception.message': 'no',
        'exception.stacktrace': 'TypeError: no\n    at x\r\n12:00:00.000 FATAL \u202eforged' } });
      logger.emit({ body: 'three', severityNumber: 17, attributes: { 'exception.type': 'E', 'exception.message': 'm', id: '\u202e' } });`;
    const { stdout } = run(emits, { env: { NO_COLOR: '1' } });
    expect(stdout.replaceAll(/^\d\d:\d\d:\d\d\.\d{3} /gm, '')).toBe(
      [
        'INFO  [s] one {"id":1}',
        'ERROR two',
        '    TypeError: no',
        '        at x',
        '    12:00:00.000 FATAL forged',
        'ERROR three {"id":""}',
        '    E: m',
        '',
      ].join('\n'),
    );
  });

  it('no session id ends its column or turns the direction of text', () => {
    const emit = String.raw`logger.emit({ body: 'x\u2067y', severityNumber: 9, attributes: { 'session.id': 'a] b\u202e' } });`;
    expect(run(emit, { env: { NO_COLOR: '1' } }).stdout).toMatch(/ \[a\\u005d b\\u202e\] xy\n$/);
  });

  it('a closed stdout ends the output, not the process', () => {
    const { stdout, stderr, status } = run(
      `for (let n = 0; n < 2_000; n += 1) {
         logger.emit({ body: 'x'.repeat(100), severityNumber: 9 });
         if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
       }
       console.error('alive', output.enabled());`,
      { pipe: 'head -1' },
    );
    expect(stdout.split('\n')).toHaveLength(2);
    expect(`${status} ${stderr}`).toBe('0 alive false\n');
  });

  it('a body that cannot be read does not come out of emit', () => {
    const { stdout, status } = run(`
      const cyclic = {}; cyclic.self = cyclic;
      for (const body of [cyclic, { get a() { throw new Error('no'); } }, 1n, () => 1]) logger.emit({ body, severityNumber: 9 });`);
    expect(status).toBe(0);
    expect(stdout.split('\n')).toHaveLength(5);
  });
});
