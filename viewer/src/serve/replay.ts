import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Block, Entry } from '../model/block.ts';
import type { Session } from '../model/session.ts';
import { SessionModel } from '../model/session-model.ts';
import { blockChange } from './encode.ts';
import type { BlockChange, ReplayAnswer, ReplayStep } from './protocol.ts';

/** Most entries of a replay, and about the most characters of their texts. Older entries are left out and counted. */
const MAX_STEPS = 20_000;
const MAX_CHARS = 8_388_608;
/** How many entries are played before other work gets a turn. */
const STEPS_PER_TURN = 2_000;

/**
 * Plays the session again, with a step for each entry: what a page that followed it live was sent. The entries go through a model
 * of their own, so an answer is open, breaks off or ends at the same step as it did live.
 */
export async function replayOf(session: Session, signal: AbortSignal): Promise<ReplayAnswer> {
  const entries = newest(session.entries);
  const dividers = session.blocks.filter(
    ({ type, changedAt }) => (type === 'gap' || type === 'end') && changedAt >= (entries[0]?.seq ?? 0),
  );
  const stage = new Stage(session);
  const steps: ReplayStep[] = [];
  let next = 0;
  for (const [at, entry] of entries.entries()) {
    if (at % STEPS_PER_TURN === STEPS_PER_TURN - 1) {
      await nextTurn();
      if (signal.aborted) break;
    }
    for (; (dividers[next]?.changedAt ?? Number.POSITIVE_INFINITY) < entry.seq; next += 1)
      steps.push(stage.divide(dividers[next] as Block));
    steps.push(stage.play(entry));
  }
  steps.push(...dividers.slice(next).map((block) => stage.divide(block)));
  return { key: session.key, omitted: session.entries.length - entries.length, steps };
}

/** As many of the newest entries as the bounds allow. */
function newest(entries: readonly Entry[]): readonly Entry[] {
  let chars = 0;
  let from = entries.length;
  while (from > 0 && entries.length - from < MAX_STEPS && chars < MAX_CHARS) {
    from -= 1;
    chars += entries[from]?.text.length ?? 0;
  }
  return entries.slice(from);
}

/** Plays a session again. The steps have the numbers of the session that the viewer holds. */
class Stage {
  readonly #model: SessionModel;
  readonly #session: Session;
  /** How many entries of each block were sent, by the block's id. */
  readonly #entries = new Map<number, number>();
  /** What was last sent of each open answer. */
  readonly #open = new Map<Block, BlockChange>();

  constructor(session: Session) {
    this.#session = session;
    // `fallback` gives the name of the session, whichever attribute it came from.
    this.#model = new SessionModel({ sessionAttributes: [] });
    this.#model.addSource('', 'otlp');
  }

  play(entry: Entry): ReplayStep {
    const { name, kind } = this.#session;
    const [source] = this.#model.sources;
    if (source === undefined) throw new Error('the stage has no source');
    // A record without a time has that of its arrival.
    const data = entry.data.millis === entry.millis ? entry.data : { ...entry.data, millis: entry.millis };
    const played = this.#model.add(data, { source, isPast: true, fallback: { name, kind } });
    // The mark that says which part it is may no longer be held.
    played.part = entry.part;
    return { millis: entry.millis, changes: [this.#change(played, entry), ...this.#closed(entry.block.id)] };
  }

  /** Plays a gap, below which open answers continue, or an end, which closes them. */
  divide(block: Block): ReplayStep {
    const { name, kind } = this.#session;
    const session = this.#model.find(name, kind);
    if (block.type === 'end') session?.end(block.millis);
    else session?.addGap(block.missing, block.reason, block.millis);
    return { millis: block.millis, changes: [blockChange(block), ...this.#closed()] };
  }

  /**
   * A block of the session, if its start is no longer held, may be played as several blocks: each is sent as a part of that one.
   */
  #change({ block, seq: playedSeq }: Entry, { seq, block: { id, type } }: Entry): BlockChange {
    const entries = (this.#entries.get(id) ?? 0) + 1;
    this.#entries.set(id, entries);
    const { isNew: _, ...part } = blockChange(block, playedSeq - 1);
    const change: BlockChange = { ...part, id, type, seq, entries, ...(entries === 1 ? { isNew: true } : {}) };
    if (block.isOpen) this.#open.set(block, change);
    else this.#open.delete(block);
    return change;
  }

  /** Changes of answers that closed without an entry of their own. @param id The block that the step is about. */
  #closed(id?: number): BlockChange[] {
    const changes: BlockChange[] = [];
    for (const [block, told] of this.#open) {
      if (block.isOpen) continue;
      this.#open.delete(block);
      const { isOpen, isFailed, finishReasons } = block;
      const { isNew: _, ...change } = told;
      const reasons = finishReasons.length === 0 ? {} : { finishReasons };
      if (told.id !== id) changes.push({ ...change, isOpen, isFailed, ...reasons, parts: [] });
    }
    return changes;
  }
}
