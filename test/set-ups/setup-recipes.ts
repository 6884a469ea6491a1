import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { HOST_LINES } from '../hosts/host-project.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';
import { programOf, programsOf } from '../support/page-programs.ts';
import { cell, report } from './matrix.ts';
import { command } from './set-up.ts';

export const PAGE = 'recipes-setups.md';

/** The programs that Next.js builds: `frameworks.ts` runs them. */
const ELSEWHERE: ReadonlySet<string> = new Set(['Next.js']);

interface SetUp {
  readonly heading: string;
  /** A host for each: what the program imports, by the name of the line that it is. */
  readonly hosts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The package whose version is told. */
  readonly framework: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In the place of the command of the page, or `node app.js`. */
  readonly command?: readonly string[];
  /** Looks at what it printed and sent. */
  readonly check: (lines: readonly string[], receiver: OtlpReceiver) => void;
  readonly isVendor?: boolean;
  /** What does not work, for the table. */
  readonly limit?: string;
}

const [NEWER = {}, OLDER = {}] = HOST_LINES.map(({ dependencies }) => dependencies);
/** For vendors, none of which is of the newer line today. */
const OLDER_SDK = {
  '@opentelemetry/api': '~1.9.1',
  '@opentelemetry/exporter-logs-otlp-http': '^0.223.0',
  '@opentelemetry/sdk-logs': '^0.223.0',
};

const bodies = (receiver: OtlpReceiver): unknown[] => receiver.records().map(({ body }) => body);

/** `asked` and the id of its trace. */
function hasTraceId([line = '']: readonly string[]): void {
  assert.match(line, /^asked [\da-f]{32}$/);
  assert.doesNotMatch(line, /^asked 0{16}/);
}

