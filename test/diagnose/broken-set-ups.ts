import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

import { onTestFinished } from 'vitest';

import { packageFolder } from '../support/application.ts';
import { olderLine } from '../support/sdk-lines.ts';

/** A program with something wrong in it, or nothing, and what `diagnose()` has to find. */
export interface SetUp {
  /** Its name in docs/diagnose.md. */
  readonly title: string;
  /** What is wrong, in a sentence of the page. */
  readonly about: string;
  /** Sets up `sessions`; `require` and `url`, the address of a server, are there. */
  readonly program: string;
  /** In no page: it shows that nothing is found where nothing is wrong. */
  readonly isHidden?: boolean;
  /** The codes of the findings. */
  readonly codes: readonly string[];
  /** Where the older line of the SDK behaves otherwise. */
  readonly olderCodes?: readonly string[];
  /** Texts that name the cause and the fix. */
  readonly says?: readonly string[];
  /** Of the application, beside the SDK. @default the exporter and NodeSDK */
  readonly packages?: readonly string[];
  readonly env?: (url: string) => NodeJS.ProcessEnv;
  /** For `node --import`. */
  readonly imports?: readonly string[];
  /** What the server answers; `undefined`: a collector. */
  readonly answer?: (response: ServerResponse) => void;
  /** Makes something in the folder of the application. */
  readonly prepare?: (folder: string) => void;
}

export const NODE_SDK: readonly string[] = ['@opentelemetry/exporter-logs-otlp-http', '@opentelemetry/sdk-node'];

/** A NodeSDK of either line with these processors, and what 3.x needs beside it. */
function nodeSdk(processors: string, more = ''): string {
  return `
    const { NodeSDK } = require('@opentelemetry/sdk-node');
    const { BatchLogRecordProcessor, SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs');
    const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
    const sessions = new SessionLogs();
    new NodeSDK({ ${processors} }).start();
    bridgeLogsApi();
    ${more}`;
}

const WITH_EXPORTER =
  'logRecordProcessors: [sessions.processor, new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) })]';

/** The second one has our processor, and the first one these. */
function twoSdks(processors: string): string {
  return `${nodeSdk(processors)}
    const second = new NodeSDK({ ${WITH_EXPORTER} });
    second.start();
    globalThis.second = second;`;
}

function answering(status: number, headers: Record<string, string> = {}): NonNullable<SetUp['answer']> {
  return (response) => response.writeHead(status, headers).end(headers['content-type'] === undefined ? '' : '<html>');
}

function linkOlderApi(folder: string): void {
  const name = '@opentelemetry/api';
  const target = join(folder, 'node_modules/old-library/node_modules', name);
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(packageFolder(olderLine.require, name), target, 'dir');
  const library = join(folder, 'node_modules/old-library');
  writeFileSync(join(library, 'package.json'), JSON.stringify({ name: 'old-library', main: 'index.cjs' }));
  writeFileSync(join(library, 'index.cjs'), `module.exports = require('${name}');`);
}

const PINO = nodeSdk(
  `instrumentations: [new (require('@opentelemetry/instrumentation-pino').PinoInstrumentation)()], ${WITH_EXPORTER}`,
  "LOAD(require('node:fs').createWriteStream('/dev/null')).info('hello');",
);

/** The version that the application has, a second time. */
function copyApi(folder: string): void {
  const library = join(folder, 'node_modules/old-library');
  cpSync(
    realpathSync(join(folder, 'node_modules/@opentelemetry/api')),
    join(library, 'node_modules/@opentelemetry/api'),
    {
      recursive: true,
    },
  );
  writeFileSync(join(library, 'package.json'), JSON.stringify({ name: 'old-library', main: 'index.cjs' }));
  writeFileSync(join(library, 'index.cjs'), "module.exports = require('@opentelemetry/api');");
}

const START = 'const sessions = await startSessionLogs({ file: false, console: false, streamHandler: false';

