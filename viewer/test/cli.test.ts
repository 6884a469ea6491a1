import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';

import { describe, expect, it, onTestFinished } from 'vitest';

import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { until } from '../../test/support/until.ts';
import { ask } from './support/dev-server.ts';
import { runDev } from './support/cli.ts';

describe('otel-session-logs dev', () => {
  it('listens on 127.0.0.1, reads the paths, and says where', async () => {
    const path = temporaryDirectory();
    writeFileSync(join(path, 'app.log'), '2026-11-23T10:00:00.000Z INFO [abc] m {"otel.scope.name":"app"}\n');
    const cli = runDev([path, '--port', '0', '--no-open']);
    const server = await cli.server;
    await until(() => server.model.entries === 1);
    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(cli.out()).toContain(`sessions are shown at  ${server.endpoint}/`);
    expect((await ask(`${server.endpoint}/api/state`)).status).toBe(200);
    cli.end();
    expect(await cli.code).toBe(0);
    await expect(ask(`${server.endpoint}/api/state`)).rejects.toThrow('ECONNREFUSED');
  });

  it('opens the page where there is a terminal, and not with --no-open', async () => {
    const opened: string[] = [];
    const open = (url: string): Promise<void> => Promise.resolve(void opened.push(url));
    const terminal = (): PassThrough & { isTTY: true } =>
      Object.assign(new PassThrough().resume(), { isTTY: true as const });
    const one = await runDev(['--port=0'], { open, stdout: terminal() }).server;
    await runDev(['--port=0', '--no-open'], { open, stdout: terminal() }).server;
    await runDev(['--port=0'], { open }).server;
    expect(opened).toEqual([one.pageUrl]);
  });

  it.each([
    [['--port', 'x'], 'expected `--port` to be a number from 0 to 65535, got "x"'],
    [['--port', '65536'], 'expected `--port` to be a number from 0 to 65535, got "65536"'],
    [['--what'], 'unknown option --what\n'],
    [['--ports', '1'], 'unknown option --ports: did you mean --port?\n'],
    [['--port'], '--port needs a value\n'],
    [['--port', '-1'], '--port needs a value: write --port=VALUE if that begins with -\n'],
    [['--no-open=1'], '--no-open takes no value, got "1"\n'],
    [['--'], 'expected a command after `--`'],
    [['--port=0', '--host', '0.0.0.0'], 'expected a `token` for the host "0.0.0.0"'],
    [['--trace-link', 'http://localhost:16686/trace/'], 'expected `--trace-link` to be an http or https address with'],
    [['--trace-link', 'javascript:alert({traceId})'], 'got "javascript:alert({traceId})"'],
    [['--port=0', '--allow-origin', '*'], 'expected `--allow-origin` to be an origin as browsers send it'],
    [['--port=0', '--allow-origin', 'http://localhost:3000/'], 'got "http://localhost:3000/"'],
    [['--port=0', '--token', 'short'], 'expected `token` to have at least 16 characters, got 5'],
    [['--port=0', '--token', 'пароль-пароль-пароль'], 'expected `token` to have visible ASCII characters only'],
    [['--port=0', '--token', 'a token of many words'], 'expected `token` to have visible ASCII characters only'],
    [
      ['--port=0', '--host=', '--token=a-token-of-enough-characters'],
      'expected `host` to be a name or an address, got ""',
    ],
    [['--port=0', ''], 'expected a path, got ""'],
  ])('ends with 2 for the arguments %j', async (args, message) => {
    const cli = runDev(args, { env: {} });
    expect(await cli.code).toBe(2);
    expect(cli.err()).toMatch(/^otel-session-logs dev: /);
    expect(cli.err()).toContain(message);
    expect(cli.err().split('\n').slice(1)).toEqual([
      'Run `otel-session-logs dev --help` to see its arguments and options.',
      '',
    ]);
  });

  it.each(['[::1]', '::1'])('listens on the IPv6 address %s', async (host) => {
    const { endpoint } = await runDev(['--port=0', '--host', host]).server;
    expect(endpoint).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await ask(`${endpoint}/api/state`)).status).toBe(200);
  });

  it('ends with 1, and says what to do, where the port is in use, or a path is not there', async () => {
    const other = createServer();
    onTestFinished(() => void other.close());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const cli = runDev(['--port', String(port)]);
    expect(await cli.code).toBe(1);
    expect(cli.err()).toContain(`port ${port} is in use`);
    const missing = runDev(['--port=0', '/no/such/place']);
    expect(await missing.code).toBe(1);
    expect(missing.err()).toContain('/no/such/place does not exist');
  });

  it.each([['--help'], ['--port=0'], ['--port=x']])('goes on when nobody reads what it prints: %s', async (args) => {
    const gone = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done(new Error('write EPIPE')) });
    const cli = runDev([args], { stdout: gone(), stderr: gone() });
    if (args === '--port=0') expect((await ask(`${(await cli.server).endpoint}/api/state`)).status).toBe(200);
    cli.end();
    expect(await cli.code).toBe(args === '--port=x' ? 2 : 0);
  });

  it('takes the token of the environment, and prints the address with it', async () => {
    const token = 'a-token-of-enough-characters';
    const cli = runDev(['--port=0'], { env: { OTEL_SESSION_LOGS_VIEWER_TOKEN: token } });
    const server = await cli.server;
    expect((await ask(`${server.endpoint}/api/state`)).status).toBe(401);
    expect(cli.out()).toContain(`/?token=${token}`);
  });
});

