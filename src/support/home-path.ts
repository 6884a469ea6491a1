import { homedir } from 'node:os';
import { join, sep } from 'node:path';

/**
 * Expands `~` and `~/logs` to the user's home directory. A shell expands them only if they are not quoted, and never in
 * a container's environment variable. `~name` stays as it is.
 */
export function expandHome(path: string): string {
  const isHome = path === '~' || path.startsWith('~/') || path.startsWith(`~${sep}`);
  return isHome ? join(homedir(), path.slice(1)) : path;
}
