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
      steps.push(markStep(marks[mark] as Block));
    steps.push(stage.play(entry));
  }
  steps.push(...marks.slice(mark).map(markStep));
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

function markStep(block: Block): ReplayStep {
  return { millis: block.millis, changes: [blockChange(block)] };
}

/** A session that is played again, with the numbers of the one that is held. */
class Stage {
  readonly #model: SessionModel;
  readonly #session: Session;
  readonly #ids = new Map<Block, number>();
  readonly #used = new Set<number>();
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
    const data = entry.data.millis === 0 ? { ...entry.data, millis: entry.millis } : entry.data;
    const played = this.#model.add(data, { source, isPast: true, fallback: { name, kind } });
    const { block } = played;
    if (!this.#ids.has(block)) this.#name(block, entry.block.id);
    const changes = [this.#change(block, played, entry)];
    for (const [other, told] of this.#open) {
      // Another answer took its place.
      if (other !== block && !other.isOpen) changes.push(this.#closed(other, told));
    }
    return { millis: entry.millis, changes };
  }

  /** A block has the id that it has in the session. Where its start is not held any more, two may be parts of one. */
  #name(block: Block, id: number): void {
    const isFree = !this.#used.has(id);
    this.#ids.set(block, isFree ? id : id + 0.5 + this.#used.size / 1e6);
    this.#used.add(id);
  }

  #change(block: Block, played: Entry, { seq }: Entry): BlockChange {
    const change: BlockChange = { ...blockChange(block, played.seq - 1), id: this.#ids.get(block) ?? 0, seq };
    if (block.isOpen) this.#open.set(block, change);
    else this.#open.delete(block);
    return change;
  }

  #closed(block: Block, told: BlockChange): BlockChange {
    this.#open.delete(block);
    const { isOpen, isFailed, finishReasons } = block;
    const { isNew: _, ...change } = told;
    return { ...change, isOpen, isFailed, finishReasons, parts: [] };
  }
}
