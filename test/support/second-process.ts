/** From here on a directory that this process uses can be used once more, as by another process. */
export function actAsAnotherProcess(): void {
  const holder = globalThis as { [key: symbol]: Set<string> | undefined };
  for (const use of ['date-file-directories', 'spool-roots']) {
    holder[Symbol.for(`otel-session-logs.${use}.v1`)]?.clear();
  }
}
