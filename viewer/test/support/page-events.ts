import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { createParser } from 'eventsource-parser';
import { onTestFinished } from 'vitest';

import type { BlockChange, BlocksEvent } from '../../src/serve/protocol.ts';

export interface PageEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: unknown;
}

/** A page that follows the stream of a viewer, and puts blocks together as PROTOCOL.md says. */
export class PageEvents {
  readonly events: PageEvent[] = [];
  readonly blocks: Map<string, Map<number, BlockChange>> = new Map();
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

  #join({ key, isReset, isGone, blocks }: BlocksEvent): void {
    const known =
      isReset === true || isGone === true ? new Map<number, BlockChange>() : (this.blocks.get(key) ?? new Map());
    this.blocks.set(key, known);
    for (const block of blocks) {
      const before = known.get(block.id);
      if (block.isNew === true) known.set(block.id, block);
      else if (before !== undefined) known.set(block.id, joined(before, block));
    }
  }

  /** Texts of the parts of a session's blocks. */
  texts(key: string): string[] {
    return [...(this.blocks.get(key)?.values() ?? [])].map(({ parts }) => parts.map(({ text }) => text).join('|'));
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

function joined(before: BlockChange, { parts, startsPart, ...change }: BlockChange): BlockChange {
  const all = [...before.parts];
  parts.forEach((part, at) => {
    const last = all.at(-1);
    const goesOn = at === 0 && startsPart !== true && last?.part === part.part;
    if (goesOn && last !== undefined) all[all.length - 1] = { ...last, text: last.text + part.text };
    else all.push(part);
  });
  return { ...before, ...change, parts: all };
}
