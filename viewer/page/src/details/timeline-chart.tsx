import type { JSX } from 'preact';

import type { BlockDetail } from '../../../src/serve/protocol.ts';
import { spanText } from '../pane/times.ts';
import { timelineShape, timelineSummary } from './timeline.ts';
import type { TimelineShape } from './timeline.ts';
import './timeline-chart.css';

const WIDTH = 360;
const HEIGHT = 96;

/** The chunks of an answer over time: a line that climbs with each chunk. Where it is level, there is a pause. */
export function TimelineChart({
  detail,
  chunk,
}: {
  readonly detail: BlockDetail;
  readonly chunk: number;
}): JSX.Element {
  const shape = timelineShape(detail.timeline);
  // Times may go back, and a negative width is an error.
  const x = (millis: number): number =>
    shape.totalMillis === 0 ? 0 : (Math.max(0, millis) / shape.totalMillis) * WIDTH;
  const first = detail.timeline[0]?.[1] ?? 0;
  const at = x(detail.timeline[chunk]?.[1] ?? 0);
  return (
    <figure class="timeline">
      <svg
        viewBox={`0 -4 ${WIDTH} ${HEIGHT + 8}`}
        role="img"
        aria-label="Characters over time"
        preserveAspectRatio="none"
      >
        <rect class="first" x={0} y={0} width={x(first)} height={HEIGHT} />
        {shape.pauses.map(({ fromMillis, millis }) => (
          <rect key={fromMillis} class="pause" x={x(fromMillis)} y={0} width={Math.max(1, x(millis))} height={HEIGHT} />
        ))}
        <path class="area" d={`${lineOf(shape)} V${HEIGHT} Z`} />
        <path class="line" d={lineOf(shape)} />
        <line class="at" x1={at} x2={at} y1={-4} y2={HEIGHT + 4} />
      </svg>
      <div class="axis">
        <span>0</span>
        <span>{spanText(shape.totalMillis)}</span>
      </div>
      <figcaption>{timelineSummary(detail, shape)}</figcaption>
    </figure>
  );
}

/** A line of steps: a chunk comes all at once. */
function lineOf({ points }: TimelineShape): string {
  const round = (number: number): number => Math.round(number * 10) / 10;
  const start = `M${round((points[0]?.[0] ?? 0) * WIDTH)} ${HEIGHT}`;
  return points.reduce((path, [x, y]) => `${path} H${round(x * WIDTH)} V${round((1 - y) * HEIGHT)}`, start);
}
