import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Emitted, Plan } from './application.ts';

export interface RunningApplication {
  /** Begins to emit. Resolves when all is exported. */
  go(): Promise<Emitted>;
}

/** Starts the application. Resolves when it has emitted what comes before the measurement, and waits for `go`. */
export async function startApplication(plan: Plan): Promise<RunningApplication> {
  const child = fork(fileURLToPath(new URL('application.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  child.send(plan);
  await once(child, 'message');
  return {
    go: async () => {
      child.send('go');
      const [emitted] = (await once(child, 'message')) as [Emitted];
      return emitted;
    },
  };
}
