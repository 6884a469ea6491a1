import { array, assert, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MAX_PAUSE_MILLIS, Replay } from '../../page/src/pane/replay.ts';
import { ReplayPlayer } from '../../page/src/pane/replay-player.ts';
import type { BlockChange, ReplayStep } from '../../src/serve/protocol.ts';

function change(fields: Partial<BlockChange>): BlockChange {
  const known = { id: 1, type: 'answer', millis: 0, lastMillis: 0, isOpen: true, isFailed: false, parts: [] } as const;
  return { ...known, entries: 1, seq: 1, ...fields };
}

/** An answer with one letter a step. */
function letters(times: readonly number[]): ReplayStep[] {
  return times.map((millis, at) => ({
    millis,
    changes: [
      change({ ...(at === 0 ? { isNew: true } : {}), parts: [{ part: 'text', text: String(at % 10), millis }] }),
    ],
  }));
}

function textAt(replay: Replay, count: number): string {
  return replay
    .conversationAt(count)
    .blocks.flatMap(({ parts }) => parts.map(({ text }) => text))
    .join('');
}

describe('a replay', () => {
  it('has the pauses of the session, and shortens long ones', () => {
    const replay = new Replay(letters([1_000, 1_500, 61_500, 61_600]));
    expect(replay.durationMillis).toBe(500 + MAX_PAUSE_MILLIS + 100);
    expect([0, 499, 500, 3_500, 3_600].map((millis) => replay.countAt(millis))).toEqual([1, 1, 2, 3, 4]);
  });

  it('knows a position in the time of the session too, which an address keeps', () => {
    const replay = new Replay(letters([0, 500, 60_500, 61_000]));
    expect(replay.sessionMillisAt(500)).toBe(500);
    expect(replay.sessionMillisAt(500 + MAX_PAUSE_MILLIS / 2)).toBe(30_500);
    expect(replay.playedMillisAt(30_500)).toBe(500 + MAX_PAUSE_MILLIS / 2);
    expect(replay.playedMillisAt(10 ** 9)).toBe(replay.durationMillis);
  });

  it('plays an entry at once that came later than its time', () => {
    const replay = new Replay(letters([1_000, 2_000, 500, 2_100]));
    expect(replay.countAt(1_000)).toBe(3);
    expect(replay.durationMillis).toBe(1_100);
  });

  it('shows at any place what had come by then, whatever place it showed before', () => {
    const replay = new Replay(letters(Array.from({ length: 1_700 }, (_, at) => at)));
    const whole = textAt(new Replay(letters(Array.from({ length: 1_700 }, (_, at) => at))), 1_700);
    assert(
      property(array(nat(1_700), { maxLength: 8 }), (places) => {
        for (const place of places) expect(textAt(replay, place)).toBe(whole.slice(0, place));
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  it('of nothing has no length', () => {
    const replay = new Replay([]);
    expect([replay.durationMillis, replay.countAt(5), replay.sessionMillisAt(5)]).toEqual([0, 0, 0]);
    expect(replay.conversationAt(0).blocks).toEqual([]);
  });
});

describe('the player', () => {
  interface Stage {
    readonly player: ReplayPlayer;
    readonly moved: number[];
    readonly frame: (millis: number) => void;
  }

  function stage(times: readonly number[]): Stage {
    let waiting: ((millis: number) => void) | undefined;
    const frames = {
      next: (callback: (millis: number) => void): number => {
        waiting = callback;
        return 1;
      },
      cancel: (): void => {
        waiting = undefined;
      },
    };
    const moved: number[] = [];
    const handlers = { changed: (): void => {}, moved: (millis: number): void => void moved.push(millis) };
    const player = new ReplayPlayer(new Replay(letters(times)), handlers, frames);
    const frame = (millis: number): void => {
      const callback = waiting;
      waiting = undefined;
      callback?.(millis);
    };
    return { player, moved, frame };
  }

  it('moves with the frames, at its speed, and stops at the end', () => {
    const { player, frame } = stage([0, 1_000, 2_000]);
    player.play();
    frame(100);
    frame(600);
    expect([player.playedMillis, player.count]).toEqual([500, 1]);
    player.speed = 4;
    frame(800);
    expect([player.playedMillis, player.count, player.isPlaying]).toEqual([1_300, 2, true]);
    frame(5_000);
    expect([player.playedMillis, player.count, player.isPlaying]).toEqual([2_000, 3, false]);
  });

  it('starts over when it is played at its end', () => {
    const { player } = stage([0, 1_000]);
    player.seek(1_000);
    player.play();
    expect([player.playedMillis, player.isPlaying]).toEqual([0, true]);
  });

  it('puts its position into the address at most once a second, and when it is paused or moved', () => {
    const { player, moved, frame } = stage([0, 10_000, 12_000]);
    player.play();
    for (let millis = 2_000; millis <= 3_500; millis += 100) frame(millis);
    player.pause();
    player.seek(20);
    // 10 s of the session are played in 3.
    expect(moved).toEqual([0, 3_333, 5_000, 67]);
  });

  it('goes where the address says, but not to the position that the address just got from it', () => {
    const { player, moved } = stage([0, 1_000, 2_000]);
    player.goTo(1_500);
    expect([player.playedMillis, moved]).toEqual([1_500, []]);
    player.seek(700);
    player.goTo(700);
    expect(player.playedMillis).toBe(700);
  });

  it('steps from entry to entry, those of one moment together', () => {
    const { player } = stage([0, 300, 300, 900]);
    player.step(1);
    expect([player.playedMillis, player.count]).toEqual([300, 3]);
    player.step(1);
    expect([player.playedMillis, player.count]).toEqual([900, 4]);
    player.step(-1);
    expect([player.playedMillis, player.count]).toEqual([300, 3]);
    player.step(-1);
    expect([player.playedMillis, player.count]).toEqual([0, 1]);
    player.step(-1);
    expect(player.playedMillis).toBe(0);
  });
});
