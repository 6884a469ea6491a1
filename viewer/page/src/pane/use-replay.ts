import { useEffect, useReducer, useRef, useState } from 'preact/hooks';

import type { ReplayAnswer } from '../../../src/serve/protocol.ts';
import { ReplayPlayer } from './replay-player.ts';
import type { Frames } from './replay-player.ts';
import { Replay } from './replay.ts';

const FRAMES: Frames = {
  next: (callback) => requestAnimationFrame(callback),
  cancel: (handle) => cancelAnimationFrame(handle),
};

export interface OpenedReplay {
  readonly player: ReplayPlayer;
  /** How many older entries are not in it. */
  readonly omitted: number;
}

/**
 * Opens the replay of a session.
 *
 * @param at Milliseconds since the session began, as the address has them; `undefined` if the session is not replayed.
 * @returns `'loading'` or `'gone'` while there is nothing to play.
 */
export function useReplay(
  session: string,
  at: number | undefined,
  moved: (sessionMillis: number) => void,
): OpenedReplay | 'loading' | 'gone' | undefined {
  const [opened, setOpened] = useState<OpenedReplay | 'loading' | 'gone'>('loading');
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const tell = useRef(moved);
  tell.current = moved;
  const isOpen = at !== undefined;
  useEffect(() => {
    if (!isOpen) return undefined;
    const ending = new AbortController();
    setOpened('loading');
    void load(session, ending.signal).then((answer) => {
      if (ending.signal.aborted) return;
      if (answer === undefined) return setOpened('gone');
      const handlers = { changed: () => draw(0), moved: (millis: number) => tell.current(millis) };
      const player = new ReplayPlayer(new Replay(answer.steps), handlers, FRAMES);
      ending.signal.addEventListener('abort', () => player.pause());
      setOpened({ player, omitted: answer.omitted });
    });
    return () => ending.abort();
  }, [session, isOpen]);
  useEffect(() => {
    if (at !== undefined && typeof opened === 'object') opened.player.goTo(at);
  }, [at, opened]);
  return isOpen ? opened : undefined;
}

async function load(session: string, signal: AbortSignal): Promise<ReplayAnswer | undefined> {
  const query = new URLSearchParams({ session });
  // The server is gone, or the replay is closed: there is nothing to play.
  const response = await fetch(`./api/replay?${query.toString()}`, { signal }).catch(() => undefined);
  return response?.ok === true ? ((await response.json()) as ReplayAnswer) : undefined;
}
