/** Ways to hand items from a producer to a `for await`. */
import { EventEmitter, on } from 'node:events';
import { PassThrough } from 'node:stream';

import { Repeater } from '@repeaterjs/repeater';
import { EventIterator } from 'event-iterator';
import { pushable } from 'it-pushable';

import type { MemorySessionStore, SessionLogs } from '../dist/index.js';
import { startAlone } from './build.ts';
import type { Build, Sessions } from './build.ts';
import { Queue } from './hand-written.ts';

export interface Way {
  push(item: string): void;
  readonly items: AsyncIterable<unknown>;
  /** Forgets all that is held. */
  close?(): void;
}

/** A session of ours, appended to without a provider. */
class SessionWay implements Way {
  readonly #id: string;
  readonly #read: 'getSessionLogs' | 'followSession';
  readonly #now = Date.now();
  readonly #sessions: SessionLogs;
  readonly #store: MemorySessionStore;

  constructor({ sessions, store }: Sessions, id: string, read: 'getSessionLogs' | 'followSession') {
    this.#sessions = sessions;
    this.#store = store;
    this.#id = id;
    this.#read = read;
  }

  get items(): AsyncIterable<unknown> {
    return this.#sessions[this.#read](this.#id);
  }

  push(item: string): void {
    this.#store.append(this.#id, item, this.#now, undefined);
  }

  close(): void {
    this.#store.delete(this.#id);
  }
}

/** New sessions of one `SessionLogs`. */
export async function sessionWays(build: Build, read: 'getSessionLogs' | 'followSession'): Promise<() => Way> {
  const sessions = await startAlone(build);
  let made = 0;
  return () => new SessionWay(sessions, `session-${(made += 1)}`, read);
}

export function handWritten(): Way {
  const queue = new Queue();
  return { push: (item) => queue.push(item), items: queue };
}

export function asyncGenerator(): Way {
  const queue: string[] = [];
  let wake: (() => void) | undefined;
  async function* generate(): AsyncGenerator<string> {
    for (let at = 0; ; at += 1) {
      if (at === queue.length) await new Promise<void>((resolve) => (wake = resolve));
      yield queue[at] as string;
    }
  }
  return {
    push(item) {
      queue.push(item);
      wake?.();
      wake = undefined;
    },
    items: generate(),
  };
}

export function eventsOn(): Way {
  const emitter = new EventEmitter();
  return { push: (item) => void emitter.emit('item', item), items: on(emitter, 'item') };
}

export function itPushable(): Way {
  const source = pushable<string>({ objectMode: true });
  return { push: (item) => void source.push(item), items: source };
}

export function repeater(): Way {
  let give: ((item: string) => unknown) | undefined;
  const early: string[] = [];
  const items = new Repeater<string>((push) => {
    give = (item) => void push(item).catch(() => undefined);
    for (const item of early) give(item);
  });
  return { push: (item) => (give === undefined ? void early.push(item) : void give(item)), items };
}

export function webStream(): Way {
  let controller: ReadableStreamDefaultController<string> | undefined;
  const items = new ReadableStream<string>({ start: (given) => void (controller = given) });
  return { push: (item) => controller?.enqueue(item), items };
}

export function passThrough(): Way {
  const stream = new PassThrough({ objectMode: true, highWaterMark: 1_000_000 });
  return { push: (item) => void stream.write(item), items: stream };
}

export function eventIterator(): Way {
  let push: ((item: string) => void) | undefined;
  const items = new EventIterator<string>(
    (queue) => {
      push = (item) => queue.push(item);
    },
    { highWaterMark: Infinity },
  )[Symbol.asyncIterator]();
  return { push: (item) => push?.(item), items: { [Symbol.asyncIterator]: () => items } };
}
