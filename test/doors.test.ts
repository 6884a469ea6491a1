import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { builtSource } from './support/built-source.ts';
import { runProgram } from './support/run-script.ts';

/** The modules that a program has loaded: V8 writes down each script that it has compiled. */
async function loadedBy(code: string): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'doors-'));
  try {
    const { status, stderr } = await runProgram(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: directory,
      env: { ...process.env, NODE_V8_COVERAGE: join(directory, 'scripts') },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readdirSync(join(directory, 'scripts')).flatMap((file) => {
      const { result } = JSON.parse(readFileSync(join(directory, 'scripts', file), 'utf8')) as Coverage;
      return result.map(({ url }) => url);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

const SOURCE = builtSource();
/** What only those pay for who use it. */
const HEAVY = /node_modules\/(log4js|@opentelemetry\/(sdk|exporter)-|ioredis|redis)/;

describe('a door loads what it needs', () => {
  it.each(['index.js', 'export.js', 'redis.js', 'remote.js', 'testing.js'])(
    '%s: neither log4js, nor an SDK, nor a client',
    async (door) => {
      const urls = await loadedBy(`await import(${JSON.stringify(SOURCE.url(door))});`);
      expect(urls).toContain(SOURCE.url(door));
      expect(urls.filter((url) => HEAVY.test(url))).toEqual([]);
    },
  );

  it('index.js: no destination, before one is started', async () => {
    const main = `const { startSessionLogs } = await import(${JSON.stringify(SOURCE.url('index.js'))});`;
    // The bundler leaves a line with the path before what it joined.
    const isDestination = (url: string): boolean =>
      url.startsWith(SOURCE.url('')) && readFileSync(new URL(url), 'utf8').includes('\n// src/export/');
    expect((await loadedBy(main)).filter(isDestination)).toEqual([]);
    const started = await loadedBy(`${main} await (await startSessionLogs({ console: false })).shutdown();`);
    expect(started.filter(isDestination)).not.toEqual([]);
    expect(started.filter((url) => HEAVY.test(url))).not.toEqual([]);
  });
});
