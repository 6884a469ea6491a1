import { dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { runProgram } from '../../../test/support/run-script.ts';
import { runDev } from '../support/cli.ts';
import { startServer, watchAnswers } from '../support/dev-server.ts';
import { installPython, PYTHON_DIRECTORY } from '../support/python.ts';

const installed = await installPython();
const reason = 'missing' in installed ? `: OpenTelemetry for Python cannot be installed: ${installed.missing}` : '';

describe.skipIf('missing' in installed)(`an application in Python, as it is${reason}`, () => {
  it.each(['none', 'gzip'])(
    'is shown by session, with its exceptions, or by service: compression %s',
    async (compression) => {
      const server = await startServer();
      const python = 'python' in installed ? installed.python : '';
      const { status, stderr } = await runProgram(python, ['app.py'], {
        cwd: PYTHON_DIRECTORY,
        env: {
          ...process.env,
          OTEL_EXPORTER_OTLP_ENDPOINT: server.endpoint,
          OTEL_EXPORTER_OTLP_COMPRESSION: compression,
        },
      });
      expect([status, stderr]).toEqual([0, '']);
      const session = server.model.find('python-session');
      expect(session?.entries.map(({ text, data }) => [data.severityNumber, text])).toEqual([
        [9, 'order was sent'],
        [17, 'it failed'],
      ]);
      expect(session?.entries[0]?.data.attributes['order.id']).toBe(5);
      const { attributes } = session?.entries[1]?.data ?? {};
      expect(attributes).toMatchObject({ 'exception.type': 'ValueError', 'exception.message': 'grüße <script>' });
      expect(session).toMatchObject({ errors: 1 });
      expect([...(session?.services ?? [])]).toEqual(['python-shop']);
      expect(server.model.find('python-shop', 'service')?.entries.map(({ text }) => text)).toEqual([
        'without a session',
      ]);
    },
  );

  it('is shown when it is started behind a proxy', async () => {
    const python = 'python' in installed ? installed.python : '';
    const env = { ...process.env, HTTP_PROXY: 'http://127.0.0.1:9' };
    const cli = runDev(['--port=0', '--', python, join(PYTHON_DIRECTORY, 'app.py')], { env });
    const { model } = await cli.server;
    expect(await cli.code).toBe(0);
    expect(model.find('python-session')?.entries.length).toBe(2);
  });

  it('is shown without a line of OpenTelemetry in it, and has its traces and metrics taken', async () => {
    const server = await startServer();
    const answers = watchAnswers(server);
    const python = 'python' in installed ? installed.python : '';
    const { status, stderr } = await runProgram(
      join(dirname(python), 'opentelemetry-instrument'),
      [python, 'instrumented.py'],
      {
        cwd: PYTHON_DIRECTORY,
        env: {
          ...process.env,
          OTEL_EXPORTER_OTLP_ENDPOINT: server.endpoint,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
          OTEL_LOGS_EXPORTER: 'otlp',
          OTEL_TRACES_EXPORTER: 'otlp',
          OTEL_METRICS_EXPORTER: 'otlp',
          OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED: 'true',
          OTEL_SERVICE_NAME: 'python-shop',
          SHOP_URL: `${server.endpoint}/api/state`,
        },
      },
    );
    expect([...answers].toSorted()).toEqual(['/api/state 200', '/v1/logs 200', '/v1/metrics 200', '/v1/traces 200']);
    // The exporters complain there of what a receiver answers.
    expect([status, stderr]).toEqual([0, '']);
    const [entry] = server.model.find('python-session')?.entries ?? [];
    expect(entry?.text).toBe('order was sent');
    expect(entry?.data).toMatchObject({ severityNumber: 9, attributes: { 'session.id': 'python-session' } });
  });
});
