const watchers = new Set<(error: unknown) => void>();

function onError(error: unknown): void {
  for (const watcher of watchers) watcher(error);
}

/**
 * Calls back when stdout cannot be written to, until the returned function is called. Without a listener, a closed pipe
 * would end the process with an uncaught error; one listener serves all, because Node warns of a leak at the eleventh.
 */
export function watchStdout(callback: (error: unknown) => void): () => void {
  if (watchers.size === 0) process.stdout.on('error', onError);
  watchers.add(callback);
  return () => {
    if (watchers.delete(callback) && watchers.size === 0) process.stdout.off('error', onError);
  };
}
