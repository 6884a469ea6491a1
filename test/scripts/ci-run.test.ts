import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeEach, describe, expect, it } from 'vitest';

import { runProgram } from '../support/run-script.ts';
import type { Ran } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The system's own programs that take part. */
const REAL = ['bash', 'cp', 'date', 'dirname', 'env', 'git', 'mktemp', 'rm', 'sed', 'xargs'];
const SETUP = 'npm ci --no-audit --no-fund';
/** What each lane calls, in its order. */
const HERE = [
  'npm test',
  'npm run check',
  'npm run test:integration',
  'npm run check:viewer',
  'npm run test:viewer',
  'npm run test:viewer:integration',
];
const ELSEWHERE = [
  SETUP,
  'npm run test:hosts',
  'npm run test:diagnose',
  'npm run test:clients',
  'npm run test:recipes -- --quick',
  'npm run test:installs',
  'npm run test:bundles',
  'npm run test:runtimes',
  'npm run test:chat -- Hono, AI SDK 6',
  'npm run docs',
  'npm run docs:site',
  'npm run docs:check',
  'npm run demo -- --fast',
];
const INSTALL = 'apt-get install -y -qq --no-install-recommends';

/** All other programs are stand-ins that write down how they are called; only these are there. */
describe('.ci/run', () => {
  let directory: string;

  /** Writes a program; its body knows as `lane` where it runs. */
  function standIn(name: string, body = 'exit 0'): void {
    const path = join(directory, 'bin', name);
    const lane = `[ "$PWD" = '${ROOT.slice(0, -1)}' ] && lane=here || lane=elsewhere`;
    writeFileSync(path, `#!/bin/bash\n${lane}\necho "${name} $*" >>"${directory}/$lane"\n${body}\n`);
    chmodSync(path, 0o755);
  }

  function run(env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const settings = { PATH: join(directory, 'bin'), CHROMIUM_PATH: 'chromium', TMPDIR: directory, ...env };
    return runProgram('/bin/bash', ['.ci/run'], { cwd: ROOT, env: settings });
  }

  function calls(lane: 'here' | 'elsewhere' = 'here'): string[] {
    const lines = readFileSync(join(directory, lane), 'utf8').trim().split('\n');
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

  it('names the system packages that are missing and goes on without them, in both lanes', async () => {
    const { status, stdout } = await run();
    expect(status).toBe(0);
    expect(stdout).toContain('\nmissing: redis-server chromium. Their tests will be skipped.\n');
    expect(stdout).toContain(`\n.ci/here: ${HERE.length} steps passed, 0 failed`);
    expect(stdout).toContain(`\nelsewhere | .ci/elsewhere: ${ELSEWHERE.length} steps passed, 0 failed`);
    expect(stdout).toContain('\n.ci/run: 4 steps passed, 0 failed');
    expect(calls()).toEqual([SETUP, ...HERE]);
    expect(calls('elsewhere')).toEqual(ELSEWHERE);
    expect(readdirSync(directory).toSorted(), 'the copy is gone').toEqual(['bin', 'elsewhere', 'here']);
  });

  it('installs nothing with another value of CI', async () => {
    expect(await run({ CI: '1' })).toMatchObject({ status: 0 });
    expect(calls()).toEqual([SETUP, ...HERE]);
  });

  it('installs what is missing with CI=true, and Valkey where the system has it', async () => {
    standIn('apt-cache');
    expect(await run({ CI: 'true' })).toMatchObject({ status: 0 });
    const install = `${INSTALL} redis-server chromium valkey-server`;
    expect(calls()).toEqual([SETUP, 'apt-get update -qq', install, ...HERE]);
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
    expect(calls()).toEqual([SETUP, ...HERE]);
  });

  it('ends with the status of an install that fails, and starts no lane', async () => {
    standIn('npm', 'exit 3');
    const { status, stdout } = await run();
    expect(status).toBe(3);
    expect(calls()).toEqual([SETUP]);
    expect(stdout).toMatch(/\n\.ci\/run: 0 steps passed, 1 failed/);
  });

  it.each([...HERE.map((call) => ['here', call] as const), ...ELSEWHERE.map((call) => ['elsewhere', call] as const)])(
    'ends with the status of a step that fails and runs none after it: %s, %s',
    async (failing, call) => {
      standIn('npm', `[ $lane = ${failing} ] && [ "npm $*" = '${call}' ] && exit 3 || exit 0`);
      const { status, stdout } = await run();
      expect(status).toBe(3);
      expect(calls(failing).at(-1)).toBe(call);
      const before = (failing === 'here' ? HERE : ELSEWHERE).indexOf(call);
      expect(stdout).toContain(`.ci/${failing}: ${before} steps passed, 1 failed`);
      expect(stdout).toContain('\n.ci/run: 3 steps passed, 1 failed');
      expect(calls('here').at(-1), 'the other lane goes on').toBe(failing === 'here' ? call : HERE.at(-1));
      expect(calls('elsewhere').at(-1)).toBe(failing === 'elsewhere' ? call : ELSEWHERE.at(-1));
    },
  );

  it('fails when a system package cannot be installed', async () => {
    standIn('apt-get', '[ "$1" = update ] || exit 100');
    expect(await run({ CI: 'true' })).toMatchObject({ status: 100 });
    expect(calls().at(-1)).toContain(INSTALL);
  });
});
