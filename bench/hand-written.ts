/**
 * What a good engineer writes in an hour instead: a map of queues, with a `next()` that waits. One reader a session, no
 * bound, no resuming, no types of entry: the floor that our readers and stores are measured against.
 */
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';

export class Queue implements AsyncIterableIterator<string> {
  readonly #texts: string[] = [];
  #at = 0;
  #isEnded = false;
  #waiting: ((result: IteratorResult<string>) => void) | undefined;

  push(text: string): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return void this.#texts.push(text);
    this.#waiting = undefined;
    waiting({ value: text, done: false });
  }

  end(): void {
    this.#isEnded = true;
    this.#waiting?.({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<string>> {
    const value = this.#texts[this.#at];
    if (value !== undefined) {
      this.#at += 1;
      if (this.#at === this.#texts.length) this.#at = this.#texts.length = 0;
      return Promise.resolve({ value, done: false });
    }
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

export class HandWrittenLogs implements LogRecordProcessor {
  readonly #queues = new Map<string, Queue>();

  onEmit({ attributes, body }: Parameters<LogRecordProcessor['onEmit']>[0]): void {
    const id = attributes['session.id'];
    if (typeof id === 'string' && typeof body === 'string') this.follow(id).push(body);
  }

  follow(id: string): Queue {
    let queue = this.#queues.get(id);
    if (queue === undefined) this.#queues.set(id, (queue = new Queue()));
    return queue;
  }

  end(id: string): void {
    this.#queues.get(id)?.end();
    this.#queues.delete(id);
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
