import { useRef } from 'preact/hooks';
import type { JSX } from 'preact';

import { useFocusByKey } from '../focus.ts';
import { whole, wholeCounted } from '../list/figures.ts';
import { SPEEDS } from './replay.ts';
import { clockText } from './times.ts';
import type { OpenedReplay } from './use-replay.ts';
import './replay-bar.css';

interface Props extends OpenedReplay {
  readonly close: () => void;
}

/** Says that this is a replay, and moves through it. */
export function ReplayBar({ player, omitted, close }: Props): JSX.Element {
  const play = useRef<HTMLButtonElement>(null);
  useFocusByKey(play, '');
  const { replay, isPlaying, playedMillis, speed, count } = player;
  const place = `${clockText(playedMillis)} of ${clockText(replay.durationMillis)}`;
  const entries = `${whole(count)} of ${wholeCounted(replay.length, 'entry', 'entries')}`;
  return (
    <div class="replay" role="group" aria-label="Replay">
      <span class="badge replaying">Replay</span>
      <button type="button" class="play" ref={play} onClick={() => (isPlaying ? player.pause() : player.play())}>
        {isPlaying ? 'Pause' : 'Play'}
      </button>
      <button type="button" aria-label="Previous entry" onClick={() => player.step(-1)}>
        ‹
      </button>
      <input
        type="range"
        min={0}
        max={Math.max(1, Math.ceil(replay.durationMillis))}
        step={1}
        value={Math.round(playedMillis)}
        aria-label="Position in the replay"
        aria-valuetext={`${place}, ${entries}`}
        onInput={(event) => player.seek(Number(event.currentTarget.value))}
        onKeyDown={(event) => onKey(event, player)}
      />
      <button type="button" aria-label="Next entry" onClick={() => player.step(1)}>
        ›
      </button>
      <span class="position" title={entries}>
        {place}
      </span>
      <span class="speeds" role="group" aria-label="Speed">
        {SPEEDS.map((each) => (
          <button key={each} type="button" aria-pressed={each === speed} onClick={() => (player.speed = each)}>
            {each}×
          </button>
        ))}
      </span>
      <button type="button" class="live" onClick={close}>
        Back to live
      </button>
      {omitted > 0 ? (
        <span class="omitted">{wholeCounted(omitted, 'older entry is', 'older entries are')} not in the replay.</span>
      ) : null}
    </div>
  );
}

/** The keys of a slider. An arrow goes to the next or previous entry, since nobody would see a step of a millisecond. */
function onKey(event: KeyboardEvent, player: OpenedReplay['player']): void {
  const { durationMillis } = player.replay;
  const steps: Readonly<Record<string, () => void>> = {
    ArrowRight: () => player.step(1),
    ArrowUp: () => player.step(1),
    ArrowLeft: () => player.step(-1),
    ArrowDown: () => player.step(-1),
    PageUp: () => player.seek(player.playedMillis + durationMillis / 10),
    PageDown: () => player.seek(player.playedMillis - durationMillis / 10),
    Home: () => player.seek(0),
    End: () => player.seek(durationMillis),
    ' ': () => (player.isPlaying ? player.pause() : player.play()),
  };
  const step = steps[event.key];
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  step();
}