describe('otel-session-logs dev -- COMMAND', () => {
  const PROGRAM = `
    const { env } = process;
    console.log('hello', env.OTEL_EXPORTER_OTLP_ENDPOINT);
    console.error('a note');
    console.log(JSON.stringify({ time: '2026-11-23T10:00:00.000Z', message: 'as JSON', session_id: 'abc' }));
    console.log('2026-11-23T10:00:00.000Z INFO  [abc] exported too');
    console.log('  end without a line end'.trimEnd());
    process.exitCode = 3;
  `;

  it('starts the program with the endpoint set, shows what it prints, and ends with its code', async () => {
    const cli = runDev(['--port=0', '--', process.execPath, '-e', PROGRAM], { env: { PATH: process.env['PATH'] } });
    const { model, endpoint } = await cli.server;
    expect(await cli.code).toBe(3);
    const output = [...model.sessions.values()].find(({ kind }) => kind === 'output');
    expect(output?.entries.map(({ text, data }) => [data.severityText, text]).toSorted()).toEqual([
      ['STDERR', 'a note'],
      ['STDOUT', '  end without a line end'],
      ['STDOUT', '2026-11-23T10:00:00.000Z INFO  [abc] exported too'],
      ['STDOUT', `hello ${endpoint}`],
    ]);
    expect(model.find('abc')?.entries.map(({ text }) => text)).toEqual(['as JSON']);
    expect(cli.out()).toContain(`hello ${endpoint}\n`);
    // What a program prints may be data: the viewer's own lines are not among it.
    expect(cli.out()).not.toContain('sessions are shown at');
    expect(cli.err()).toContain('a note\n');
  });

  it('sets `register` for Node programs, keeps NODE_OPTIONS, and leaves it with --no-register', async () => {
    const module = join(temporaryDirectory(), 'register.mjs');
    writeFileSync(module, 'console.log("registered");');
    const register = `file://${module}`;
    const program = ['--', process.execPath, '-e', 'console.log(process.env.NODE_OPTIONS)'];
    const env = { PATH: process.env['PATH'], NODE_OPTIONS: '--no-warnings' };
    const cli = runDev(['--port=0', ...program], { env, register });
    expect(await cli.code).toBe(0);
    expect(cli.out()).toBe(`registered\n--no-warnings --import ${register}\n`);
    const without = runDev(['--port=0', '--no-register', ...program], { env, register });
    await without.code;
    expect(without.out()).toBe('--no-warnings\n');
  });

  it.each(['OTLP', 'OTLP_LOGS'])(
    'gives the program the token, and speaks HTTP where gRPC was meant: %s',
    async (of) => {
      const program = `console.log(process.env.OTEL_EXPORTER_${of}_HEADERS, process.env.OTEL_EXPORTER_${of}_PROTOCOL)`;
      const own = { [`OTEL_EXPORTER_${of}_HEADERS`]: 'a=b', [`OTEL_EXPORTER_${of}_PROTOCOL`]: 'grpc' };
      const env = { PATH: process.env['PATH'], ...own };
      const cli = runDev(['--port=0', '--token=a-token-of-enough-characters', '--', process.execPath, '-e', program], {
        env,
      });
      await cli.code;
      expect(cli.out()).toBe('a=b,authorization=Bearer%20a-token-of-enough-characters http/protobuf\n');
    },
  );

  it('lets no proxy stand between the program and the viewer', async () => {
    const program = ['--', process.execPath, '-p', '[process.env.NO_PROXY, process.env.no_proxy].join()'];
    const env = { PATH: process.env['PATH'] };
    const cli = runDev(['--port=0', ...program], { env });
    await cli.code;
    const own = runDev(['--port=0', ...program], { env: { ...env, NO_PROXY: '.example' } });
    await own.code;
    expect([cli.out(), own.out()]).toEqual(['127.0.0.1,127.0.0.1\n', '.example,127.0.0.1,.example,127.0.0.1\n']);
  });

  it('lets exporters wait 50 ms for more, so that tokens are seen as they come, or as long as the user says', async () => {
    const program = ['--', process.execPath, '-p', 'process.env.OTEL_BLRP_SCHEDULE_DELAY'];
    const env = { PATH: process.env['PATH'] };
    const cli = runDev(['--port=0', ...program], { env });
    await cli.code;
    const own = runDev(['--port=0', ...program], { env: { ...env, OTEL_BLRP_SCHEDULE_DELAY: '700' } });
    await own.code;
    expect([cli.out(), own.out()]).toEqual(['50\n', '700\n']);
  });

  it('passes on the signal that ends it, and waits for the program', async () => {
    const program =
      "process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); console.log('up'); setInterval(() => {}, 1e6)";
    const cli = runDev(['--port=0', '--', process.execPath, '-e', program]);
    await cli.server;
    await until(() => cli.out().includes('up'));
    cli.end();
    expect(await cli.code).toBe(0);
    expect(cli.out()).toBe('up\nbye\n');
  });

  it('keeps running with its program when nobody reads the output any more', async () => {
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(new Error('write EPIPE')) });
    const program =
      'let at = 0; const timer = setInterval(() => { console.log(at += 1); if (at === 5) process.exit(3); }, 20)';
    const cli = runDev(['--port=0', '--', process.execPath, '-e', program], { stdout });
    const { model } = await cli.server;
    expect(await cli.code).toBe(3);
    expect([...model.sessions.values()][0]?.entries.map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5']);
  });

  it('ends with its program, though another one that it started keeps the output open', async () => {
    const program = `
      const other = require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' });
      other.unref();
      console.log(other.pid);
      process.exitCode = 3;
    `;
    const cli = runDev(['--port=0', '--', process.execPath, '-e', program]);
    onTestFinished(() => void process.kill(Number(cli.out())));
    expect(await cli.code).toBe(3);
    expect(() => process.kill(Number(cli.out()), 0)).not.toThrow();
  });

  it('shows what comes after its program has ended, also a last line without a line end', async () => {
    const late = "setTimeout(() => { console.log('late'); process.stdout.write('last'); }, 500)";
    const program = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(late)}], { stdio: 'inherit' }).unref()`;
    const cli = runDev(['--port=0', '--', process.execPath, '-e', program]);
    const { model } = await cli.server;
    expect(await cli.code).toBe(0);
    expect(cli.out()).toBe('late\nlast');
    expect([...model.sessions.values()][0]?.entries.map(({ text }) => text)).toEqual(['late', 'last']);
  });

  it('refuses a command without a name', async () => {
    const cli = runDev(['--port=0', '--', '']);
    expect(await cli.code).toBe(2);
    expect(cli.err()).toContain('expected a command');
  });

  it('ends with 127 where there is no such program, and as a shell after a signal', async () => {
    const missing = runDev(['--port=0', '--', 'no-such-program-here']);
    expect(await missing.code).toBe(127);
    expect(missing.err()).toContain('no-such-program-here could not be started');
    const below = runDev(['--port=0', '--', `${process.execPath}/program`]);
    expect(await below.code).toBe(127);
    expect(below.err()).toContain('/program could not be started: spawn ENOTDIR');
    const killed = runDev(['--port=0', '--', process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")']);
    expect(await killed.code).toBe(137);
  });
});
