import { execFile } from 'node:child_process';
import type { ExecFileOptions } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, it, onTestFinished } from 'vitest';

import { MAX_WRITES, recordsIn, testFixture } from '../../page/src/details/fixture.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { encodeJsonLogs } from '../../src/otlp/export-json.ts';
import { SessionScript } from '../support/records.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

/** What a program of Node prints, also when it fails. */
async function output(args: readonly string[], options: ExecFileOptions): Promise<string> {
  const { stdout } = await run(process.execPath, args, options).catch((error: { stdout: string }) => error);
  return String(stdout);
}

/** The fixture of a session, as the page makes it of the export. */
function fixture(name: string, tell: (script: SessionScript) => unknown): string {
  const model = new SessionModel();
  tell(new SessionScript(model, name));
  const entries = model.find(name)?.entries ?? [];
  return testFixture(name, recordsIn(encodeJsonLogs(entries.map(({ data }) => data))), entries.length);
}

/** A project with these files, which has the packages of this one. */
function project(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'session-logs-fixture-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  mkdirSync(join(directory, 'test'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const everything = (script: SessionScript): unknown =>
  script
    .add({ eventName: 'gen_ai.user.message', body: { content: 'Why?\n"quoted" ${and} `ticks`' } })
    .mark('stream_start', { 'session_logs.stream_id': 'a' })
    .mark('reasoning_start', { 'session_logs.stream_id': 'a' })
    .chunk('hm', 'a')
    .mark('reasoning_stop', { 'session_logs.stream_id': 'a' })
    .chunk('</end>', 'a')
    .chunk("it's \u2028 </script>", 'a')
    .mark('tool_call_start')
    .mark('tool_call_end')
    .add({ eventName: 'session_logs.error', body: 'broke' })
    .mark('stream_end', { 'gen_ai.response.finish_reasons': ['error'] })
    .add(
      { body: 'slow', severityNumber: 13, severityText: 'WARN' },
      { 'db.ms': 1_840, list: [1, 2], deep: { a: { b: true } }, big: 2n ** 60n, 'a-b': 0.5, ['__proto__']: 'x' },
    );

describe('the test fixture of a session', () => {
  it('compiles, and writes what the session wrote', async () => {
    const name = 'a "name" */ ${x}';
    const directory = project({
      'package.json': '{ "type": "module" }',
      'test/session.test.ts': fixture(name, everything),
      'vitest.config.mjs': `export default { resolve: { alias: [
        { find: /^otel-session-logs\\/(\\w+)$/, replacement: ${JSON.stringify(join(ROOT, 'src'))} + '/$1.ts' },
      ] }, test: { include: ['test/*.test.ts'] } };`,
      'tsconfig.json': JSON.stringify({
        extends: join(ROOT, 'tsconfig.json'),
        compilerOptions: {
          noEmit: true,
          types: [],
          typeRoots: [join(ROOT, 'node_modules/@types')],
          paths: { 'otel-session-logs/*': [join(ROOT, 'src/*.ts')] },
        },
        include: ['test'],
      }),
    });
    const options = { cwd: directory, env: { ...process.env, VITEST: undefined, NODE_OPTIONS: '' } };
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    expect(await output([tsc, '-p', directory], options)).toBe('');
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    expect(await output([vitest, 'run', '--root', directory], options)).toMatch(/1 passed/);
  });

  it('keeps what the attributes say, and leaves out what the write itself says', () => {
    const text = fixture('abc', (script) => script.chunk('Hi', 'a').log('slow', 13));
    expect(text).toContain(`  { at: 0, chunk: "Hi", streamId: "a" },`);
    expect(text).toContain(`  { at: 1000, log: "slow", severityNumber: 13 },`);
  });

  it('is bounded, and says so', () => {
    const text = fixture('abc', (script) => {
      for (let at = 0; at <= MAX_WRITES; at += 1) script.chunk('x');
    });
    expect(text).toContain(`What the session wrote; the first ${MAX_WRITES} of ${MAX_WRITES + 1}.`);
    expect(text.match(/chunk: "x"/g)).toHaveLength(MAX_WRITES);
  });
});
