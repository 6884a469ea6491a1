import type { ListEvent, SessionRow, StateEvent } from '../../src/serve/protocol.ts';
import type { View } from './address.ts';
import type { Conversation } from './blocks.ts';
import type { Connection } from './event-stream.ts';

/** All that is drawn comes from here. */
export interface PageState {
  readonly view: View;
  readonly connection: Connection;
  /** The viewer itself; `undefined` until it has answered. */
  readonly viewer: StateEvent | undefined;
  readonly list: ListEvent | undefined;
  /** The sessions side by side, by their keys. One that has not come yet is missing. */
  readonly conversations: ReadonlyMap<string, Conversation>;
  /** Rows of the sessions side by side. */
  readonly rows: ReadonlyMap<string, SessionRow>;
  /** The chosen session as its replay has it now; `undefined`: it is not replayed. */
  readonly played: Conversation | undefined;
  /** While the page is paused: how many records had come before. */
  readonly paused: { readonly records: number } | undefined;
  /** More arrives than the page can draw. */
  readonly isBusy: boolean;
  /** The last announcement to people who do not see the page, and how many there have been. */
  readonly announcement: { readonly text: string; readonly count: number };
}

/** Records that have come to the viewer, over all time. */
export function recordsOf(viewer: StateEvent | undefined): number {
  return viewer?.sources.reduce((sum, { records }) => sum + records, 0) ?? 0;
}
