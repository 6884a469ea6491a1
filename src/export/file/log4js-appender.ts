import type { Writable } from 'node:stream';

import { reporterFor } from '../../support/reporter.ts';

/** The part of an event that the `dateFile` appender of log4js reads with this layout. */
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
  // The appender passes these two options on to Node's `Writable`, which its stream extends.
  readonly write: (this: FileStream, chunk: Buffer, encoding: string, callback: () => void) => void;
  readonly final: (callback: () => void) => void;
}

/** The streamroller stream inside the appender, which opens a second descriptor of its own. */
interface FileStream extends Writable {
  currentFileStream?: Writable;
}

interface DateFileModule {
  configure(config: AppenderConfig, layouts: { basicLayout(event: LogEvent): string }): Appender;
}

let dateFile: DateFileModule | undefined;
let loading: Promise<void> | undefined;

/**
 * Begins to load the module of log4js' `dateFile` appender. Until it is loaded, or if it cannot be, lines are written
 * without it.
 *
 * It is loaded only when a processor is made, because it loads graceful-fs, which replaces `fs.close`, `process.cwd`
 * and `process.chdir`. A literal `import()` loads it, which bundlers see and no caller has to wait for. It is
 * configured directly, because `log4js.configure()` is process-wide and belongs to the application.
 *
 * @returns Resolves when it is loaded or cannot be.
 */
export function loadLog4js(): Promise<void> {
  return (loading ??= importDateFile());
}

async function importDateFile(): Promise<void> {
  try {
    // @ts-expect-error -- log4js has no types for its parts
    const module = (await import('log4js/lib/appenders/dateFile.js')) as DateFileModule & { default?: DateFileModule };
    dateFile = module.default ?? module;
  } catch (error) {
    reporterFor('date-file').warn('log4js cannot be loaded: the lines of daily files are written without it', error);
  }
}

export interface Log4jsTarget {
  /** The file of the day. log4js adds neither a date nor anything else to it. */
  readonly path: string;
  /** The literal date as the pattern: without date letters, the appender never rolls files by itself. */
  readonly day: string;
  readonly mode: number;
}

/**
 * A log4js `dateFile` appender whose bytes a function of this package writes while the event is sent.
 *
 * By itself the appender would write later, in pieces and without acknowledgement: `process.exit` would lose its lines,
 * and one write error would silence it for good.
 */
export class Log4jsAppender {
  readonly #appender: Appender;
  #take: ((bytes: Buffer) => void) | undefined;
  #ownClosed: Promise<void> = Promise.resolve();

  /** Opens an appender; `undefined` if log4js is not loaded. @throws the error of opening the file. */
  static open(target: Log4jsTarget): Log4jsAppender | undefined {
    return dateFile === undefined ? undefined : new Log4jsAppender(target, dateFile);
  }

  private constructor(target: Log4jsTarget, dateFile: DateFileModule) {
    const onWrite = (stream: FileStream, chunk: Buffer): void => {
      this.#ownClosed = dropOwnDescriptor(stream) ?? this.#ownClosed;
      const take = this.#take;
      this.#take = undefined;
      // The caller that found the appender dead has already written bytes that come outside an event.
      take?.(chunk);
    };
    this.#appender = dateFile.configure(
      {
        filename: target.path,
        pattern: target.day,
        mode: target.mode,
        // With a lower mark the appender would emit `log4js:pause` on the `process` of the application.
        highWaterMark: Number.MAX_SAFE_INTEGER,
        write(chunk, _encoding, callback) {
          onWrite(this, chunk);
          // Never pass an error: it would destroy the stream, and the appender would then silently drop everything.
          callback();
        },
        final: (callback) => callback(),
      },
      { basicLayout: (event) => event.data[0] },
    );
    // An empty event, sent only so that `onWrite` runs: from then on a late error of the appender's own descriptor
    // (because its directory was removed meanwhile) is not printed on the console.
    this.#appender({ data: [''] });
  }

  /**
   * Sends the text as one event; `take` gets its bytes with the line end. Returns `false` if the appender did not call
   * `take`.
   */
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
   * Resolves when the appender's own descriptor is closed: if it opened late, it would create a file again that was
   * just removed.
   */
  close(): Promise<void> {
    this.#appender.shutdown(() => {
      // The stream holds no lines: each event was written while it was sent.
    });
    return this.#ownClosed;
  }
}

/** Closes the appender's own descriptor. Nothing is ever written to it, and log4js would print its late errors. */
function dropOwnDescriptor(stream: FileStream): Promise<void> | undefined {
  const own = stream.currentFileStream;
  if (own === undefined || own.destroyed) return undefined;
  own.removeAllListeners('error');
  own.on('error', () => {
    // The file was moved between being opened twice. The other descriptor reports what concerns the lines.
  });
  return new Promise((resolve) => {
    own.once('close', () => resolve());
    own.destroy();
  });
}
