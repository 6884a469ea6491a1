import { MemorySessionStore } from '../store/memory/memory.ts';

/** A memory store that reports when something was logged, ended or deleted. */
export class ToldMemoryStore extends MemorySessionStore {
  readonly #tell: () => void;

  constructor(tell: () => void) {
    super();
    this.#tell = tell;
  }

  override append(...entry: Parameters<MemorySessionStore['append']>): boolean {
    const isHeld = super.append(...entry);
    this.#tell();
    return isHeld;
  }

  override end(sessionId: string): void {
    super.end(sessionId);
    this.#tell();
  }

  override delete(sessionId: string): void {
    super.delete(sessionId);
    this.#tell();
  }
}
