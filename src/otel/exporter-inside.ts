import type { RequestOptions } from 'node:http';

import { withoutCredentials } from '../support/address.ts';
import { innermost } from './inner-part.ts';

/** Where an exporter sends, as far as it shows that. */
export type ExporterTarget =
  | {
      readonly kind: 'http';
      readonly url: string;
      /** May contain credentials; may call a function of the application. */
      headers(): Promise<Readonly<Record<string, string>>>;
      agent(protocol: string): Promise<RequestOptions['agent']>;
    }
  | { readonly kind: 'grpc'; readonly address: string }
  /** It writes to the output of this process, or keeps what it gets. */
  | { readonly kind: 'local' };

/** How the stock OTLP exporters of both lines keep their parts; those for HTTP nest the transport in another one. */
interface Transport {
  readonly _transport?: Transport;
  readonly _parameters?: {
    readonly url?: unknown;
    readonly address?: unknown;
    readonly headers?: unknown;
    readonly agentFactory?: unknown;
  };
}

/** The destination for a message, ` to http://127.0.0.1:4318/v1/logs`, without credentials; `''` if it is not shown. */
export function destinationOf(target: ExporterTarget | undefined): string {
  if (target?.kind === 'http') return ` to ${withoutCredentials(target.url)}`;
  return target?.kind === 'grpc' ? ` to ${withoutCredentials(target.address)}` : '';
}

/** Where an exporter sends; `undefined` if it does not show that. Never throws. */
export function targetOf(exporter: object): ExporterTarget | undefined {
  try {
    const inner = innermost(exporter) as object;
    if (/^(?:Console|InMemory)LogRecordExporter/.test(inner.constructor.name)) return { kind: 'local' };
    return targetOfTransport((inner as { readonly _delegate?: Transport })._delegate);
  } catch {
    // A getter of the application threw.
    return undefined;
  }
}

function targetOfTransport(delegate: Transport | undefined): ExporterTarget | undefined {
  const parameters = delegate?._transport?._transport?._parameters ?? delegate?._transport?._parameters;
  if (typeof parameters?.address === 'string') return { kind: 'grpc', address: parameters.address };
  if (typeof parameters?.url !== 'string') return undefined;
  const { url, headers, agentFactory } = parameters;
  return {
    kind: 'http',
    url,
    headers: async () => ({ ...((await called(headers)) as Record<string, string> | undefined) }),
    agent: async (protocol) => (await called(agentFactory, protocol)) as RequestOptions['agent'],
  };
}

async function called(member: unknown, ...args: unknown[]): Promise<unknown> {
  return typeof member === 'function' ? (member as (...given: unknown[]) => unknown)(...args) : member;
}
