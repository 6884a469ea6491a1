import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import type { BlockDetail, EntryDetail } from '../../../src/serve/protocol.ts';
import { whole } from '../list/figures.ts';
import { spanText } from '../pane/times.ts';
import { Fields } from './attributes.tsx';
import './chunk-stepper.css';

interface Props {
  readonly session: string;
  readonly timeline: BlockDetail['timeline'];
  readonly chunk: number;
  readonly choose: (chunk: number) => void;
}

/** The chunks of an answer one by one. */
export function ChunkStepper({ session, timeline, chunk, choose }: Props): JSX.Element {
  const [seq, after = 0] = timeline[chunk] ?? [];
  const before = timeline[chunk - 1]?.[1];
  const entry = useEntry(session, seq);
  const last = timeline.length - 1;
  return (
    <div class="stepper" role="group" aria-label="Chunks one by one">
      <div class="controls">
        <button type="button" aria-label="Previous chunk" disabled={chunk <= 0} onClick={() => choose(chunk - 1)}>
          ‹
        </button>
        <input
          type="range"
          min={0}
          max={last}
          value={chunk}
          aria-label="Chunk"
          aria-valuetext={`Chunk ${chunk + 1} of ${timeline.length}`}
          onInput={(event) => choose(Number(event.currentTarget.value))}
        />
        <button type="button" aria-label="Next chunk" disabled={chunk >= last} onClick={() => choose(chunk + 1)}>
          ›
        </button>
      </div>
      <p class="which">
        Chunk {whole(chunk + 1)} of {whole(timeline.length)}, at {spanText(after)}
        {before === undefined ? '' : `, ${spanText(after - before)} after the previous one`}
      </p>
      <pre class="chunk">{entry?.text ?? ''}</pre>
      {entry === undefined || Object.keys(entry.attributes as object).length === 0 ? null : (
        <details class="tree">
          <summary>Attributes of the chunk</summary>
          <Fields fields={entry.attributes} dropped={entry.droppedAttributes} />
        </details>
      )}
    </div>
  );
}

/** The entry of that number. The previous one stays until it is there, so that nothing jumps. */
function useEntry(session: string, seq: number | undefined): EntryDetail | undefined {
  const [entry, setEntry] = useState<EntryDetail | undefined>(undefined);
  useEffect(() => {
    if (seq === undefined) return undefined;
    const ending = new AbortController();
    const query = new URLSearchParams({ session, seq: String(seq) });
    fetch(`./api/entry?${query.toString()}`, { signal: ending.signal })
      .then(async (response) => setEntry(response.ok ? ((await response.json()) as EntryDetail) : undefined))
      .catch(() => {
        // Another chunk was chosen, or the server is gone, which the page says elsewhere.
      });
    return () => ending.abort();
  }, [session, seq]);
  return entry;
}
