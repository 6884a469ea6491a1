import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { runProgram } from '../../test/support/run-script.ts';
import { startServer } from '../test/support/dev-server.ts';

const DIRECTORY = fileURLToPath(new URL('go/', import.meta.url));

/** What is missing of Go; `''`: nothing. */
function missingGo(): string {
  try {
    const version = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim();
    return Number(/^go1\.(\d+)/.exec(version)?.[1]) >= 25 ? '' : `: Go 1.25 is needed, this is ${version}`;
  } catch {
    return ': there is no Go';
  }
}

const missing = missingGo();

describe.skipIf(missing !== '')(`an application in Go, as it is${missing}`, () => {
  it('is shown, with integers beyond 2^53 and bytes', async () => {
    const program = join(mkdtempSync(join(tmpdir(), 'session-logs-go-')), 'app');
    const built = await runProgram('go', ['build', '-o', program, '.'], { cwd: DIRECTORY });
    expect(built).toMatchObject({ status: 0 });
    const server = await startServer();
    const { status } = await runProgram(program, [], {
      cwd: DIRECTORY,
      env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: server.endpoint },
    });
    expect(status).toBe(0);
    const [entry] = server.model.find('go-session')?.entries ?? [];
    expect(entry?.text).toBe('order was sent');
    expect(entry?.data).toMatchObject({
      severityNumber: 9,
      attributes: { 'order.id': 2n ** 60n, bytes: Uint8Array.of(1, 2) },
      origin: { scopeName: 'shop', resource: { 'service.name': 'go-shop' } },
    });
  });
});
