import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

import { flatten } from '../../support/otlp-decode.ts';
import type { OtlpLogsRequest, ReceivedRecord } from '../../support/otlp-decode.ts';
import { until } from '../../support/until.ts';
import { freePorts } from '../free-ports.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** Why there is no Collector to test with; `undefined` when there is one, or Go to build it with. */
export const noCollector: string | undefined = findReason();

function findReason(): string | undefined {
  const named = process.env['OTELCOL'];
  if (named !== undefined && named !== '')
    return existsSync(named) ? undefined : `OTELCOL names ${named}, which is not there`;
  const { stdout, error } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' });
  if (error !== undefined) return 'no Go to build the Collector with, and no OTELCOL';
  const [, minor] = /^go1\.(\d+)/.exec(stdout) ?? [];
  return Number(minor) >= 25 ? undefined : `Go 1.25 is needed to build the Collector, this is ${stdout.trim()}`;
}

/** The path of the Collector; built on first use, which takes a minute or two. */
export function collectorBinary(): string {
  const named = process.env['OTELCOL'];
  if (named !== undefined && named !== '') return named;
  const { stdout, stderr, status } = spawnSync('bash', [`${HERE}build.sh`], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`building the Collector failed: ${stderr}`);
  return stdout.trim();
}

/** A real OpenTelemetry Collector that writes what it gets to a file. */
export class CollectorProcess {
  readonly httpUrl: string;
  readonly grpcUrl: string;
  readonly #binary: string;
  readonly #outFile: string;
  readonly #ports: { readonly http: number; readonly grpc: number };
  #process: ChildProcess | undefined;

  private constructor(binary: string, outFile: string, ports: { readonly http: number; readonly grpc: number }) {
    this.#binary = binary;
    this.#outFile = outFile;
    this.#ports = ports;
    this.httpUrl = `http://127.0.0.1:${ports.http}/v1/logs`;
    this.grpcUrl = `http://127.0.0.1:${ports.grpc}`;
  }

  static async start(binary: string, outFile: string): Promise<CollectorProcess> {
    const [http, grpc] = (await freePorts(2)) as [number, number];
    const collector = new CollectorProcess(binary, outFile, { http, grpc });
    await collector.restart();
    return collector;
  }

  /** Starts it again, on the same ports and with the same file. */
  async restart(): Promise<void> {
    const { http, grpc } = this.#ports;
    let log = '';
    const child = spawn(this.#binary, ['--config', `file:${HERE}collector.yaml`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, OTLP_HTTP_PORT: String(http), OTLP_GRPC_PORT: String(grpc), OUT_FILE: this.#outFile },
    });
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    this.#process = child;
    const isUp = { http: false, grpc: false };
    const probe = setInterval(() => {
      void answers(http).then((up) => (isUp.http ||= up));
      void answers(grpc).then((up) => (isUp.grpc ||= up));
    }, 50);
    try {
      await until(() => {
        if (child.exitCode !== null) throw new Error(`the Collector ended with ${child.exitCode}: ${log}`);
        return isUp.http && isUp.grpc;
      }, 'the Collector listens');
    } finally {
      clearInterval(probe);
    }
  }

  /** Ends it as an operator does; what it acknowledged is in the file then. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  /** What its file exporter wrote. */
  records(): ReceivedRecord[] {
    if (!existsSync(this.#outFile)) return [];
    return readFileSync(this.#outFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => flatten(JSON.parse(line) as OtlpLogsRequest));
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
