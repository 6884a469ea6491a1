import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { onTestFinished, vi } from 'vitest';

import { SessionLogs } from '../../src/index.ts';
import type { Diagnosis, Finding, SessionLogsOptions } from '../../src/index.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';
import type { Processor } from '../support/sdk-lines.ts';

/** An instance whose processor is the first of a provider's, before the given ones. */
export function instanceBefore(...behind: readonly Processor[]): SessionLogs {
  return instanceOf({}, behind);
}

/** The same with further options. */
export function instanceOf(options: SessionLogsOptions, behind: readonly Processor[] = []): SessionLogs {
  const sessions: SessionLogs = new SessionLogs({ ...options, loggerProvider: () => provider });
  const provider = new LoggerProvider({ processors: [sessions.processor, ...behind] });
  return sessions;
}

/** The findings with one of these codes. Another test file of the worker may have loaded a second version of the API. */
export function foundOf({ findings }: Diagnosis, ...codes: readonly Finding['code'][]): readonly Finding[] {
  return findings.filter(({ code }) => codes.includes(code));
}

/** The codes of all findings, without that of the second version of the API that these tests load. */
export function codesOf({ findings }: Diagnosis): readonly Finding['code'][] {
  return findings.map(({ code }) => code).filter((code) => code !== 'several_apis');
}

/** Sets variables until the test ends. */
export function withEnvironment(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** A collector that goes with the test. */
export async function collector(...options: Parameters<typeof startOtlpReceiver>): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver(...options);
  onTestFinished(() => receiver.close());
  return receiver;
}

/** A server on 127.0.0.1 that treats each connection so; it goes with the test. Resolves to its port. */
export async function serverThat(answer: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    // The client may close first.
    socket.on('error', () => {});
    answer(socket);
  });
  return listening(server);
}

/** Lets a server listen until the test ends. Resolves to its port. */
export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
