import type { Readable } from 'node:stream';

import { ownText, withoutColours, withoutTerminalControls } from '../formats.ts';
import { logData } from '../model/log-data.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import { boundedText } from '../model/value.ts';
import { LineSplitter } from './line-splitter.ts';
import { LogLineReader } from './log-line.ts';

/** Shows what a program prints: JSON lines that are log records as such, others as lines of the program. */
export class ProgramOutputSource {
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #name: string;

  constructor(model: SessionModel, name: string) {
    this.#model = model;
    this.#name = name;
    this.#source = model.addSource(name, 'output');
  }

  /** Takes the lines of a stream of the program. @param isError It is its stderr. */
  take(stream: Readable, isError: boolean): void {
    const lines = new LineSplitter();
    const reader = new LogLineReader();
    stream.on('data', (chunk: Buffer) => {
      for (const line of lines.take(chunk)) this.#add(line, reader, isError);
    });
    stream.once('end', () => {
      const line = lines.end();
      if (line !== undefined) this.#add(line, reader, isError);
    });
  }

  #add(line: string, reader: LogLineReader, isError: boolean): void {
    if (line === '') return;
    const arrival = { source: this.#source, fallback: { name: this.#name, kind: 'output' } } as const;
    // Plain lines of session logs are of records that the program exports to the viewer: they would be in the session twice.
    const records = line.startsWith('{') ? reader.read(line) : undefined;
    for (const record of records ?? []) this.#model.add(record, arrival);
    if (records !== undefined) return;
    const body = ownText(boundedText(withoutTerminalControls(withoutColours(line))));
    // Not known to be an error: many programs print all they say there.
    const severity = isError
      ? { severityNumber: 13, severityText: 'STDERR' }
      : { severityNumber: 9, severityText: 'STDOUT' };
    this.#model.add(logData({ millis: this.#model.now(), body, ...severity }), arrival);
  }
}
