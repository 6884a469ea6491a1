import { describe, expect, it } from 'vitest';

import { runProgram } from '../../../test/support/run-script.ts';
import { startServer } from '../support/dev-server.ts';
import { installPython, PYTHON_DIRECTORY } from '../support/python.ts';

const installed = await installPython();
const reason = 'missing' in installed ? `: OpenTelemetry for Python cannot be installed: ${installed.missing}` : '';

describe.skipIf('missing' in installed)(`an application in Python, as it is${reason}`, () => {
  it('is shown by session, with its exceptions, and by service where it names no session', async () => {
    const server = await startServer();
    const python = 'python' in installed ? installed.python : '';
    const { status } = await runProgram(python, ['app.py'], {
      cwd: PYTHON_DIRECTORY,
      env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: server.endpoint, OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' },
    });
    expect(status).toBe(0);
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
    expect(server.model.find('python-shop', 'service')?.entries.map(({ text }) => text)).toEqual(['without a session']);
  });
});
