import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** The built viewer in a process of its own, as users have it. */
export interface ViewerProcess {
  readonly endpoint: string;
  /** CPU time so far, in milliseconds. */
  cpuMillis(): number;
  end(): void;
}

export async function startViewer(): Promise<ViewerProcess> {
  const child = spawn(process.execPath, [CLI, '--port', '0', '--no-open'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [greeting] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    endpoint: /http:\/\/[\d.]+:\d+/.exec(greeting.toString())?.[0] ?? '',
    cpuMillis: () => cpuMillisOf(child.pid ?? 0),
    end: () => void child.kill(),
  };
}

/** CPU time of a process so far. The clock of the kernel has ticks of 10 ms. */
function cpuMillisOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
