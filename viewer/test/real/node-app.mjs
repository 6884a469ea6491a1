// An application as its authors write it: it knows nothing of the viewer. Its directory decides which line of the SDK it has.
import { createRequire } from 'node:module';

const require = createRequire(process.env.APP_DIRECTORY);
const { NodeSDK } = require('@opentelemetry/sdk-node');

const sdk = new NodeSDK();
sdk.start();

const api = require('@opentelemetry/api');
// 3.x has the logs API in the same package.
const { logs } = api.logs === undefined ? require('@opentelemetry/api-logs') : api;
const logger = logs.getLogger('shop', '1.0.0');
const tracer = api.trace.getTracer('shop');
tracer.startActiveSpan('order', (span) => {
  logger.emit({
    severityNumber: 9,
    severityText: 'INFO',
    body: 'order was sent',
    attributes: { 'session.id': 'node-session', 'order.id': 5, nested: { list: [1, 'a'] } },
  });
  logger.emit({
    severityNumber: 17,
    severityText: 'ERROR',
    body: { text: 'failed' },
    attributes: { 'session.id': 'node-session' },
  });
  span.end();
});
await sdk.shutdown();
