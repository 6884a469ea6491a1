import { homedir } from 'node:os';
import { join, sep } from 'node:path';

/**
 * A path as a person writes it: `~` and `~/logs` lead to the home directory of the user. A shell expands them only where
 * they are not quoted, and never in an environment variable of a container. `~name` is a name like any other.
 */
export function expandHome(path: string): string {
  const isHome = path === '~' || path.startsWith('~/') || path.startsWith(`~${sep}`);
  return isHome ? join(homedir(), path.slice(1)) : path;
}
