import { describe, expect, it } from 'vitest';

import { timelineShape, timelineSummary } from '../../page/src/details/timeline.ts';
import type { BlockDetail } from '../../src/serve/protocol.ts';

type Timeline = BlockDetail['timeline'];

/** Chunks of two characters at these times. */
function chunks(times: readonly number[]): Timeline {
  return times.map((after, at) => [at + 1, after, 2] as const);
}

describe('the chunks of an answer in time', () => {
  it('are a line that climbs from the first to the last', () => {
    const { points, chars, totalMillis } = timelineShape(chunks([100, 200, 400]));
    expect([chars, totalMillis]).toEqual([6, 400]);
    expect(points).toEqual([
      [0.25, 1 / 3],
      [0.5, 2 / 3],
      [1, 1],
    ]);
  });

  it('have few corners even when there are many, and end where all have come', () => {
    const { points } = timelineShape(chunks(Array.from({ length: 20_000 }, (_, at) => at)));
    expect(points.length).toBeLessThan(420);
    expect(points.at(-1)).toEqual([1, 1]);
  });

  it('show the pauses that stand out from the pace, the longest first', () => {
    const times = [0, 50, 100, 150, 1_150, 1_200, 1_250, 4_250, 4_300];
    expect(timelineShape(chunks(times)).pauses).toEqual([
      { fromMillis: 1_250, millis: 3_000 },
      { fromMillis: 150, millis: 1_000 },
    ]);
    expect(timelineShape(chunks([0, 400, 800, 1_200])).pauses).toEqual([]);
  });

  it('are described in words', () => {
    const timeline = chunks([340, 380, 420, 460, 3_460]);
    const detail = { timeline, timeToFirstTokenMillis: 340, tokensPerSecond: 1.6 } as unknown as BlockDetail;
    expect(timelineSummary(detail, timelineShape(timeline))).toBe(
      '5 chunks with 10 characters came within 3.5 s. The first token came after 340 ms. The pace was 1.6 tokens a second. The longest pauses: 3.0 s at 460 ms.',
    );
  });

  it('of one moment, or of nothing, have a shape too', () => {
    expect(timelineShape(chunks([0, 0]))).toMatchObject({ totalMillis: 0, pauses: [] });
    expect(timelineShape([])).toEqual({ totalMillis: 0, chars: 0, points: [], pauses: [] });
  });
});
