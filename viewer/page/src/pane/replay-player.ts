import type { Replay, Speed } from './replay.ts';

/** The clock of the page: its frames. */
export interface Frames {
  next(callback: (millis: number) => void): number;
  cancel(handle: number): void;
}

export interface PlayerHandlers {
  /** Something must be drawn again. */
  changed(): void;
  /** The address must get this position, in milliseconds of the session. */
  moved(sessionMillis: number): void;
}

/** How often the address gets the position of a replay that runs. */
const TELL_MILLIS = 1_000;

/** Plays a replay: its position moves with the frames of the page. */
export class ReplayPlayer {
  readonly replay: Replay;
  readonly #handlers: PlayerHandlers;
  readonly #frames: Frames;
  #playedMillis = 0;
  #speed: Speed = 1;
  #frame: number | undefined;
  #lastMillis: number | undefined;
  #toldMillis = -1;
  #toldAt = 0;

  constructor(replay: Replay, handlers: PlayerHandlers, frames: Frames) {
    this.replay = replay;
    this.#handlers = handlers;
    this.#frames = frames;
  }

  get playedMillis(): number {
    return this.#playedMillis;
  }

  get isPlaying(): boolean {
    return this.#frame !== undefined;
  }

  get speed(): Speed {
    return this.#speed;
  }

  set speed(speed: Speed) {
    this.#speed = speed;
    this.#handlers.changed();
  }

  /** Entries that have been played. */
  get count(): number {
    return this.replay.countAt(this.#playedMillis);
  }

  play(): void {
    if (this.isPlaying) return;
    // At the end, it starts over.
    if (this.#playedMillis >= this.replay.durationMillis) this.#playedMillis = 0;
    this.#lastMillis = undefined;
    this.#frame = this.#frames.next((millis) => this.#advance(millis));
    this.#handlers.changed();
  }

  pause(): void {
    if (this.#frame === undefined) return;
    this.#frames.cancel(this.#frame);
    this.#frame = undefined;
    this.#tell();
    this.#handlers.changed();
  }

  /** Goes there. A replay that plays continues from there. */
  seek(playedMillis: number): void {
    this.#playedMillis = Math.min(Math.max(0, playedMillis), this.replay.durationMillis);
    this.#tell();
    this.#handlers.changed();
  }

  /** Goes this many entries forward, or back if negative, and pauses. */
  step(entries: number): void {
    this.pause();
    const { replay } = this;
    const now = replay.timeOfCount(this.count);
    // Entries of one moment are one step: between them there is no position.
    let count = Math.min(Math.max(0, this.count + entries), replay.length);
    while (entries < 0 && count > 0 && replay.timeOfCount(count) >= now) count -= 1;
    this.seek(replay.timeOfCount(count));
  }

  /** Goes where the address says, unless the player itself has just put that position there. */
  goTo(sessionMillis: number): void {
    if (Math.round(sessionMillis) === this.#toldMillis) return;
    this.#toldMillis = Math.round(sessionMillis);
    this.#playedMillis = this.replay.playedMillisAt(sessionMillis);
    this.#handlers.changed();
  }

  #advance(millis: number): void {
    const passed = millis - (this.#lastMillis ?? millis);
    this.#lastMillis = millis;
    this.#playedMillis = Math.min(this.#playedMillis + passed * this.#speed, this.replay.durationMillis);
    const isOver = this.#playedMillis >= this.replay.durationMillis;
    this.#frame = isOver ? undefined : this.#frames.next((next) => this.#advance(next));
    if (isOver || millis - this.#toldAt >= TELL_MILLIS) {
      this.#toldAt = millis;
      this.#tell();
    }
    this.#handlers.changed();
  }

  #tell(): void {
    const sessionMillis = Math.round(this.replay.sessionMillisAt(this.#playedMillis));
    if (sessionMillis === this.#toldMillis) return;
    this.#toldMillis = sessionMillis;
    this.#handlers.moved(sessionMillis);
  }
}
