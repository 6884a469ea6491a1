/**
 * Makes one file of a host's program: `bun build` for Bun and for Node.js, an executable by Bun, and Node's single executable
 * application, which takes CommonJS.
 *
 *   node single.mjs KIND HOST OUT
 *
 * Prints the command that runs it, as JSON.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , kind, host, out] = process.argv;
const bin = (name) => join(import.meta.dirname, 'node_modules', '.bin', name);
const run = (program, ...args) => execFileSync(program, args, { cwd: host, stdio: ['ignore', 'ignore', 'inherit'] });

const KINDS = {
  'bun build --target=bun'() {
    run(bin('bun'), 'build', 'program.mjs', '--target=bun', `--outfile=${join(out, 'program.js')}`);
    return [bin('bun'), join(out, 'program.js')];
  },
  'bun build --target=node'() {
    run(bin('bun'), 'build', 'program.mjs', '--target=node', `--outfile=${join(out, 'program.mjs')}`);
    return [process.execPath, join(out, 'program.mjs')];
  },
  'bun build --compile'() {
    run(bin('bun'), 'build', 'program.mjs', '--compile', `--outfile=${join(out, 'program')}`);
    return [join(out, 'program')];
  },
  'Node.js, single executable'() {
    const main = join(out, 'program.cjs');
    run(bin('esbuild'), 'program.mjs', '--bundle', '--platform=node', '--log-level=error', `--outfile=${main}`);
    const [blob, program] = [join(out, 'program.blob'), join(out, 'program')];
    writeFileSync(join(out, 'sea.json'), JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true }));
    run(process.execPath, '--experimental-sea-config', join(out, 'sea.json'));
    copyFileSync(process.execPath, program);
    chmodSync(program, 0o755);
    const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
    run(bin('postject'), program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse);
    return [program];
  },
};

console.log(JSON.stringify(KINDS[kind]()));
