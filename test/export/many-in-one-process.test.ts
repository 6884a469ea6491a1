import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { ConsoleLogRecordProcessor } from '../../src/export/console/console.ts';
import { DurableLogRecordProcessor } from '../../src/export/durable/durable.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';
import { ManualExporter } from '../support/manual-exporter.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MANY = 15;

/** Listeners of whatever lives as long as the process: Node warns of a leak at the eleventh. */
function listeners(): number[] {
  const ofProcess = ['exit', 'beforeExit', 'SIGTERM', 'uncaughtException'].map((name) => process.listenerCount(name));
  return [...ofProcess, process.stdout.listenerCount('error')];
}

test.each([
  ['spools', () => new DurableLogRecordProcessor({ exporter: new ManualExporter(), directory: directory() })],
  ['facades', () => new SessionLogs()],
  ['consoles', () => new ConsoleLogRecordProcessor('pretty')],
])('many %s in one process have one listener', async (_, make: () => { shutdown(): Promise<void> }) => {
  const before = listeners();
  const made = Array.from({ length: MANY }, make);
  onTestFinished(async () => void (await Promise.all(made.map((each) => each.shutdown()))));
  for (const [i, count] of listeners().entries()) expect(count - (before[i] as number)).toBeLessThanOrEqual(1);
});

function directory(): string {
  return join(temporaryDirectory(), 'spool');
}
