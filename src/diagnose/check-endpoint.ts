import { logsUrl } from '../export/otlp/otlp.ts';
import { environmentValue } from '../otel/environment.ts';
import { urlOf, withoutCredentials } from '../support/address.ts';
import { askOverHttp, tryConnect } from './ask-endpoint.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { ExporterTarget } from '../otel/exporter-inside.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks that an exporter's endpoint takes logs now, by an export without records. */
export async function checkEndpoint(
  target: ExporterTarget,
  { facts }: DiagnosisScene,
  report: DiagnosisReport,
): Promise<void> {
  if (target.kind === 'local') return;
  if (target.kind === 'grpc') return checkGrpc(target.address, report);
  const { url } = target;
  const shown = withoutCredentials(url);
  const source = sourceOf(url, facts.endpoint);
  const answer = await askOverHttp(target);
  if ('error' in answer) {
    report.find(
      'endpoint_unreachable',
      `${shown} cannot be reached: ${answer.error}`,
      `start the collector, or correct ${source}`,
    );
    return;
  }
  const { status, type, location } = answer;
  const problem = `${shown} answers an export with ${status}`;
  if (status >= 200 && status < 300) {
    if (!/^text\/html\b/i.test(type))
      return report.check(`${shown} takes logs: it answers an export without records with ${status}`);
    report.find(
      'no_collector',
      `${problem} and a web page: exporters take that for success, so everything that they send is lost`,
      `sign in if a network or proxy asks for it, or correct ${source}`,
    );
  } else if (status >= 300 && status < 400) {
    const to = location === undefined ? '' : ` to ${withoutCredentials(location)}`;
    report.find(
      'endpoint_redirects',
      `${problem}, a redirect${to}: exporters do not follow it, so nothing arrives`,
      `set ${source} to the final address${location?.startsWith('https:') === true ? ', with https' : ''}`,
    );
  } else if (status === 401 || status === 403 || status === 407) {
    report.find(
      'endpoint_refuses',
      `${problem}: the credentials are missing or wrong`,
      'set OTEL_EXPORTER_OTLP_HEADERS, for example to "authorization=Bearer ...", or the `headers` of the exporter',
    );
  } else if (status === 404 || status === 405 || status === 410) {
    report.find('wrong_path', `${problem}: nothing takes logs under this path`, `${pathFix(url)} in ${source}`);
  } else if (status === 415) {
    report.find(
      'endpoint_refuses',
      `${problem}: it does not take the format in which the exporter sends`,
      'set OTEL_EXPORTER_OTLP_PROTOCOL to the one that it takes, http/json or http/protobuf, or use the exporter for that one',
    );
  } else if (status >= 500) {
    report.find(
      'endpoint_failing',
      `${problem}: it is running but fails`,
      'look into the log of the collector, or of the proxy in front of it',
    );
  } else report.check(`${shown} is running: it answers an export without records with ${status}`);
}

async function checkGrpc(address: string, report: DiagnosisReport): Promise<void> {
  const shown = withoutCredentials(address);
  const url = urlOf(address);
  if (url === undefined || url.port === '') return report.cannotCheck(`whether ${shown} takes logs by gRPC`);
  const error = await tryConnect(url);
  if (error === undefined) return report.cannotCheck(`whether ${shown}, which can be reached, takes logs by gRPC`);
  report.find(
    'endpoint_unreachable',
    `${shown} cannot be reached: ${error}`,
    'start the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT (or the `url` of the exporter)',
  );
}

/** Where the address comes from. */
function sourceOf(url: string, option: string | undefined): string {
  if (option !== undefined && URL.canParse(option) && logsUrl(new URL(option)).href === url)
    return 'the option `endpoint`';
  const ofLogs = environmentValue('OTEL_EXPORTER_OTLP_LOGS_ENDPOINT');
  if (ofLogs !== undefined) return isSame(ofLogs, url) ? 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT' : EXPORTER;
  const general = environmentValue('OTEL_EXPORTER_OTLP_ENDPOINT')?.replace(/\/$/, '');
  return general !== undefined && isSame(`${general}/v1/logs`, url) ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : EXPORTER;
}

const EXPORTER = 'the `url` of the exporter';

function isSame(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).href === new URL(other).href;
}

function pathFix(url: string): string {
  const { pathname } = new URL(url);
  if (/\/v1\/logs\/+v1\/logs\/*$/.test(pathname)) return 'remove /v1/logs, which is appended automatically,';
  // The variable for logs only, and the option of an exporter, are used unchanged.
  if (!/\/v1\/logs\/*$/.test(pathname)) return 'append /v1/logs, which is not appended automatically here,';
  return 'correct the address (the path of a Collector is /v1/logs)';
}
