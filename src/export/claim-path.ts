import { SessionLogsError } from '../support/errors.ts';

/** What a path is claimed for. Each use has its own list. */
type Use = 'date-file-directories' | 'spool-roots';

/** The list is under `Symbol.for`, because a process may load several copies of this package. */
function pathsInUse(use: Use): Set<string> {
  const holder = globalThis as { [key: symbol]: Set<string> | undefined };
  return (holder[Symbol.for(`otel-session-logs.${use}.v1`)] ??= new Set());
}

/**
 * Claims a path for one writer of this process. Other processes may use it too.
 *
 * @param path A path without symbolic links, so that one directory has one name.
 * @returns a function that releases the claim.
 * @throws SessionLogsError `directory_in_use`, with the message `whenInUse`, if another writer of this process has the
 * path.
 */
export function claimPath(use: Use, path: string, whenInUse: string): () => void {
  const paths = pathsInUse(use);
  if (paths.has(path)) throw new SessionLogsError('directory_in_use', whenInUse);
  paths.add(path);
  return () => void paths.delete(path);
}
