import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What should be somewhere, and what is: messages in their order. */
export interface Place {
  readonly name: string;
  readonly written: readonly string[];
  readonly there: readonly string[];
}

/** Whether it has all messages, in order, and each once. */
export function isSame({ written, there }: Place): boolean {
  return written.length === there.length && written.every((message, index) => message === there[index]);
}

/** The comparison as lines of at most 59 columns. */
export function comparison(places: readonly Place[]): string[] {
  const row = (name: string, ...cells: readonly (string | number)[]): string =>
    ` ${name.padEnd(30)}${cells.map((cell) => String(cell).padStart(9)).join('')}`;
  return [
    row('', 'written', 'there', 'text'),
    ` ${'─'.repeat(57)}`,
    ...places.map((place) =>
      row(place.name, place.written.length, place.there.length, isSame(place) ? 'equal' : 'DIFFERS'),
    ),
  ];
}

/** The messages of a session in the daily files of that directory. */
export function messagesInFiles(directory: string, prefix: string, sessionId: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .toSorted()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as { session_id?: string; message: string })
    .filter(({ session_id }) => session_id === sessionId)
    .map(({ message }) => message);
}
