import fileSystem from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import os from 'node:os';

/**
 * Makes this process one of another host: what the system tells it is changed, before the package is loaded.
 *
 * @param {import('./durable-process.ts').Pretence | undefined} pretence
 */
export function pretend({ host, boot, hidesSockets, speed } = {}) {
  if (host !== undefined) os.hostname = () => host;
  if (boot !== undefined) {
    const { readFileSync } = fileSystem;
    fileSystem.readFileSync = (path, ...rest) =>
      path === '/proc/sys/kernel/random/boot_id' ? `${boot}\n` : readFileSync(path, ...rest);
  }
  if (hidesSockets === true) {
    const { connect } = net;
    // The socket of another kernel: its file is there, and nobody listens.
    net.connect = (options, ...rest) =>
      options.path?.endsWith('/s') ? connect({ path: `${options.path}-of-another-kernel` }) : connect(options, ...rest);
  }
  syncBuiltinESMExports();
  if (speed !== undefined) hurry(speed);
}

/** Intervals, and the clock by which they are judged, go faster by a factor. */
function hurry(speed) {
  const now = performance.now.bind(performance);
  performance.now = () => now() * speed;
  const { setInterval } = globalThis;
  globalThis.setInterval = (callback, millis, ...rest) => setInterval(callback, millis / speed, ...rest);
}
