import type { SessionLogs } from 'otel-session-logs';

type Text = ReadableStream<string>;
type Resume<Found> = (id: string, skipCharacters?: number) => Promise<Found>;
type Make<Made> = (id: string, make: () => Text, skipCharacters?: number) => Promise<Made>;

/** The methods of the package `resumable-stream`: a stream is the answer of a session, and a client gets a reader of it. */
export class ResumableStreams {
  readonly #sessions: SessionLogs;
  constructor(sessions: SessionLogs) {
    this.#sessions = sessions;
  }
  createNewResumableStream: Make<Text> = async (id, make, skipCharacters) => {
    void this.#sessions.consume(id, make(), { export: false });
    return this.#read(id, skipCharacters);
  };

  /** `null`: it is done. `undefined`: there is none. */
  resumeExistingStream: Resume<Text | null | undefined> = async (id, skipCharacters) => {
    const state = await this.#sessions.answerState(id);
    if (state === 'running') return this.#read(id, skipCharacters);
    return state === 'finished' ? null : undefined;
  };

  resumableStream: Make<Text | null> = async (id, make, skipCharacters) => {
    const existing = await this.resumeExistingStream(id, skipCharacters);
    return existing === undefined ? this.createNewResumableStream(id, make, skipCharacters) : existing;
  };

  hasExistingStream = async (id: string): Promise<null | true | 'DONE'> =>
    ({ none: null, running: true as const, finished: 'DONE' as const })[await this.#sessions.answerState(id)];
  #read(id: string, skipCharacters = 0): Text {
    let left = skipCharacters;
    const transform = (chunk: string, controller: TransformStreamDefaultController<string>): void => {
      if (left < chunk.length) controller.enqueue(chunk.slice(left));
      left = Math.max(0, left - chunk.length);
    };
    return this.#sessions.toReadableStream(id).pipeThrough(new TransformStream({ transform }));
  }
}
