import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';

import { escapeControls, messageOf } from '../formats.ts';
import type { SessionModel } from '../model/session-model.ts';
import { ProgramOutputSource } from '../sources/program-output.ts';

export interface ProgramOptions {
  readonly command: readonly string[];
  /** Base URL of the receiver. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  /** The module that `node --import` loads to start session logs. `undefined`: the program runs as it is. */
  readonly register?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** Where output goes besides the page. */
export interface ProgramOutput {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

type ProgramProcess = ChildProcessByStdio<null, Readable, Readable>;

/** Other programs that it started may keep its output open. They are heard until nothing has come for this time. */
const QUIET_MILLIS = 1_000;

/** A program that the viewer starts. It exports to the viewer, which also shows what it prints. */
export class WatchedProgram {
  readonly #child: ChildProcess | undefined;
  /** Its exit code, as a shell reports it: 127 if the program could not be started, 128 + n if signal n killed it. */
  readonly ended: Promise<number>;

  constructor(model: SessionModel, options: ProgramOptions, output: ProgramOutput) {
    const [command = '', ...args] = options.command;
    const couldNotStart = (error: unknown): number => {
      output.stderr.write(`${escapeControls(command)} could not be started: ${escapeControls(messageOf(error))}\n`);
      return 127;
    };
    const source = new ProgramOutputSource(model, options.command.join(' ').slice(0, 200));
    let child: ProgramProcess;
    try {
      child = spawn(command, args, { stdio: ['inherit', 'pipe', 'pipe'], env: environmentOf(options) });
    } catch (error) {
      // Of some errors, such as a path through a file, Node does not tell by an event.
      this.ended = Promise.resolve(couldNotStart(error));
      return;
    }
    this.#child = child;
    source.take(child.stdout, false);
    source.take(child.stderr, true);
    passOn(child.stdout, output.stdout);
    passOn(child.stderr, output.stderr);
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(couldNotStart(error)));
      child.once('exit', () => endOutput(child));
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  }

  /** Passes a signal on to the program, which decides what to do. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }
}

/**
 * How long exporters wait for more records, unless the user sets it. OpenTelemetry's default is a second, too long for a live
 * page.
 */
const SCHEDULE_DELAY_MILLIS = '50';

function environmentOf({ endpoint, token, register, env }: ProgramOptions): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: options } = env;
  const authorization = token === undefined ? undefined : `authorization=Bearer%20${encodeURIComponent(token)}`;
  const given: NodeJS.ProcessEnv = {
    OTEL_BLRP_SCHEDULE_DELAY: SCHEDULE_DELAY_MILLIS,
    ...env,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    // It takes precedence over the endpoint for all signals. Beside another SDK, session logs export only to this one.
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${endpoint}/v1/logs`,
  };
  // Python's exporter would send what goes to this machine through the proxy too.
  const others = env['no_proxy'] ?? env['NO_PROXY'];
  for (const name of ['no_proxy', 'NO_PROXY']) given[name] = joined(others, new URL(endpoint).hostname);
  if (authorization !== undefined) {
    given['OTEL_EXPORTER_OTLP_HEADERS'] = joined(env['OTEL_EXPORTER_OTLP_HEADERS'], authorization);
    const ofLogs = env['OTEL_EXPORTER_OTLP_LOGS_HEADERS'];
    if (ofLogs !== undefined) given['OTEL_EXPORTER_OTLP_LOGS_HEADERS'] = joined(ofLogs, authorization);
  }
  // A setting for logs takes precedence over the one for all signals, so both are replaced.
  for (const name of ['OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_EXPORTER_OTLP_LOGS_PROTOCOL']) {
    if (env[name] === 'grpc') given[name] = 'http/protobuf';
  }
  if (register !== undefined) {
    given['NODE_OPTIONS'] = `${options ?? ''} --import ${register}`.trim();
    // When the program starts session logs of its own, those replace the ones that the module started.
    given['OTEL_SESSION_LOGS_REGISTER'] = 'until-start';
  }
  return given;
}

/** One more in a list with commas. */
function joined(list: string | undefined, more: string): string {
  return list === undefined || list === '' ? more : `${list},${more}`;
}

function passOn(from: Readable, to: NodeJS.WritableStream): void {
  from.pipe(to, { end: false });
  // The reader is gone, as `head` is after ten lines. The page still shows what comes.
  to.on('error', () => from.resume());
}

/** Ends the output of a program that has ended, once nothing comes of it and nothing waits to be passed on. */
function endOutput({ stdout, stderr }: ProgramProcess): void {
  const streams = [stdout, stderr];
  let isQuiet = false;
  for (const stream of streams) stream.on('data', () => (isQuiet = false));
  const timer = setInterval(() => {
    if (isQuiet && !streams.some((stream) => stream.isPaused())) for (const stream of streams) stream.destroy();
    if (streams.every(({ destroyed }) => destroyed)) clearInterval(timer);
    isQuiet = true;
  }, QUIET_MILLIS).unref();
}
