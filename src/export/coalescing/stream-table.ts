import type { CoalescedStream } from './coalesced-stream.ts';

/** The streams of one session, without and with a stream id. */
interface SessionStreams {
  unnamed: CoalescedStream | undefined;
  named: Map<string, CoalescedStream> | undefined;
}

/**
 * The streams under way, by session and stream id. The maps are nested, since ids are arbitrary strings that cannot be
 * joined into a safe key, and since no key has to be built for each chunk.
 */
export class StreamTable {
  readonly #bySession = new Map<string, SessionStreams>();
  /** All streams, oldest first. */
  readonly #all = new Set<CoalescedStream>();

  get size(): number {
    return this.#all.size;
  }

  get oldest(): CoalescedStream | undefined {
    return this.#all.values().next().value;
  }

  get(sessionId: string, streamId: string | undefined): CoalescedStream | undefined {
    const streams = this.#bySession.get(sessionId);
    if (streams === undefined) return undefined;
    return streamId === undefined ? streams.unnamed : streams.named?.get(streamId);
  }

  add(stream: CoalescedStream): void {
    let streams = this.#bySession.get(stream.sessionId);
    if (streams === undefined) {
      streams = { unnamed: undefined, named: undefined };
      this.#bySession.set(stream.sessionId, streams);
    }
    if (stream.streamId === undefined) streams.unnamed = stream;
    else (streams.named ??= new Map<string, CoalescedStream>()).set(stream.streamId, stream);
    this.#all.add(stream);
  }

  delete(stream: CoalescedStream): void {
    if (!this.#all.delete(stream)) return;
    const streams = this.#bySession.get(stream.sessionId);
    if (streams === undefined) return;
    if (stream.streamId === undefined) streams.unnamed = undefined;
    else streams.named?.delete(stream.streamId);
    if (streams.unnamed === undefined && (streams.named?.size ?? 0) === 0) this.#bySession.delete(stream.sessionId);
  }

  /** The streams of one session, in a new array. */
  ofSession(sessionId: string): CoalescedStream[] {
    const streams = this.#bySession.get(sessionId);
    if (streams === undefined) return [];
    const unnamed = streams.unnamed === undefined ? [] : [streams.unnamed];
    return [...unnamed, ...(streams.named?.values() ?? [])];
  }

  /** All streams, oldest first, in a new array. */
  all(): CoalescedStream[] {
    return [...this.#all];
  }
}
