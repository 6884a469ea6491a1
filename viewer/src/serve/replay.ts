import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Block, Entry } from '../model/block.ts';
import type { Session } from '../model/session.ts';
import { SessionModel } from '../model/session-model.ts';
import { blockChange } from './encode.ts';
import type { BlockChange, ReplayAnswer, ReplayStep } from './protocol.ts';

/** Most entries of a replay, and about the characters of their texts; older ones are left out, and counted. */
const MAX_STEPS = 20_000;
const MAX_CHARS = 8_388_608;
/** So many entries are played before others get a turn. */
const STEPS_PER_TURN = 2_000;

/**
 * The session once more, a step for each entry: what a page that followed it live was told. The entries go through a model of their
 * own, so an answer is open, breaks off and ends at the step where it did.
 */
export async function replayOf(session: Session, signal: AbortSignal): Promise<ReplayAnswer> {
  const entries = newest(session.entries);
  const marks = session.blocks.filter(
    ({ type, changedAt }) => (type === 'gap' || type === 'end') && changedAt >= (entries[0]?.seq ?? 0),
  );
  const stage = new Stage(session);
  const steps: ReplayStep[] = [];
  let mark = 0;
  for (const [at, entry] of entries.entries()) {
    if (at % STEPS_PER_TURN === STEPS_PER_TURN - 1) {
      await nextTurn();
      if (signal.aborted) break;
    }
    for (; (marks[mark]?.changedAt ?? Number.POSITIVE_INFINITY) < entry.seq; mark += 1)
      steps.push(stage.mark(marks[mark] as Block));
    steps.push(stage.play(entry));
  }
  steps.push(...marks.slice(mark).map((block) => stage.mark(block)));
  return { key: session.key, omitted: session.entries.length - entries.length, steps };
}

/** As many of the newest as the bounds allow. */
function newest(entries: readonly Entry[]): readonly Entry[] {
  let chars = 0;
  let from = entries.length;
  while (from > 0 && entries.length - from < MAX_STEPS && chars < MAX_CHARS) {
    from -= 1;
    chars += entries[from]?.text.length ?? 0;
  }
  return entries.slice(from);
}

/** A session that is played again, with the numbers of the one that is held. */
class Stage {
  readonly #model: SessionModel;
  readonly #session: Session;
  /** How many entries were told of each block of the session, by its id. */
  readonly #entries = new Map<number, number>();
  /** What was told of an answer that is open. */
  readonly #open = new Map<Block, BlockChange>();

  constructor(session: Session) {
    this.#session = session;
    // The session has its name already, whichever attribute gave it.
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
    // The mark that says so may not be held any more.
    played.part = entry.part;
    return { millis: entry.millis, changes: [this.#change(played, entry), ...this.#closed(entry.block.id)] };
  }

  /** A gap, below which open answers go on, or an end, which closes them. */
  mark(block: Block): ReplayStep {
    const { name, kind } = this.#session;
    const session = this.#model.find(name, kind);
    if (block.type === 'end') session?.end(block.millis);
    else session?.addGap(block.missing, block.reason, block.millis);
    return { millis: block.millis, changes: [blockChange(block), ...this.#closed()] };
  }

  /** Where its start is not held any more, a block of the session may be played as several: each is told as a part of it. */
  #change({ block, seq: playedSeq }: Entry, { seq, block: { id, type } }: Entry): BlockChange {
    const entries = (this.#entries.get(id) ?? 0) + 1;
    this.#entries.set(id, entries);
    const { isNew: _, ...part } = blockChange(block, playedSeq - 1);
    const change: BlockChange = { ...part, id, type, seq, entries, ...(entries === 1 ? { isNew: true } : {}) };
    if (block.isOpen) this.#open.set(block, change);
    else this.#open.delete(block);
    return change;
  }

  /** Answers whose place another one took. @param id Of the block that the step is about. */
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
