import { connect } from 'node:net';

import { logsUrl } from '../export/otlp/otlp.ts';
import { environmentValue } from '../otel/environment.ts';
import { urlOf, withoutCredentials } from '../support/address.ts';
import type { Finding } from './finding.ts';

const CONNECT_MILLIS = 2_000;
const ANSWER_MILLIS = 2_000;

/** What is wrong with the OTLP endpoint, of the option or of the environment. */
export async function findInEndpoint(endpoint: string | undefined): Promise<Finding[]> {
  const target =
    endpoint ?? environmentValue('OTEL_EXPORTER_OTLP_LOGS_ENDPOINT') ?? environmentValue('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (target === undefined) return [];
  const url = urlOf(target);
  const error = url === undefined ? 'it is no URL' : await tryConnect(url);
  if (error !== undefined) {
    return [
      {
        code: 'endpoint_unreachable',
        problem: `the OTLP endpoint ${withoutCredentials(target)} cannot be reached: ${error}`,
        fix: 'start the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT (or the option `endpoint`)',
      },
    ];
  }
  if (url === undefined || !(await isWebPage(url))) return [];
  return [
    {
      code: 'no_collector',
      problem: `the OTLP endpoint ${withoutCredentials(target)} answers logs with a web page and status 200: exporters take that for success, so all that is sent is lost`,
      fix: 'sign in where a network or proxy asks for it, or correct OTEL_EXPORTER_OTLP_ENDPOINT (or the option `endpoint`)',
    },
  ];
}

function tryConnect({ hostname, port, protocol }: URL): Promise<string | undefined> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) });
    const end = (error: string | undefined): void => {
      socket.destroy();
      resolve(error);
    };
    socket.setTimeout(CONNECT_MILLIS, () => end('no answer in time'));
    socket.once('connect', () => end(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

/** Sends an export without any record, as the exporters would: a captive portal or the page of a proxy is no collector. */
async function isWebPage(url: URL): Promise<boolean> {
  try {
    // Without credentials and query: `fetch` refuses the one, and the other is not needed to tell.
    const response = await fetch(logsUrl(new URL(url.pathname, url.origin)), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"resourceLogs":[]}',
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MILLIS),
    });
    await response.body?.cancel();
    return response.ok && /^text\/html\b/i.test(response.headers.get('content-type') ?? '');
  } catch {
    // No HTTP, another protocol, a certificate of its own: nothing can be said.
    return false;
  }
}
