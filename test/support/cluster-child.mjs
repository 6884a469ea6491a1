// A cluster whose workers each have a spool on the same root. argv: module, root.
import cluster from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';

const [, , module, directory] = process.argv;
if (cluster.isPrimary) {
  cluster.setupPrimary({ args: [module, directory] });
  const workers = [cluster.fork(), cluster.fork()];
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  process.send('ready');
  process.on('message', (what) => {
    if (what === 'kill one') workers[0].process.kill('SIGKILL');
    if (what === 'end') process.exit(0);
  });
} else {
  const { DurableLogRecordProcessor } = await import(module);
  const { LoggerProvider } = await import('@opentelemetry/sdk-logs');
  const exporter = { export() {}, shutdown: () => Promise.resolve(), forceFlush: () => Promise.resolve() };
  const durable = new DurableLogRecordProcessor({ exporter, directory });
  const logger = new LoggerProvider({ processors: [durable] }).getLogger('worker');
  for (let i = 1; i <= 100; i += 1) logger.emit({ body: `${process.pid}-${i}` });
  await delay(20);
  process.send('written');
  setInterval(() => {}, 1_000);
}
