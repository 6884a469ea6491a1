import { useEffect, useRef, useState } from 'preact/hooks';

import type { BlockDetail } from '../../../src/serve/protocol.ts';

/** How often a block that grows is requested again. */
const REFRESH_MILLIS = 1_000;

/**
 * The block in full. While it grows it is requested again, but not for each token. In a replay it ends with the entry `version`.
 */
export function useDetail(
  session: string,
  block: number,
  version: number,
  isReplay: boolean,
): BlockDetail | 'gone' | undefined {
  const [detail, setDetail] = useState<BlockDetail | 'gone' | undefined>(undefined);
  const asked = useRef<{ version: number; readonly look: (version: number) => void } | undefined>(undefined);
  useEffect(() => {
    const ending = new AbortController();
    let [isBusy, wanted] = [false, 0];
    const look = async (next: number): Promise<void> => {
      wanted = next;
      if (isBusy) return;
      isBusy = true;
      const found = await fetchDetail(session, block, isReplay ? next : undefined, ending.signal);
      if (ending.signal.aborted) return;
      if (found !== undefined) setDetail(found);
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MILLIS));
      isBusy = false;
      if (!ending.signal.aborted && wanted !== next) void look(wanted);
    };
    setDetail(undefined);
    asked.current = { version, look: (next) => void look(next) };
    void look(version);
    return () => ending.abort();
  }, [session, block, isReplay]);
  useEffect(() => {
    if (asked.current === undefined || asked.current.version === version) return;
    asked.current.version = version;
    asked.current.look(version);
  }, [version]);
  return detail;
}

/** `undefined`: another block was chosen, or the server is gone, which the page says elsewhere. */
async function fetchDetail(
  session: string,
  block: number,
  until: number | undefined,
  signal: AbortSignal,
): Promise<BlockDetail | 'gone' | undefined> {
  const query = new URLSearchParams({ session, id: String(block) });
  if (until !== undefined) query.set('until', String(until));
  const response = await fetch(`./api/block?${query.toString()}`, { signal }).catch(() => undefined);
  if (response === undefined) return undefined;
  return response.ok ? ((await response.json()) as BlockDetail) : 'gone';
}
