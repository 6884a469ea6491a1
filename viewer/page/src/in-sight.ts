import type { EventStream } from './event-stream.ts';

/** A tab that is out of sight for a shorter time keeps its connection. */
const HIDDEN_MILLIS = 10_000;

/**
 * Holds the stream of a tab that is out of sight. A browser has six connections for all tabs of a site: with six streams open, a
 * seventh tab would not even load.
 */
export function followInSight(stream: EventStream): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => stream.hold(), HIDDEN_MILLIS);
    else stream.letGo();
  });
  if (document.hidden) stream.hold();
}
