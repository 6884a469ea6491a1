import type { Kind } from './theme.ts';

export interface Box {
  readonly id: string;
  readonly title: string;
  readonly notes: readonly string[];
  readonly kind: Kind;
  /** Where it is in the source, shown below: see `source.ts`. */
  readonly source?: string;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly label?: readonly string[];
  /** What happens only when something goes wrong. */
  readonly isDashed?: boolean;
  /** Leaves the order of the boxes as it is. */
  readonly isBack?: boolean;
}

/** What a picture shows, without where it stands: see `layout.ts`. */
export interface Diagram {
  /** What somebody who cannot see it is told. */
  readonly description: string;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}
