#!/usr/bin/env node
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { DevServer } from './dev/dev-server.ts';
import { WatchedProgram } from './dev/program.ts';
import { escapeControls, messageOf, optionProblem, wrongArguments } from './formats.ts';
import { SESSION_ATTRIBUTES } from './model/session-model.ts';
import { StaticPage } from './serve/static-page.ts';
import { checkedTraceLink } from './web/trace-link.ts';

const USAGE = `Usage: otel-session-logs dev [PATH...] [OPTIONS] [-- COMMAND [ARGUMENTS...]]

  Opens a page that shows the sessions of applications live. It receives logs over OTLP/HTTP, which applications with
  OpenTelemetry's defaults send to it without configuration, and reads PATHs: daily files, spools, and lines of OTLP
  JSON. With COMMAND it starts that program, lets it export to the viewer, and ends when the program ends.

  --port NUMBER              port of the page and the receiver. Default 4318, OpenTelemetry's own; 0 takes a free port
  --no-open                  does not open the page in the browser
  --session-attribute NAME   reads session ids from this attribute before session.id; may be repeated
  --trace-link TEMPLATE      makes trace ids links, for example http://localhost:16686/trace/{traceId}
  --no-register              starts a Node program without adding session logs to it (node --import)
  --allow-origin ORIGIN      lets a browser application send its logs, for example from http://localhost:3000; may be repeated
  --host HOST                listens on this address. Default 127.0.0.1; one that other machines reach needs a token
  --token TOKEN              a secret of 16 or more characters for all clients; or set OTEL_SESSION_LOGS_VIEWER_TOKEN

Exit code: that of COMMAND; 0 when a signal ends the viewer; 1 failure; 2 wrong arguments.
`;

const COMMAND = 'otel-session-logs dev';
const DEFAULT_PORT = 4318;
const PAGE = fileURLToPath(new URL('page/', import.meta.url));

/** What {@link dev} uses of the process that runs it. */
export interface CliEnvironment {
  /** Takes the help and, without COMMAND, the addresses. With COMMAND, it takes what that program prints to its stdout. */
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Takes the errors; with COMMAND also the addresses, and what that program prints to its stderr. */
  readonly stderr: NodeJS.WritableStream;
  /** Has the token, unless an option gives it. COMMAND gets it too, with settings for its export. */
  readonly env: NodeJS.ProcessEnv;
  /** URL of the module that `node --import` loads into a program without session logs. @default none: COMMAND starts as it is */
  readonly register?: string | undefined;
  /**
   * Opens an address in the browser. Called only if `stdout` is a terminal and `--no-open` is not given. When it rejects, the
   * command says so and continues.
   *
   * @default the user's browser
   */
  readonly open?: ((url: string) => Promise<unknown>) | undefined;
  /** Ends the command, as SIGTERM does. */
  readonly signal?: AbortSignal | undefined;
  /** Called once, when the server listens. */
  readonly onListening?: ((server: DevServer) => void) | undefined;
}

/**
 * Runs `otel-session-logs dev` until COMMAND ends, or without COMMAND until SIGINT, SIGTERM, SIGHUP or the abort of `signal`.
 * COMMAND gets these signals too (SIGTERM for the abort). Errors are written to `stderr`.
 *
 * @param args What follows `dev` on the command line.
 * @returns The exit code, when the server is closed: that of COMMAND (127 if it cannot be started, 128 + n if signal n killed
 * it); 0 if a signal ended the viewer; 1 if the viewer cannot start; 2 for wrong arguments.
 */
export async function dev(args: readonly string[], environment: CliEnvironment): Promise<number> {
  const { stdout, stderr, env } = environment;
  // Whoever read them may be gone, as `head` is after ten lines; without a listener the error would end the process.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  let given: Given;
  try {
    given = parse(args, env);
  } catch (error) {
    stderr.write(wrongArguments(COMMAND, messageOf(error)));
    return 2;
  }
  if (given.isHelp) {
    stdout.write(USAGE);
    return 0;
  }
  let server: DevServer;
  try {
    server = new DevServer({ ...given, page: existsSync(`${PAGE}index.html`) ? new StaticPage(PAGE) : undefined });
  } catch (error) {
    const isWrong = error instanceof RangeError || error instanceof TypeError;
    stderr.write(
      isWrong ? wrongArguments(COMMAND, messageOf(error)) : `${COMMAND}: ${escapeControls(messageOf(error))}\n`,
    );
    return isWrong ? 2 : 1;
  }
  try {
    await server.start();
  } catch (error) {
    stderr.write(`${COMMAND}: ${startFailure(error, given.port)}\n`);
    await server.close();
    return 1;
  }
  environment.onListening?.(server);
  return serve(server, given, environment);
}

