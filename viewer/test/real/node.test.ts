import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { runProgram } from '../../../test/support/run-script.ts';
import type { SessionModel } from '../../src/model/session-model.ts';
import { startServer, watchAnswers } from '../support/dev-server.ts';

const APP = fileURLToPath(new URL('node-app.mjs', import.meta.url));
const DIRECTORIES = {
  '3.x': new URL('../../../package.json', import.meta.url),
  '0.2xx': new URL('../../../test/lines/sdk-0.2xx/package.json', import.meta.url),
};

function texts(model: SessionModel): unknown[] {
  return (model.find('node-session')?.entries ?? []).map(({ data }) => data.body);
}

describe.each(['3.x', '0.2xx'] as const)('an application with OpenTelemetry of the line %s, as it is', (line) => {
  it.each([
    ['http/protobuf', 'none'],
    ['http/protobuf', 'gzip'],
    ['http/json', 'none'],
    ['http/json', 'gzip'],
  ])('is shown, by its stock exporter over %s with the compression %s', async (protocol, compression) => {
    const server = await startServer();
    const answers = watchAnswers(server);
    const { status, stderr } = await runProgram(process.execPath, [APP], {
      cwd: fileURLToPath(new URL('.', DIRECTORIES[line])),
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        APP_DIRECTORY: DIRECTORIES[line].href,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT: server.endpoint,
        OTEL_EXPORTER_OTLP_COMPRESSION: compression,
        OTEL_LOGS_EXPORTER: 'otlp',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_SERVICE_NAME: 'node-shop',
        OTEL_NODE_RESOURCE_DETECTORS: 'env',
      },
    });
    // Exporters complain there of what a receiver answers: of traces and metrics too.
    expect([status, stderr]).toEqual([0, '']);
    expect([...answers].toSorted()).toEqual(['/v1/logs 200', '/v1/traces 200']);
    expect(texts(server.model)).toEqual(['order was sent', { text: 'failed' }]);
    const [first] = server.model.find('node-session')?.entries ?? [];
    expect(first?.data).toMatchObject({
      severityNumber: 9,
      severityText: 'INFO',
      attributes: { 'order.id': 5, nested: { list: [1, 'a'] } },
      origin: { scopeName: 'shop', resource: { 'service.name': 'node-shop' } },
    });
    expect(first?.data.traceId).toMatch(/^[\da-f]{32}$/);
    expect(server.model.find('node-session')).toMatchObject({ errors: 1 });
  });
});

it('has both lines to try', () => {
  const versions = Object.values(DIRECTORIES).map((directory) =>
    createRequire(directory).resolve('@opentelemetry/sdk-node'),
  );
  expect(new Set(versions).size).toBe(2);
});
