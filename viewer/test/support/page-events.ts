import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { createParser } from 'eventsource-parser';
import { onTestFinished } from 'vitest';

import { withBlocks } from '../../page/src/blocks.ts';
import type { Conversation } from '../../page/src/blocks.ts';
import type { BlockChange, BlocksEvent } from '../../src/serve/protocol.ts';

export interface PageEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: unknown;
}

/** A page that follows the stream of a viewer, and puts blocks together as PROTOCOL.md says. */
export class PageEvents {
  readonly events: PageEvent[] = [];
  readonly conversations: Map<string, Conversation> = new Map();
  lastId: string | undefined;
  isOver = false;
  #response: IncomingMessage | undefined;
  #waiting: (() => void) | undefined;

  /** @param url With its parameters. */
  static open(url: string, headers: Readonly<Record<string, string>> = {}): PageEvents {
    const page = new PageEvents();
    const parser = createParser({
      onEvent: ({ id, event, data }) => page.#take({ id, event, data: JSON.parse(data) }),
    });
    const request = get(url, { headers, agent: false }, (response) => {
      page.#response = response;
      response.setEncoding('utf8');
      response.on('data', (text: string) => parser.feed(text));
      response.on('close', () => page.#end());
    });
    request.on('error', () => page.#end());
    onTestFinished(() => void request.destroy());
    return page;
  }

  #end(): void {
    this.isOver = true;
    this.#waiting?.();
  }

  #take(event: PageEvent): void {
    this.events.push(event);
    if (event.id !== undefined && event.id !== '') this.lastId = event.id;
    if (event.event === 'blocks') this.#join(event.data as BlocksEvent);
    this.#waiting?.();
  }

  #join(event: BlocksEvent): void {
    this.conversations.set(event.key, withBlocks(this.conversations.get(event.key), event));
  }

  /** The blocks of a session that the page has. */
  blocksOf(key: string): BlockChange[] {
    return [...(this.conversations.get(key)?.blocks.values() ?? [])];
  }

  /** Texts of the parts of a session's blocks. */
  texts(key: string): string[] {
    return this.blocksOf(key).map(({ parts }) => parts.map(({ text }) => text).join('|'));
  }

  named<T>(name: string): T[] {
    return this.events.filter(({ event }) => event === name).map(({ data }) => data as T);
  }

  /** Resolves when the condition holds; it is asked after each event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.isOver) throw new Error('the stream is over');
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  close(): void {
    this.#response?.destroy();
  }

  /** Reads no more, so that what the server sends waits. */
  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }
}