async function serve(server: DevServer, given: Given, environment: CliEnvironment): Promise<number> {
  const { stdout, stderr, env, register } = environment;
  // Another program may read the stdout of COMMAND.
  const notes = given.command.length > 0 ? stderr : stdout;
  notes.write(greeting(server, given));
  if (given.opens && stdout.isTTY === true) {
    const open = environment.open ?? openInBrowser;
    open(server.pageUrl).catch(() => notes.write('the browser could not be opened\n'));
  }
  const signals = new EndSignals(environment.signal);
  try {
    if (given.command.length === 0) {
      await signals.first();
      return 0;
    }
    const program = new WatchedProgram(
      server.model,
      {
        command: given.command,
        endpoint: server.endpoint,
        token: given.token,
        register: given.registers ? register : undefined,
        env,
      },
      { stdout, stderr },
    );
    signals.onSignal = (signal) => program.signal(signal);
    return await program.ended;
  } finally {
    signals.stop();
    await server.close();
  }
}

interface Given {
  readonly isHelp: boolean;
  readonly port: number;
  readonly host: string | undefined;
  readonly token: string | undefined;
  readonly opens: boolean;
  readonly registers: boolean;
  readonly paths: readonly string[];
  readonly command: readonly string[];
  readonly sessionAttributes: readonly string[];
  readonly traceLink: string | undefined;
  readonly allowedOrigins: readonly string[];
}

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  token: { type: 'string' },
  'no-open': { type: 'boolean' },
  'no-register': { type: 'boolean' },
  'session-attribute': { type: 'string', multiple: true },
  'trace-link': { type: 'string' },
  'allow-origin': { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h' },
} as const;

function parse(args: readonly string[], env: NodeJS.ProcessEnv): Given {
  const end = args.indexOf('--');
  const own = end === -1 ? [...args] : args.slice(0, end);
  const problem = optionProblem(own, OPTIONS);
  if (problem !== undefined) throw new TypeError(problem);
  const { values, positionals } = parseArgs({ args: own, allowPositionals: true, options: OPTIONS });
  const command = end === -1 ? [] : args.slice(end + 1);
  if (end !== -1 && (command[0] ?? '') === '') throw new TypeError('expected a command after `--`');
  if (positionals.includes('')) throw new TypeError('expected a path, got ""');
  const token = values.token ?? env['OTEL_SESSION_LOGS_VIEWER_TOKEN'];
  return {
    isHelp: values.help === true,
    port: portOf(values.port),
    host: values.host,
    token: token === '' ? undefined : token,
    opens: values['no-open'] !== true,
    registers: values['no-register'] !== true,
    paths: positionals,
    command,
    sessionAttributes: [...(values['session-attribute'] ?? []), ...SESSION_ATTRIBUTES],
    traceLink: checkedTraceLink(values['trace-link'], '--trace-link'),
    allowedOrigins: values['allow-origin'] ?? [],
  };
}

function portOf(value: string | undefined): number {
  if (value === undefined) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (port <= 65_535) return port;
  throw new TypeError(`expected \`--port\` to be a number from 0 to 65535, got ${JSON.stringify(value)}`);
}

function greeting(server: DevServer, { paths }: Given): string {
  return [
    `sessions are shown at  ${server.pageUrl}`,
    `logs are received at   ${server.endpoint}  (OTLP/HTTP, JSON and protobuf)`,
    ...paths.map((path) => `logs are read from     ${escapeControls(path)}`),
    '',
  ].join('\n');
}

function startFailure(error: unknown, port: number): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return `port ${port} is in use, perhaps by a collector or another viewer: choose another one with --port, and set it in OTEL_EXPORTER_OTLP_ENDPOINT too`;
  }
  return escapeControls(messageOf(error));
}

async function openInBrowser(url: string): Promise<void> {
  // Loaded late, so that the command listens sooner.
  const { default: open } = await import('open');
  await open(url);
}

/** The signals that end the command: at once, or once the program that it started has ended. */
class EndSignals {
  onSignal: ((signal: NodeJS.Signals) => void) | undefined;
  readonly #first: Promise<void>;
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[];

  constructor(abort: AbortSignal | undefined) {
    let end = (): void => {};
    this.#first = new Promise((resolve) => {
      end = resolve;
    });
    this.#listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => {
      const listener = (): void => {
        // A terminal sends SIGINT to the program as well. To many programs, a second one means to quit at once.
        if (signal !== 'SIGINT' || !process.stdin.isTTY) this.onSignal?.(signal);
        end();
      };
      process.on(signal, listener);
      return [signal, listener] as const;
    });
    abort?.addEventListener('abort', () => {
      this.onSignal?.('SIGTERM');
      end();
    });
  }

  first(): Promise<void> {
    return this.#first;
  }

  stop(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }
}

/** Whether this module was started as a program. npm starts it through a symbolic link, so this compares the real paths. */
function isMain(): boolean {
  const [, script] = process.argv;
  if (script === undefined) return false;
  try {
    return realpathSync(script) === fileURLToPath(import.meta.url);
  } catch {
    // The script is not a file (`node -e`), so this module was imported.
    return false;
  }
}

/** The module for `node --import` in a clone of the repository, if the main package is built there. */
function builtRegister(): string | undefined {
  const url = new URL('../../dist/register.js', import.meta.url);
  return existsSync(url) ? url.href : undefined;
}

if (isMain()) {
  void dev(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    register: builtRegister(),
  }).then((code) => {
    process.exitCode = code;
  });
}
