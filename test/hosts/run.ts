/**
 * The packed package in host projects: both OTel lines, on Node 20.19, 20.20, 22, 24 and the newest.
 *
 *   npm run test:hosts
 *
 * Each host installs the tarball with npm, compiles a consumer of the whole public surface, and runs one program on every
 * Node: emitted, read live and exported to a real receiver, compared record by record. Ends with 1 when anything failed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compileHostProject, HOST_LINES, makeHostProject, refuseUntestedNames } from './host-project.ts';
import { openDoors, runHostProgram, runRequire } from './host-run.ts';
import { nodeVersions } from './node-versions.ts';
import { pack } from './pack.ts';

const failures: string[] = [];

/** `'ok'`, or `'FAILED'` with the reason among the failures. */
async function outcome(what: string, work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    failures.push(`${what}: ${String(error)}`);
    return 'FAILED';
  }
}

async function main(directory: string): Promise<void> {
  const tarball = await pack(directory);
  const nodes = await nodeVersions(join(directory, 'nodes'));
  const rows: Record<string, string>[] = [];
  for (const [index, line] of HOST_LINES.entries()) {
    const host = join(directory, `host-${index}`);
    const install = await outcome(`${line.name}, install`, () => makeHostProject(host, tarball, line));
    const types = await outcome(`${line.name}, types`, () => compileHostProject(host));
    const surface = await outcome(`${line.name}, surface`, () => refuseUntestedNames(host));
    for (const { binary, version } of nodes) {
      const what = `${line.name} on Node ${version}`;
      rows.push({
        Node: version,
        'OTel line': line.name,
        install,
        types,
        surface,
        run: await outcome(`${what}, run`, () => runHostProgram(host, binary, version)),
        require: await outcome(`${what}, require`, () => runRequire(host, binary)),
        doors: await outcome(`${what}, doors`, () => openDoors(host, binary)),
      });
    }
  }
  console.table(rows);
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-hosts-'));
try {
  await main(directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
for (const failure of failures) console.error(`\n${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
