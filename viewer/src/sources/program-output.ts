import type { Readable } from 'node:stream';

import { ownText, withoutColours, withoutTerminalControls } from '../formats.ts';
import { logData } from '../model/log-data.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import { boundedText } from '../model/value.ts';
import { LineSplitter } from './line-splitter.ts';
import { LogLineReader } from './log-line.ts';

/** Shows what a program prints: JSON lines that are log records as records, all other lines as its output. */
export class ProgramOutputSource {
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #name: string;

  constructor(model: SessionModel, name: string) {
    this.#model = model;
    this.#name = name;
    this.#source = model.addSource(name, 'output');
  }

  /** Takes the lines of a stream of the program. @param isError Whether the stream is its stderr. */
  take(stream: Readable, isError: boolean): void {
    const lines = new LineSplitter(() => (this.#source.unreadable += 1));
    const reader = new LogLineReader();
    stream.on('data', (chunk: Buffer) => {
      for (const line of lines.take(chunk)) this.#add(line, reader, isError);
    });
    stream.once('close', () => {
      const line = lines.end();
      if (line !== undefined) this.#add(line, reader, isError);
    });
  }

  #add(line: string, reader: LogLineReader, isError: boolean): void {
    if (line === '') return;
    const arrival = { source: this.#source, fallback: { name: this.#name, kind: 'output' } } as const;
    // Lines in the text form are of records that the program also exports to the viewer: as records, they would come twice.
    const records = line.startsWith('{') ? reader.read(line) : undefined;
    for (const record of records ?? []) this.#model.add(record, arrival);
    if (records !== undefined) return;
    const body = ownText(boundedText(withoutTerminalControls(withoutColours(line))));
    // Only a warning: many programs print everything to stderr.
    const severity = isError
      ? { severityNumber: 13, severityText: 'STDERR' }
      : { severityNumber: 9, severityText: 'STDOUT' };
    this.#model.add(logData({ millis: this.#model.now(), body, ...severity }), arrival);
  }
}
