import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';

/** The part of an event that log4js' `dateFile` appender reads with our layout. */
interface LogEvent {
  readonly data: readonly [string];
}

interface Appender {
  (event: LogEvent): void;
  shutdown(complete: (error?: unknown) => void): void;
}

interface AppenderConfig {
  readonly filename: string;
  readonly pattern: string;
  readonly mode: number;
  readonly highWaterMark: number;
  // These two options are passed on to Node's `Writable`, which the appender's stream extends.
  readonly write: (this: FileStream, chunk: Buffer, encoding: string, callback: () => void) => void;
  readonly final: (callback: () => void) => void;
}

/** The stream of streamroller inside the appender, which opens a second descriptor of its own. */
interface FileStream extends Writable {
  currentFileStream?: Writable;
}

interface DateFileModule {
  configure(config: AppenderConfig, layouts: { basicLayout(event: LogEvent): string }): Appender;
}

let dateFile: DateFileModule | undefined;

/**
 * The module of log4js' `dateFile` appender. It is loaded on first use, since it loads graceful-fs, which replaces
 * `fs.close`, `process.cwd` and `process.chdir`. It is configured directly: `log4js.configure()` is process-wide and
 * belongs to the application.
 */
function dateFileModule(): DateFileModule {
  dateFile ??= createRequire(import.meta.url)('log4js/lib/appenders/dateFile.js') as DateFileModule;
  return dateFile;
}

/** Loads log4js, so that a broken installation is found when the processor is made, not with the first line. */
export function loadLog4js(): void {
  dateFileModule();
}

export interface Log4jsTarget {
  /** The file of the day. log4js adds no date to it, and nothing else. */
  readonly path: string;
  /** The literal date as the pattern: without date letters it never rolls by itself; we roll. */
  readonly day: string;
  readonly mode: number;
}

/**
 * A log4js `dateFile` appender whose bytes our own function writes, while the event is sent.
 *
 * By itself the appender would write later, in pieces, without acknowledgement: its lines would be lost at a
 * `process.exit`, and one write error would silence it for good.
 */
export class Log4jsAppender {
  readonly #appender: Appender;
  #take: ((bytes: Buffer) => void) | undefined;
  #ownClosed: Promise<void> = Promise.resolve();

  /** @throws the error of opening the file. */
  constructor(target: Log4jsTarget) {
    const onWrite = (stream: FileStream, chunk: Buffer): void => {
      this.#ownClosed = dropOwnDescriptor(stream) ?? this.#ownClosed;
      const take = this.#take;
      this.#take = undefined;
      // Bytes that come outside of an event are written already, by the caller that found the appender dead.
      take?.(chunk);
    };
    this.#appender = dateFileModule().configure(
      {
        filename: target.path,
        pattern: target.day,
        mode: target.mode,
        // With a lower mark the appender would emit `log4js:pause` on the `process` of the application.
        highWaterMark: Number.MAX_SAFE_INTEGER,
        write(chunk, _encoding, callback) {
          onWrite(this, chunk);
          // Never with an error, which would destroy the stream: the appender would then drop everything silently.
          callback();
        },
        final: (callback) => callback(),
      },
      { basicLayout: (event) => event.data[0] },
    );
    // An empty event that is only sent so that `onWrite` runs: from here on a late error of the appender's own
    // descriptor (its directory was removed meanwhile) is not printed on the console.
    this.#appender({ data: [''] });
  }

  /** Sends the text as one event; `take` gets its bytes with the line end. Returns `false` when the appender did not call it. */
  send(text: string, take: (bytes: Buffer) => void): boolean {
    this.#take = take;
    try {
      this.#appender({ data: [text] });
      return this.#take === undefined;
    } finally {
      this.#take = undefined;
    }
  }

  /**
   * Resolves when the appender's own descriptor is closed: if it opened late, it would make a file anew that was just
   * removed.
   */
  close(): Promise<void> {
    this.#appender.shutdown(() => {
      // The stream holds nothing of ours: each event was written while it was sent.
    });
    return this.#ownClosed;
  }
}

/** Closes the appender's own descriptor. It is never written to, and log4js would print its late errors. */
function dropOwnDescriptor(stream: FileStream): Promise<void> | undefined {
  const own = stream.currentFileStream;
  if (own === undefined || own.destroyed) return undefined;
  own.removeAllListeners('error');
  own.on('error', () => {
    // The file was moved between the two times it was opened. Our descriptor reports what concerns the lines.
  });
  return new Promise((resolve) => {
    own.once('close', () => resolve());
    own.destroy();
  });
}
