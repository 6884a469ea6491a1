import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import * as edge from '../src/edge.ts';
import * as exports from '../src/export.ts';
import * as index from '../src/index.ts';
import * as redaction from '../src/redaction.ts';
import * as redis from '../src/redis.ts';
import * as remote from '../src/remote.ts';
import { readImportGraph } from './support/import-graph.ts';

const ROOT = new URL('..', import.meta.url);

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

describe('what edge runtimes and browsers get', () => {
  it('has the names of every door, and loads nothing that is not there', () => {
    const names = [index, exports, redaction, redis, remote].flatMap((door) => Object.keys(door));
    expect(Object.keys(edge)).toEqual(expect.arrayContaining(names));
    const graph = readImportGraph(fileURLToPath(new URL('src', ROOT)));
    expect(graph.get('edge.ts')).toEqual(['support/docs-address.ts', 'entry/tokens.ts']);
    expect(graph.get('entry/tokens.ts')).toEqual([]);
    for (const file of ['edge.ts', 'entry/tokens.ts', 'support/docs-address.ts']) {
      expect(readFileSync(new URL(`src/${file}`, ROOT), 'utf8')).not.toMatch(/from '[^.]/);
    }
  });

  it('has the tokens, and says what is wrong when the rest is used', () => {
    expect(edge.SPECIAL_TOKENS).toEqual(index.SPECIAL_TOKENS);
    const message =
      /needs Node\.js, Bun or Deno: SessionLogs was used in a browser or an edge runtime.*NEXT_RUNTIME === 'nodejs'/;
    const SessionLogs = edge.SessionLogs as unknown as new () => object;
    expect(() => new SessionLogs()).toThrow(message);
    expect(() => edge.startSessionLogs()).toThrow('startSessionLogs was used');
    expect(() => (edge.logEntrySchema as unknown as { parse: unknown }).parse).toThrow('logEntrySchema was used');
    expect(() => edge.withSession()).toThrow(edge.SessionLogsError);
    expect(() => edge.withSession()).toThrow(expect.objectContaining({ code: 'not_supported' }));
    // What is only defined on the way does not fail.
    expect(class extends SessionLogs {}).toBeTypeOf('function');
  });

  it.each(['edge-light', 'workerd', 'browser'])('every door leads there under the condition %s', (condition) => {
    const { exports: doors } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as Manifest;
    for (const [path, door] of Object.entries(doors)) {
      if (typeof door === 'string' || path === './testing') continue;
      expect([path, door[condition]]).toEqual([path, './dist/edge.js']);
      expect(Object.keys(door).at(-1)).toBe('default');
    }
  });
});
