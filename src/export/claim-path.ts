import { SessionLogsError } from '../support/errors.ts';

/** What a path can be taken for; each has a list of its own. */
type Use = 'date-file-directories' | 'spool-roots';

/** The list is under `Symbol.for`: several copies of this package may be loaded in one process. */
function pathsInUse(use: Use): Set<string> {
  const holder = globalThis as { [key: symbol]: Set<string> | undefined };
  return (holder[Symbol.for(`otel-session-logs.${use}.v1`)] ??= new Set());
}

/**
 * Takes a path for one writer of this process; other processes may use it too.
 *
 * @param path Without links, so that one directory has one name.
 * @returns Gives it back.
 * @throws SessionLogsError `directory_in_use`, with that message, while another writer of this process has it.
 */
export function claimPath(use: Use, path: string, whenInUse: string): () => void {
  const paths = pathsInUse(use);
  if (paths.has(path)) throw new SessionLogsError('directory_in_use', whenInUse);
  paths.add(path);
  return () => void paths.delete(path);
}