export const SET_UPS: readonly SetUp[] = [
  {
    title: 'Nothing is wrong',
    about: 'A NodeSDK with the session processor first, and an exporter behind it.',
    program: nodeSdk(WITH_EXPORTER, "sessions.logger.info('hello');"),
    codes: [],
  },
  {
    title: 'Nothing is wrong with a start',
    about: '`startSessionLogs()` with an endpoint.',
    program: `${START}, endpoint: url });`,
    codes: [],
  },
  {
    title: 'A start without a collector',
    about: '`startSessionLogs()` and no endpoint.',
    isHidden: true,
    program: `${START} });`,
    codes: [],
    says: ['nothing is exported, because no `endpoint`, `exporter` or OTEL_EXPORTER_OTLP_ENDPOINT was given; '],
  },
  {
    title: 'Nothing is wrong with `register` and the general endpoint',
    about: '`--import otel-session-logs/register`, and `OTEL_EXPORTER_OTLP_ENDPOINT` only.',
    imports: ['otel-session-logs/register'],
    program: 'const sessions = sharedSessionLogs();',
    env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url }),
    codes: [],
  },
  {
    title: 'pino in an ES module, with the loader hook',
    about: '',
    isHidden: true,
    imports: ['./hook.mjs'],
    prepare: (folder) =>
      writeFileSync(
        join(folder, 'hook.mjs'),
        "import { register } from 'node:module'; register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);",
      ),
    packages: [...NODE_SDK, 'pino', '@opentelemetry/instrumentation', '@opentelemetry/instrumentation-pino'],
    program: PINO.replace('LOAD', "(await import('pino')).default"),
    codes: [],
    says: ['instrumented loggers: pino'],
  },
  {
    title: 'pino by require',
    about: '',
    isHidden: true,
    packages: [...NODE_SDK, 'pino', '@opentelemetry/instrumentation-pino'],
    program: PINO.replace('LOAD', "require('pino')"),
    codes: [],
    says: ['instrumented loggers: pino'],
  },
  {
    title: 'pino without an instrumentation',
    about: '',
    isHidden: true,
    packages: [...NODE_SDK, 'pino'],
    program: nodeSdk(
      WITH_EXPORTER,
      "(await import('pino')).default(require('node:fs').createWriteStream('/dev/null')).info('hello');",
    ),
    codes: [],
  },
  {
    title: 'An SDK for traces beside this instance',
    about: '',
    isHidden: true,
    program: `
      const { propagation } = require('@opentelemetry/api');
      ${START}, endpoint: url, registerGlobally: true });
      const other = await startSessionLogs({ directory: './other', console: false, streamHandler: false });
      propagation.setGlobalPropagator({ fields: () => ['traceparent'], inject() {}, extract: (context) => context });
      globalThis.other = other;`,
    codes: [],
    says: ['the provider of this instance is the global one, and the only one'],
  },
  {
    title: 'An SDK whose logs are switched off beside `register`',
    about: '',
    isHidden: true,
    imports: ['otel-session-logs/register'],
    program: `
      const sessions = sharedSessionLogs();
      new (require('@opentelemetry/sdk-node').NodeSDK)().start();`,
    env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_LOGS_EXPORTER: 'none' }),
    codes: [],
  },
  {
    title: 'A provider that writes the daily file only',
    about: '',
    isHidden: true,
    program: `
      const { DateFileLogRecordProcessor } = await import('otel-session-logs/export');
      ${nodeSdk('logRecordProcessors: [sessions.processor, new DateFileLogRecordProcessor()]')}`,
    codes: [],
  },
  {
    title: 'Two copies of one version of the API',
    about: '',
    isHidden: true,
    prepare: (folder) => copyApi(folder),
    program: nodeSdk(WITH_EXPORTER, "require('old-library').trace.getTracer('library');"),
    codes: [],
  },
  {
    title: 'No exporter on the provider',
    about: 'The session processor is the only one.',
    program: nodeSdk('logRecordProcessors: [sessions.processor]'),
    codes: ['no_exporter'],
    says: ['no processor of the provider exports', 'new BatchLogRecordProcessor('],
  },
  {
    title: '`logRecordProcessors` switches `OTEL_LOGS_EXPORTER` off',
    about: 'The SDK makes no exporter from the environment when it is given processors.',
    program: nodeSdk('logRecordProcessors: [sessions.processor]'),
    env: (url) => ({ OTEL_LOGS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: url }),
    codes: ['no_exporter'],
    says: ['although OTEL_LOGS_EXPORTER is set', '`logRecordProcessors`'],
  },
  {
    title: 'pino in an ES module, without the loader hook',
    about: 'The instrumentation waits for pino, but nothing tells it of an `import`.',
    packages: [...NODE_SDK, 'pino', '@opentelemetry/instrumentation-pino'],
    program: nodeSdk(
      `instrumentations: [new (require('@opentelemetry/instrumentation-pino').PinoInstrumentation)()], ${WITH_EXPORTER}`,
      "(await import('pino')).default(require('node:fs').createWriteStream('/dev/null')).info('hello');",
    ),
    codes: ['no_loader_hook'],
    says: ['pino was loaded by `import` without the loader hook', '@opentelemetry/instrumentation/hook.mjs'],
  },
  {
    title: 'An exporter with a wrong address of its own',
    about: 'Nobody listens at the `url` of the exporter; the environment has another one, which it does not use.',
    program: nodeSdk(WITH_EXPORTER.replace('{ url }', "{ url: 'http://user:secret@127.0.0.1:1/v1/logs' }")),
    env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url }),
    codes: ['endpoint_unreachable'],
    says: ['http://127.0.0.1:1/v1/logs cannot be reached: ECONNREFUSED', 'the `url` of the exporter'],
  },
  {
    title: 'An exporter whose address lacks `/v1/logs`',
    about: 'The `url` of an exporter is taken as it is.',
    program: nodeSdk(WITH_EXPORTER.replace('{ url }', "{ url: url.replace('/v1/logs', '') }")),
    answer: answering(404),
    codes: ['wrong_path'],
    says: [
      'answers an export with 404',
      'append /v1/logs, which is not appended automatically here, in the `url` of the exporter',
    ],
  },
  {
    title: 'The endpoint of a start answers 404',
    about: '`OTEL_EXPORTER_OTLP_ENDPOINT` has `/v1/logs` already, and it is appended once more.',
    program: `${START} });`,
    env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/v1/logs` }),
    answer: answering(404),
    codes: ['wrong_path'],
    says: [
      '/v1/logs/v1/logs answers an export with 404',
      'remove /v1/logs, which is appended automatically, in OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
  },
  {
    title: 'The endpoint answers 401',
    about: 'The credentials are missing.',
    program: `${START}, endpoint: url });`,
    answer: answering(401),
    codes: ['endpoint_refuses'],
    says: ['answers an export with 401', 'OTEL_EXPORTER_OTLP_HEADERS'],
  },
  {
    title: 'The endpoint answers 302',
    about: 'A proxy sends everybody to https, or to its login.',
    program: `${START}, endpoint: url });`,
    answer: answering(302, { location: 'https://user:secret@collector.example/v1/logs?key=secret' }),
    codes: ['endpoint_redirects'],
    says: ['a redirect to https://collector.example/v1/logs', 'with https'],
  },
  {
    title: 'The endpoint answers 200 with a web page',
    about: 'The page of a captive portal, or of a login.',
    program: `${START}, endpoint: url });`,
    answer: answering(200, { 'content-type': 'text/html; charset=utf-8' }),
    codes: ['no_collector'],
    says: ['200 and a web page: exporters take that for success'],
  },
  {
    title: 'The endpoint fails',
    about: 'A proxy whose collector is away.',
    program: `${START}, endpoint: url });`,
    answer: answering(503),
    codes: ['endpoint_failing'],
    says: ['answers an export with 503'],
  },
  {
    title: 'The singular `logRecordProcessor`',
    about: 'NodeSDK of 3.x ignores it; the older line takes it.',
    program: nodeSdk('logRecordProcessor: sessions.processor'),
    env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }),
    codes: ['not_attached'],
    olderCodes: ['no_exporter'],
    says: ['NodeSDK of SDK 3.x silently ignores the singular `logRecordProcessor`'],
  },
  {
    title: '`register` without the package of the exporter',
    about: 'It is said on stderr at the start, too.',
    imports: ['otel-session-logs/register'],
    packages: [],
    program: 'const sessions = sharedSessionLogs();',
    env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url }),
    codes: ['start_failed'],
    says: [
      '@opentelemetry/exporter-logs-otlp-http is not installed',
      'fix: npm install @opentelemetry/exporter-logs-otlp-http@',
    ],
  },
  {
    title: 'A provider that filters',
    about: 'A rule (`loggerConfigurator`) stops records before any processor.',
    program: `
      const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
      const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
      const sessions = new SessionLogs({ loggerProvider: () => provider });
      const provider = new LoggerProvider({
        ${WITH_EXPORTER.replace('logRecordProcessors', 'processors')},
        loggerConfigurator: () => ({ enabled: true, disabled: false, minimumSeverity: 13, traceBased: false }),
      });
      provider.getLogger('app').emit({ body: 'hello', severityNumber: 9 });`,
    codes: ['logger_rules'],
    says: ['records below severity 13 of "app"', '`loggerConfigurator`'],
  },
  {
    title: 'Attributes are limited in their number',
    about: 'The SDK keeps the first two attributes of a record, and the session is the third.',
    program: nodeSdk(
      WITH_EXPORTER,
      `const api = require('@opentelemetry/api');
       const logs = api.logs ?? require('@opentelemetry/api-logs').logs;
       logs.getLogger('app').emit({ body: 'hello', attributes: { a: 1, b: 2, 'session.id': 's' } });`,
    ),
    env: () => ({ OTEL_ATTRIBUTE_COUNT_LIMIT: '2', OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: '2' }),
    codes: ['attribute_limits'],
    says: ['1 of "app" had more and no session', 'OTEL_ATTRIBUTE_COUNT_LIMIT'],
  },
  {
    title: 'Attributes are limited in their length',
    about: 'Session ids that are longer are cut.',
    program: nodeSdk(WITH_EXPORTER),
    env: () => ({ OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '32', OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT: '32' }),
    codes: ['attribute_limits'],
    says: ['cuts attribute values at 32 characters'],
  },
  {
    title: 'An SDK that was started after this instance',
    about: 'Its logger provider is not the global one, and its exporter gets nothing.',
    program: `
      ${START}, endpoint: url, registerGlobally: true });
      const { NodeSDK } = require('@opentelemetry/sdk-node');
      const { BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
      const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
      const sdk = new NodeSDK({ logRecordProcessors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) })] });
      sdk.start();
      globalThis.sdk = sdk;`,
    codes: ['other_sdk'],
    says: ['an SDK was started after this instance', 'OTEL_LOGS_EXPORTER=none'],
  },
  {
    title: 'An SDK that was started before this instance',
    about: '`registerGlobally` comes too late.',
    program: `
      const { NodeSDK } = require('@opentelemetry/sdk-node');
      const { BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
      const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
      new NodeSDK({ logRecordProcessors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) })] }).start();
      bridgeLogsApi();
      ${START}, endpoint: url, registerGlobally: true });`,
    codes: ['not_global'],
    says: ['another logger provider is the global one (with BatchLogRecordProcessor)'],
  },
  {
    title: 'Two SDKs with the session processor',
    about: 'Each has an exporter of its own; the second one gets nothing.',
    program: twoSdks(WITH_EXPORTER),
    codes: ['other_sdk'],
    says: ["this instance's processor is in 2 providers", 'logRecordProcessors: [sessions.processor, first, second]'],
  },
  {
    title: 'The session processor in the SDK that was started second',
    about: 'The provider of the first remains the global one.',
    program: twoSdks('logRecordProcessors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) })]'),
    codes: ['not_attached'],
    says: ['another SDK was started first, and its provider is the global one: it has BatchLogRecordProcessor'],
  },
  {
    title: 'Another instance is asked',
    about: '`sharedSessionLogs()` is not the instance that `new SessionLogs()` made.',
    program: `${nodeSdk(WITH_EXPORTER.replace('sessions.processor, ', '').replace(']', ', made.processor]')).replace('const sessions', 'const made')}
      const sessions = sharedSessionLogs();`,
    codes: ['other_instance', 'processor_order'],
    says: [
      'the provider has the processor of another SessionLogs of this process',
      'BatchLogRecordProcessor comes before',
    ],
  },
  {
    title: 'An instance beside a start',
    about: '`startSessionLogs()` made another instance than the one that is asked.',
    program: `
      ${START.replace('sessions', 'started')}, endpoint: url });
      const sessions = new SessionLogs();
      globalThis.started = started;`,
    codes: ['other_instance'],
    says: ['startSessionLogs or register has started another one in this process'],
  },
  {
    title: 'A provider of its own beside the global one',
    about: '`loggerProvider` is given, and an SDK has registered another one.',
    program: `
      const { NodeSDK } = require('@opentelemetry/sdk-node');
      const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
      const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
      const exporter = () => new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) });
      new NodeSDK({ logRecordProcessors: [exporter()] }).start();
      bridgeLogsApi();
      const sessions = new SessionLogs({ loggerProvider: () => provider });
      const provider = new LoggerProvider({ processors: [sessions.processor, exporter()] });`,
    codes: ['other_sdk'],
    says: ['the provider of this instance is not the global one'],
  },
  {
    title: 'Two versions of the API',
    about: 'A library has its own, older @opentelemetry/api.',
    packages: NODE_SDK,
    prepare: linkOlderApi,
    program: nodeSdk(WITH_EXPORTER, "require('old-library').trace.getTracer('library');"),
    codes: ['several_apis'],
    olderCodes: [],
    says: ['several versions of @opentelemetry/api are loaded or installed', '`npm dedupe`'],
  },
  {
    title: 'Variables that cancel each other',
    about: '`OTEL_LOGS_EXPORTER=none`, and an endpoint.',
    program: `${START} });`,
    env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_LOGS_EXPORTER: 'none' }),
    codes: ['environment'],
    says: ['OTEL_LOGS_EXPORTER=none switches off the export that OTEL_EXPORTER_OTLP_ENDPOINT asks for'],
  },
  {
    title: 'A disabled SDK',
    about: '`OTEL_SDK_DISABLED=true` is left in the environment.',
    program: `${START}, endpoint: url });`,
    env: () => ({ OTEL_SDK_DISABLED: 'true' }),
    codes: ['environment'],
    says: ['OTEL_SDK_DISABLED=true: nothing is exported, although `endpoint` is set'],
  },
  {
    title: 'An exporter named without an endpoint',
    about: '`OTEL_LOGS_EXPORTER=otlp` alone: a start exports only where it is told to.',
    program: `${START} });`,
    env: () => ({ OTEL_LOGS_EXPORTER: 'otlp' }),
    codes: ['environment'],
    says: ['OTEL_LOGS_EXPORTER includes otlp, but no endpoint is set'],
  },
  {
    title: 'No provider',
    about: 'The program starts no SDK.',
    program: 'const sessions = new SessionLogs();',
    codes: ['no_provider'],
    says: ['no logger provider is registered'],
  },
  {
    title: 'A collector that refuses the credentials of a spool',
    about: 'What waits is on disk, and is tried again.',
    program: `
      ${START}, endpoint: url, spool: { directory: './spool' } });
      await sessions.logChunkToQueue('hello', 's');
      await sessions.forceFlush({ timeoutMillis: 500 }).catch(() => {});`,
    answer: answering(401),
    codes: ['endpoint_refuses', 'export_failing'],
    says: ['failed (misconfigured)', '1 records wait'],
  },
  {
    title: 'A Redis that is away',
    about: 'Entries wait in this process, and so do readers.',
    packages: [...NODE_SDK, 'ioredis'],
    program: `
      const { RedisSessionStore } = await import('otel-session-logs/redis');
      const { Redis } = require('ioredis');
      const client = new Redis({ host: '127.0.0.1', port: 1 }).on('error', () => {});
      ${START}, endpoint: url, store: new RedisSessionStore({ client }) });
      await sessions.logChunkToQueue('hello', 's');`,
    codes: ['store_unreachable'],
    says: ['RedisSessionStore cannot be reached: ', '1 entries'],
  },
  {
    title: 'An exporter before the session processor',
    about: 'What it exports has no session, and is not redacted.',
    program: nodeSdk(
      'logRecordProcessors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) }), sessions.processor]',
    ),
    codes: ['processor_order'],
    says: ['BatchLogRecordProcessor comes before the session processor', 'put `sessions.processor` first'],
  },
  {
    title: 'winston without the bridge',
    about: 'Its transport logs through @opentelemetry/api-logs, of which SDK 3.x knows nothing.',
    program: nodeSdk(WITH_EXPORTER).replace('bridgeLogsApi();', ''),
    codes: ['no_bridge'],
    olderCodes: [],
    says: ['do not reach the provider of SDK 3.x', 'call bridgeLogsApi() once'],
  },
  {
    title: 'A spool that cannot be written',
    about: 'A file stands in the place of its directory.',
    program: `
      const fs = require('node:fs');
      ${START}, endpoint: url, spool: { directory: './spool' } });
      fs.rmSync('./spool', { recursive: true });
      fs.writeFileSync('./spool', '');`,
    codes: ['spool_unusable'],
    says: ['cannot be written to: ENOTDIR'],
  },
];

/** A server that answers as the set-up says, else as a collector. Gives its address, and what it was sent. */
export async function serverFor(
  answer: SetUp['answer'],
): Promise<{ readonly url: string; readonly bodies: readonly string[] }> {
  const bodies: string[] = [];
  const collector = answering(200, { 'content-type': 'application/json' });
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => {
      bodies.push(body);
      (answer ?? collector)(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}
