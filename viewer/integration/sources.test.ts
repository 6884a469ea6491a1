import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { expect, it, onTestFinished } from 'vitest';

import { until } from '../../test/support/until.ts';
import type { DevServer } from '../src/dev/dev-server.ts';
import { startServer, watchAnswers } from '../test/support/dev-server.ts';
import { describePage } from './support/chromium.ts';

/** An application in a browser, with the stock SDK and exporter. Its title says what it sees of its exports. */
const APPLICATION = `
  import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-PROTOCOL';
  import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';

  const { endpoint, token } = window.settings;
  const headers = token === undefined ? {} : { authorization: 'Bearer ' + token };
  const exporter = new OTLPLogExporter({ url: endpoint + '/v1/logs', headers });
  const send = exporter.export.bind(exporter);
  exporter.export = (records, done) => send(records, (result) => {
    if (result.code === 0) document.title = 'taken';
    done(result);
  });
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
  provider.getLogger('shop').emit({ body: 'from a browser', attributes: { 'session.id': 'browser-session' } });
  void provider.forceFlush();
`;

async function bundled(protocol: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: APPLICATION.replace('PROTOCOL', protocol),
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

/** Serves the application under an origin of its own. @returns The origin. */
async function serve(script: string, settings: () => object): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/app.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    const page = `<script>window.settings = ${JSON.stringify(settings())}</script><script type="module" src="/app.js"></script>`;
    response.end(isScript ? script : page);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

function bodies({ model }: DevServer): unknown[] {
  return (model.find('browser-session')?.entries ?? []).map(({ data }) => data.body);
}

describePage('an application in a browser, of an origin of its own', (_, newPage) => {
  it.each(['http', 'proto'])('is shown where --allow-origin names its origin: exporter %s', async (protocol) => {
    const settings: { endpoint?: string; token?: string } = {};
    const origin = await serve(await bundled(protocol), () => settings);
    const server = await startServer({ allowedOrigins: [origin] });
    settings.endpoint = server.endpoint;
    const page = await newPage();
    await page.goto(origin);
    await expect.poll(() => page.title()).toBe('taken');
    expect(bodies(server)).toEqual(['from a browser']);
  });

  it('brings the token where there is one', async () => {
    const settings: { endpoint?: string; token?: string } = { token: 'a-token-of-enough-characters' };
    const origin = await serve(await bundled('http'), () => settings);
    const server = await startServer({ allowedOrigins: [origin], token: settings.token });
    settings.endpoint = server.endpoint;
    const page = await newPage();
    await page.goto(origin);
    await expect.poll(() => page.title()).toBe('taken');
    expect(bodies(server)).toEqual(['from a browser']);
  });

  it('gets 403 otherwise, and cannot read the sessions', async () => {
    const settings: { endpoint?: string } = {};
    const origin = await serve(await bundled('http'), () => settings);
    const server = await startServer({ allowedOrigins: ['http://localhost:1'] });
    const answers = watchAnswers(server);
    settings.endpoint = server.endpoint;
    const page = await newPage();
    await page.goto(origin);
    await until(() => answers.size > 0);
    expect([...answers]).toEqual(['/v1/logs 403']);
    expect(bodies(server)).toEqual([]);
    const read = await page.evaluate(
      `fetch(${JSON.stringify(`${server.endpoint}/api/state`)}).then(() => 'read', () => 'not read')`,
    );
    expect(read).toBe('not read');
  });
});
