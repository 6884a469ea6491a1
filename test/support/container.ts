import { execFileSync } from 'node:child_process';

/** For `fork`: `unshare` starts the process, which ends with it. */
export function containing(host: string): { execPath: string; execArgv: string[] } {
  const named = ['sh', '-c', 'hostname "$0" && exec "$@"', host, process.execPath];
  return { execPath: 'unshare', execArgv: ['--uts', '--net', '--pid', '--fork', '--kill-child', ...named] };
}

/** Why no container can be made here; `undefined` when one can. */
export function whyNoContainer(): string | undefined {
  const { execPath, execArgv } = containing('c-1');
  try {
    execFileSync(execPath, [...execArgv, '--version'], { stdio: ['ignore', 'ignore', 'pipe'] });
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}
