import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';

/** What log4js' `dateFile` appender reads of an event when the layout is ours. */
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
  readonly alwaysIncludePattern: true;
  readonly keepFileExt: true;
  readonly mode: number;
  readonly highWaterMark: number;
  // The next two reach Node's `Writable`, which the appender's stream extends.
  readonly write: (this: FileStream, chunk: Buffer, encoding: string, callback: () => void) => void;
  readonly final: (callback: () => void) => void;
}

/** The stream of streamroller behind the appender, which opens a second descriptor of its own. */
interface FileStream extends Writable {
  currentFileStream?: Writable;
}

interface DateFileModule {
  configure(config: AppenderConfig, layouts: { basicLayout(event: LogEvent): string }): Appender;
}

let dateFile: DateFileModule | undefined;

/**
 * The module of log4js' `dateFile` appender, loaded with the first use: it brings graceful-fs, which replaces
 * `fs.close`, `process.cwd` and `process.chdir` when it is loaded. Configured directly, beside `log4js.configure()`,
 * which is process-wide and the application's.
 */
function dateFileModule(): DateFileModule {
  dateFile ??= createRequire(import.meta.url)('log4js/lib/appenders/dateFile.js') as DateFileModule;
  return dateFile;
}

/** Loads log4js, so that a broken installation shows when the processor is made and not with the first line. */
export function loadLog4js(): void {
  dateFileModule();
}

export interface Log4jsTarget {
  /** A path without the date; log4js puts `day` before the extension. */
  readonly filename: string;
  /** The literal date. A pattern without date letters never rolls by itself: a roll is ours. */
  readonly day: string;
}

/**
 * One log4js `dateFile` appender whose bytes are written by a function of ours, while the event is sent.
 *
 * Left to itself the appender writes later, in pieces, without acknowledgement: a `process.exit` leaves nothing, and
 * one write error silences it for good.
 */
export class Log4jsEvent {
  readonly #appender: Appender;
  #take: ((bytes: Buffer) => void) | undefined;
  #ownClosed: Promise<void> = Promise.resolve();

  /** @throws what opening the file throws. */
  constructor(target: Log4jsTarget) {
    const onWrite = (stream: FileStream, chunk: Buffer): void => {
      this.#ownClosed = dropOwnDescriptor(stream) ?? this.#ownClosed;
      const take = this.#take;
      this.#take = undefined;
      // Bytes that come outside of an event were written already, by the caller that found the appender dead.
      take?.(chunk);
    };
    this.#appender = dateFileModule().configure(
      {
        filename: target.filename,
        pattern: target.day,
        alwaysIncludePattern: true,
        keepFileExt: true,
        mode: 0o600,
        // Below it the appender emits `log4js:pause` on the host's process.
        highWaterMark: Number.MAX_SAFE_INTEGER,
        write(chunk, _encoding, callback) {
          onWrite(this, chunk);
          // Never an error: one destroys the stream, and the appender then drops in silence.
          callback();
        },
        final: (callback) => callback(),
      },
      { basicLayout: (event) => event.data[0] },
    );
    // An event that nobody takes, for its way through `onWrite`: from here on no late error of the appender's own
    // descriptor (a directory removed meanwhile) is printed on the console.
    this.#appender({ data: [''] });
  }

  /** Sends the text as one event; `take` gets its bytes, line end included. `false` when the appender did not pass it. */
  send(text: string, take: (bytes: Buffer) => void): boolean {
    this.#take = take;
    try {
      this.#appender({ data: [text] });
      return this.#take === undefined;
    } finally {
      this.#take = undefined;
    }
  }

  /** Resolves when the appender's own descriptor is closed: its opening, late, makes a file that was just removed. */
  close(): Promise<void> {
    this.#appender.shutdown(() => {
      // Nothing of ours is in the stream: each event was written while it was sent.
    });
    return this.#ownClosed;
  }
}

/** The appender's own descriptor is never written; left open, its late errors would be printed by log4js. */
function dropOwnDescriptor(stream: FileStream): Promise<void> | undefined {
  const own = stream.currentFileStream;
  if (own === undefined || own.destroyed) return undefined;
  own.removeAllListeners('error');
  own.on('error', () => {
    // The file was moved between its two openings: ours reports what concerns the lines.
  });
  return new Promise((resolve) => {
    own.once('close', () => resolve());
    own.destroy();
  });
}