const SET_UPS: readonly SetUp[] = [
  {
    heading: 'NodeSDK with its exporter',
    framework: '@opentelemetry/sdk-node',
    hosts: {
      'sdk-logs 3.x': { ...NEWER, '@opentelemetry/sdk-node': '~0.301.0' },
      'sdk-logs 0.2xx': { ...OLDER, '@opentelemetry/sdk-node': '^0.223.0' },
    },
    env: { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
    check(lines, receiver) {
      assert.deepEqual(lines, ['asked', 'Hello']);
      assert.deepEqual(bodies(receiver), ['asked', 'Hello']);
      assert.deepEqual(
        receiver.records().map(({ attributes }) => attributes['session.id']),
        ['abc123', 'abc123'],
      );
    },
  },
  {
    heading: 'Auto-instrumentations in ES modules',
    framework: '@opentelemetry/auto-instrumentations-node',
    hosts: {
      'sdk-logs 3.x': {
        '@opentelemetry/api': '^1.10.0',
        '@opentelemetry/auto-instrumentations-node': '^0.82.0',
        '@opentelemetry/exporter-logs-otlp-http': '~0.300.0',
        '@opentelemetry/instrumentation': '~0.300.0',
        '@opentelemetry/sdk-logs': '^3.0.0',
        '@opentelemetry/sdk-node': '~0.300.0',
        pino: '^10.0.0',
      },
    },
    // Without an exporter the SDK makes no spans.
    env: { OTEL_TRACES_EXPORTER: 'console', OTEL_METRICS_EXPORTER: 'none' },
    check(lines, receiver) {
      // pino and the exporter of traces print too.
      hasTraceId(lines.filter((line) => line.startsWith('asked')));
      assert.deepEqual(bodies(receiver), ['asked']);
    },
  },
  {
    heading: 'AWS Lambda',
    framework: 'otel-session-logs',
    hosts: { 'sdk-logs 3.x': NEWER, 'sdk-logs 0.2xx': OLDER },
    command: [
      'node',
      '--input-type=module',
      '--eval',
      "const { handler } = await import('./handler.js'); console.log(await handler({ sessionId: 'abc123', question: 'Why?' })); process.exit();",
    ],
    check(lines, receiver) {
      assert.equal(lines.at(-1), 'Hello');
      assert.match(lines[0] ?? '', /^\{.*"asked"/);
      assert.deepEqual(bodies(receiver), ['asked', 'Hello']);
    },
  },
  {
    heading: '@vercel/otel',
    framework: '@vercel/otel',
    isVendor: true,
    hosts: {
      'sdk-logs 0.2xx': {
        ...OLDER_SDK,
        '@opentelemetry/api-logs': '^0.223.0',
        '@opentelemetry/instrumentation': '^0.223.0',
        '@opentelemetry/resources': '^2.0.0',
        '@opentelemetry/sdk-metrics': '^2.0.0',
        '@opentelemetry/sdk-trace-base': '^2.0.0',
        '@vercel/otel': '^2.1.0',
      },
    },
    check: hasTraceId,
  },
  {
    heading: 'Azure Monitor',
    framework: '@azure/monitor-opentelemetry',
    isVendor: true,
    hosts: { 'its own': { '@opentelemetry/api': '^1.9.0', '@azure/monitor-opentelemetry': '^1.18.0' } },
    env: {
      APPLICATIONINSIGHTS_CONNECTION_STRING:
        'InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=http://127.0.0.1:9/',
    },
    check: hasTraceId,
    limit: 'its provider only; its export was not run',
  },
  {
    heading: 'Traceloop',
    framework: '@traceloop/node-server-sdk',
    isVendor: true,
    hosts: { 'sdk-logs 0.2xx': { ...OLDER_SDK, '@traceloop/node-server-sdk': '^0.27.0' } },
    env: { TRACELOOP_API_KEY: 'none', TRACELOOP_BASE_URL: 'http://127.0.0.1:9', TRACELOOP_SYNC_ENABLED: 'false' },
    check: hasTraceId,
    limit: 'its export was not run',
  },
  {
    heading: 'Langfuse',
    framework: '@langfuse/otel',
    isVendor: true,
    hosts: {
      'sdk-logs 0.2xx': {
        '@opentelemetry/api': '~1.9.1',
        '@opentelemetry/sdk-node': '^0.223.0',
        '@langfuse/otel': '^5.11.0',
      },
    },
    env: { LANGFUSE_PUBLIC_KEY: 'pk', LANGFUSE_SECRET_KEY: 'sk', LANGFUSE_BASE_URL: 'http://127.0.0.1:9' },
    check: hasTraceId,
    limit: 'its export was not run',
  },
  {
    heading: 'dd-trace',
    framework: 'dd-trace',
    isVendor: true,
    hosts: { 'sdk-logs 0.2xx': { ...OLDER_SDK, 'dd-trace': '^6.21.0' } },
    check: ([line = '']) => assert.match(line, /^asked [\da-f]{32}$/),
    limit: 'the lower 64 bits of trace ids; its agent was not run',
  },
  {
    heading: 'Sentry',
    framework: '@sentry/node',
    isVendor: true,
    hosts: { 'sdk-logs 0.2xx': { ...OLDER_SDK, '@sentry/node': '^11.0.0' } },
    env: { SENTRY_DSN: 'http://abc@127.0.0.1:9/1' },
    check: hasTraceId,
    limit: 'no trace ids but as an attribute; its export was not run',
  },
];

/** What the recipe of each heading imports, in the versions that its page says to install. */
export const PACKAGES_OF: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(
  SET_UPS.map(({ heading, hosts }) => [heading, Object.values(hosts)[0] ?? {}]),
);

/**
 * Runs the programs of the page.
 *
 * @param compiler The packages that compile them.
 */
export async function runSetUps(
  directory: string,
  tarball: string,
  compiler: Readonly<Record<string, string>>,
  isWanted: (heading: string, isVendor: boolean) => boolean,
): Promise<void> {
  assert.deepEqual(
    programsOf(PAGE)
      .map(({ heading }) => heading)
      .filter((heading) => !ELSEWHERE.has(heading)),
    SET_UPS.map(({ heading }) => heading),
    'the recipes of the page, and those that are run',
  );
  for (const { heading, hosts } of SET_UPS) checkInstall(heading, Object.values(hosts)[0] ?? {});
  const rows: Record<string, string>[] = [];
  for (const setUp of SET_UPS.filter(({ heading, isVendor = false }) => isWanted(heading, isVendor))) {
    const { heading, framework, hosts, limit = '' } = setUp;
    for (const [index, [line, packages]] of Object.entries(hosts).entries()) {
      const host = join(directory, `${heading.replaceAll(/\W+/g, '-').toLowerCase()}-${index}`);
      let version = '';
      const result = await cell(`${heading}, ${line}`, async () => {
        await makeSetUp(host, tarball, { ...packages, ...compiler }, heading);
        const manifest = await readFile(join(host, 'node_modules', framework, 'package.json'), 'utf8');
        ({ version } = JSON.parse(manifest) as { version: string });
        await runSetUp(host, setUp);
      });
      rows.push({ recipe: heading, 'OTel line': line, version, result, limit });
    }
  }
  await report('telemetry set-ups', rows, 2);
}

/** What a reader is told to install is what is run. */
function checkInstall(heading: string, host: Readonly<Record<string, string>>): void {
  const { packages } = programOf(PAGE, heading);
  const names = ['otel-session-logs', ...Object.keys(host)].toSorted();
  assert.deepEqual([...packages.keys()].toSorted(), names, `what "${heading}" has to install`);
  for (const [name, range] of packages)
    if (range !== '') assert.equal(range, host[name], `the version of ${name} in "${heading}"`);
}

async function makeSetUp(
  host: string,
  tarball: string,
  dependencies: Readonly<Record<string, string>>,
  heading: string,
): Promise<void> {
  for (const [file, code] of programOf(PAGE, heading).files) {
    await mkdir(dirname(join(host, file)), { recursive: true });
    await writeFile(join(host, file), code);
  }
  const own = { 'otel-session-logs': `file:${tarball}`, ...dependencies };
  await writeFile(join(host, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies: own }));
  await command(['npm', 'install', '--no-audit', '--no-fund'], host);
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck', '--types', 'node'];
  const files = [...programOf(PAGE, heading).files.keys()];
  await command([process.execPath, 'node_modules/typescript/bin/tsc', ...options, ...files], host);
}

async function runSetUp(host: string, { heading, env = {}, command: own, check }: SetUp): Promise<void> {
  const receiver = await startOtlpReceiver();
  try {
    const start = own ?? programOf(PAGE, heading).command?.split(' ') ?? ['node', 'app.js'];
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SERVICE_NAME: 'set-up', NO_COLOR: '1', ...env };
    const { stdout } = await command([process.execPath, ...start.slice(1)], host, settings);
    // Lines of the console, which a started instance prints.
    check(
      stdout
        .trim()
        .split('\n')
        .filter((line) => !/^\d{4}-\d\d-\d\dT/.test(line)),
      receiver,
    );
  } finally {
    await receiver.close();
  }
}
