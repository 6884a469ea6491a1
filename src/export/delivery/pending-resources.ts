import type { ReadableLogRecord } from '../../otel/log-record.ts';
import { decodeResource, encodeResource } from '../spool/codec/origin-codec.ts';
import type { RecordResource, SpooledResource } from '../spool/codec/origin-codec.ts';
import { startTimer } from '../../support/timers.ts';

/**
 * Resources whose attributes are not all known yet when their records are written (cloud detectors take seconds at
 * start). Records are written to disk at once, so that they survive the process; only sending waits for the attributes.
 */
export class PendingResources {
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #known = new Map<string, SpooledResource>();
  readonly #maxWaitMillis: number;

  /** @param maxWaitMillis The longest that sending waits, from the first record of a resource on. */
  constructor(maxWaitMillis: number) {
    this.#maxWaitMillis = maxWaitMillis;
  }

  /** Adds a resource of this process. `write` is called with its bytes once they are complete. */
  add(resource: RecordResource, id: string, write: (blob: Buffer) => void): void {
    const settled = (async () => {
      await resource.waitForAsyncAttributes?.();
      const blob = encodeResource(resource, id);
      this.learn(blob);
      write(blob);
    })();
    const timeout = new Promise<void>((resolve) => {
      startTimer(resolve, this.#maxWaitMillis).unref();
    });
    const wait = Promise.race([settled, timeout])
      // A detector failed: the records are sent with the attributes known so far.
      .catch(() => {})
      .then(() => void this.#waiting.delete(id));
    this.#waiting.set(id, wait);
  }

  /** Takes the complete bytes of a resource, for example from the spool of another process. Ignores damaged bytes. */
  learn(blob: Buffer): void {
    try {
      const resource = decodeResource(blob);
      if (resource.pendingId !== undefined) this.#known.set(resource.pendingId, resource);
    } catch {
      // The records are sent with the attributes known when they were written.
    }
  }

  /** Gives the records their complete resources. Waits for the resources of this process. */
  async complete(records: readonly ReadableLogRecord[]): Promise<void> {
    for (const record of records) {
      const id = (record.resource as { pendingId?: string }).pendingId;
      if (id === undefined) continue;
      await this.#waiting.get(id);
      const known = this.#known.get(id);
      // It is safe to change the record, because reading the spool made it.
      if (known !== undefined) (record as { resource: unknown }).resource = known;
    }
  }
}
