import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeEach, describe, expect, it } from 'vitest';

import { runProgram } from '../support/run-script.ts';
import type { Ran } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The system's own programs that take part. */
const REAL = ['bash', 'date', 'dirname', 'env'];
const NPM = [
  'npm ci --no-audit --no-fund',
  'npm test',
  'npm run check',
  'npm run test:integration',
  'npm run test:hosts',
  'npm run test:clients',
  'npm run test:recipes -- --quick',
  'npm run test:installs',
  'npm run test:bundles',
  'npm run test:runtimes',
  'npm run check:viewer',
  'npm run test:viewer',
  'npm run test:chat -- Hono, AI SDK 6',
  'npm run demo -- --fast',
];
const INSTALL = 'apt-get install -y -qq --no-install-recommends';

/** All other programs are stand-ins that write down how they are called; only these are there. */
describe('.ci/run', () => {
  let directory: string;

  function standIn(name: string, body = 'exit 0'): void {
    const path = join(directory, 'bin', name);
    writeFileSync(path, `#!/bin/bash\necho "${name} $*" >>'${directory}/calls'\n${body}\n`);
    chmodSync(path, 0o755);
  }

  function run(env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const settings = { PATH: join(directory, 'bin'), CHROMIUM_PATH: 'chromium', ...env };
    return runProgram('/bin/bash', ['.ci/run'], { cwd: ROOT, env: settings });
  }

  function calls(): string[] {
    const lines = readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');
    return lines.filter((line) => !/^(?:apt-cache|id) /.test(line));
  }

  beforeEach(async () => {
    directory = temporaryDirectory();
    mkdirSync(join(directory, 'bin'));
    for (const name of REAL) {
      const { stdout } = await runProgram('/bin/bash', ['-c', `command -v ${name}`], { cwd: ROOT });
      symlinkSync(stdout.trim(), join(directory, 'bin', name));
    }
    standIn('npm');
    standIn('apt-get');
    standIn('apt-cache', 'exit 100');
    standIn('id', 'echo 0');
  });

  it('names the system packages that are missing and goes on without them', async () => {
    const { status, stdout } = await run();
    expect(status).toBe(0);
    expect(stdout).toContain('\nmissing: redis-server chromium. Their tests will be skipped.\n');
    // Each of them, and the system packages.
    expect(stdout).toMatch(new RegExp(`\nsteps: ${NPM.length + 1} passed, 0 failed\n$`));
    expect(calls()).toEqual(NPM);
  });

  it('installs nothing with another value of CI', async () => {
    expect(await run({ CI: '1' })).toMatchObject({ status: 0 });
    expect(calls()).toEqual(NPM);
  });

  it('installs what is missing with CI=true, and Valkey where the system has it', async () => {
    standIn('apt-cache');
    expect(await run({ CI: 'true' })).toMatchObject({ status: 0 });
    const [first, ...others] = NPM;
    const install = `${INSTALL} redis-server chromium valkey-server`;
    expect(calls()).toEqual([first, 'apt-get update -qq', install, ...others]);
  });

  it('installs by sudo where it is not root, and only what is missing', async () => {
    standIn('id', 'echo 1000');
    standIn('sudo', 'shift; exec "$@"');
    standIn('redis-server');
    expect(await run({ CI: 'true' })).toMatchObject({ status: 0 });
    expect(calls()).toContain(`sudo -n env DEBIAN_FRONTEND=noninteractive ${INSTALL} chromium`);
    expect(calls()).toContain(`${INSTALL} chromium`);
  });

  it('calls no package manager when nothing is missing', async () => {
    for (const name of ['redis-server', 'chromium']) standIn(name);
    const { stdout } = await run({ CI: 'true' });
    expect(stdout).toContain('nothing is missing');
    expect(calls()).toEqual(NPM);
  });

  it.each(NPM)('ends with the status of a step that fails and runs none after it: %s', async (call) => {
    standIn('npm', `[ "npm $*" = '${call}' ] && exit 3 || exit 0`);
    const { status, stdout } = await run();
    expect(status).toBe(3);
    expect(calls().at(-1)).toBe(call);
    const before = NPM.indexOf(call) + (call === NPM[0] ? 0 : 1);
    expect(stdout).toMatch(new RegExp(`\\nsteps: ${before} passed, 1 failed\\n$`));
  });

  it('fails when a system package cannot be installed', async () => {
    standIn('apt-get', '[ "$1" = update ] || exit 100');
    expect(await run({ CI: 'true' })).toMatchObject({ status: 100 });
    expect(calls().at(-1)).toContain(INSTALL);
  });
});
