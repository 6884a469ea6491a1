import type { BlockDetail } from '../../../src/serve/protocol.ts';
import { wholeCounted } from '../list/figures.ts';
import { spanText } from '../pane/times.ts';

type Timeline = BlockDetail['timeline'];

/** A time in which nothing came. */
export interface Pause {
  /** Milliseconds after the first entry of the block. */
  readonly fromMillis: number;
  readonly millis: number;
}

export interface TimelineShape {
  readonly totalMillis: number;
  readonly chars: number;
  /** Corners of a line that climbs with each chunk, within 0..1. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Those that stand out, the longest first. */
  readonly pauses: readonly Pause[];
}

/** Most corners of the line: nobody sees more. */
const MAX_POINTS = 400;
const MAX_PAUSES = 3;
/** A pause stands out if it is at least this long, and this many times the median. */
const MIN_PAUSE_MILLIS = 200;
const PAUSE_FACTOR = 5;

/** The chunks of an answer as a line: how many characters there were at each time. */
export function timelineShape(timeline: Timeline): TimelineShape {
  // Times may go back: clocks are set, and entries come late.
  const totalMillis = timeline.reduce((longest, [, after]) => Math.max(longest, after), 0);
  const chars = timeline.reduce((sum, [, , length]) => sum + length, 0);
  const points: [number, number][] = [];
  const every = Math.max(1, Math.ceil(timeline.length / MAX_POINTS));
  let sum = 0;
  for (const [at, [, after, length]] of timeline.entries()) {
    sum += length;
    const isKept = at % every === 0 || at === timeline.length - 1;
    if (isKept) points.push([totalMillis === 0 ? 0 : Math.max(0, after) / totalMillis, chars === 0 ? 0 : sum / chars]);
  }
  return { totalMillis, chars, points, pauses: pausesOf(timeline) };
}

function pausesOf(timeline: Timeline): Pause[] {
  const all = timeline.slice(1).map(([, after], at) => {
    const fromMillis = timeline[at]?.[1] ?? 0;
    return { fromMillis, millis: after - fromMillis };
  });
  const sorted = all.map(({ millis }) => millis).toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const least = Math.max(MIN_PAUSE_MILLIS, median * PAUSE_FACTOR);
  return all
    .filter(({ millis }) => millis >= least)
    .toSorted((a, b) => b.millis - a.millis)
    .slice(0, MAX_PAUSES);
}

/** The chart in words, for people who do not see it. */
export function timelineSummary(detail: BlockDetail, { totalMillis, chars, pauses }: TimelineShape): string {
  const { timeline, timeToFirstTokenMillis: first, tokensPerSecond: pace } = detail;
  const sentences = [
    `${wholeCounted(timeline.length, 'chunk', 'chunks')} with ${wholeCounted(chars, 'character', 'characters')} came within ${spanText(totalMillis)}.`,
    first === undefined ? '' : `The first token came after ${spanText(first)}.`,
    pace === undefined ? '' : `The pace was ${pace.toFixed(1)} tokens a second.`,
    pauses.length === 0
      ? 'No pause stands out.'
      : `The longest pauses: ${pauses.map(({ millis, fromMillis }) => `${spanText(millis)} at ${spanText(fromMillis)}`).join(', ')}.`,
  ];
  return sentences.filter((sentence) => sentence !== '').join(' ');
}
