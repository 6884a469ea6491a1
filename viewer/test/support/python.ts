import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runProgram } from '../../../test/support/run-script.ts';

export const PYTHON_DIRECTORY: string = fileURLToPath(new URL('../real/python/', import.meta.url));

/** A Python with OpenTelemetry in it, or why there is none. It is kept for later runs, under a name made of what is in it. */
export async function installPython(): Promise<{ readonly python: string } | { readonly missing: string }> {
  const requirements = join(PYTHON_DIRECTORY, 'requirements.txt');
  const name = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const directory = join(tmpdir(), `session-logs-viewer-python-${name}`);
  const python = join(directory, 'bin', 'python');
  const mark = join(directory, 'complete');
  if (existsSync(mark)) return { python };
  rmSync(directory, { recursive: true, force: true });
  const steps = [
    ['python3', '-m', 'venv', directory],
    [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
  ] as const;
  for (const [command, ...args] of steps) {
    try {
      const { status, stderr } = await runProgram(command, args, { cwd: tmpdir() });
      if (status !== 0) return { missing: stderr.trim().split('\n').at(-1) ?? 'it could not be installed' };
    } catch (error) {
      return { missing: String(error) };
    }
  }
  mkdirSync(mark);
  return { python };
}
