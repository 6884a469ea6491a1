import type { ReadableLogRecord } from '../../otel/log-record.ts';
import { decodeResource, encodeResource } from '../spool/codec/origin-codec.ts';
import type { Resource, SpooledResource } from '../spool/codec/origin-codec.ts';

/**
 * Resources whose records are written before all attributes are known (detectors of clouds take seconds at start).
 * The records go to disk at once, or they would die with the process; only sending waits for the attributes.
 */
export class PendingResources {
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #known = new Map<string, SpooledResource>();
  readonly #maxWaitMillis: number;

  /** @param maxWaitMillis Sending waits at most so long, counted from the first record of the resource. */
  constructor(maxWaitMillis: number) {
    this.#maxWaitMillis = maxWaitMillis;
  }

  /** A resource of this process. `write` gets its bytes once they are complete. */
  add(resource: Resource, id: string, write: (blob: Buffer) => void): void {
    const settled = (async () => {
      await resource.waitForAsyncAttributes?.();
      const blob = encodeResource(resource, id);
      this.learn(blob);
      write(blob);
    })();
    const timeout = new Promise<void>((resolve) => {
      setTimeout(resolve, this.#maxWaitMillis).unref();
    });
    const wait = Promise.race([settled, timeout])
      // A detector failed: the attributes known so far have to do.
      .catch(() => {})
      .then(() => void this.#waiting.delete(id));
    this.#waiting.set(id, wait);
  }

  /** The complete bytes of a resource, as found in the spool of another process. Damaged ones are passed over. */
  learn(blob: Buffer): void {
    try {
      const resource = decodeResource(blob);
      if (resource.pendingId !== undefined) this.#known.set(resource.pendingId, resource);
    } catch {
      // The attributes known at first have to do.
    }
  }

  /** Gives the records their complete resources; waits for those of this process. */
  async complete(records: readonly ReadableLogRecord[]): Promise<void> {
    for (const record of records) {
      const id = (record.resource as { pendingId?: string }).pendingId;
      if (id === undefined) continue;
      await this.#waiting.get(id);
      const known = this.#known.get(id);
      // The record is ours, made when it was read.
      if (known !== undefined) (record as { resource: unknown }).resource = known;
    }
  }
}
