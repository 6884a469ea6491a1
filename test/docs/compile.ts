import { execFile } from 'node:child_process';
import { join } from 'node:path';

import { HOST, writeProject } from './host.ts';
import type { Fault } from './links.ts';
import type { Program } from './programs.ts';

const TSC = join(import.meta.dirname, '..', '..', 'node_modules', 'typescript', 'bin', 'tsc');
const ERROR = /^(?<path>[^(\n]+)\((?<line>\d+),(?<column>\d+)\): error (?<message>[^]*)/u;
const SYNTAX = /^TS1\d{3}:/u;

/** Compiles all programs at once; gives what is wrong, at its place in the page. */
export async function compile(programs: readonly Program[]): Promise<Fault[]> {
  const byPath = new Map(programs.map((program) => [program.path, program]));
  const faults = new Map<string, Fault>();
  for (let hasUnreadable = true; hasUnreadable;) {
    hasUnreadable = false;
    await writeProject([...byPath.keys()]);
    const output = await run();
    const unreadable = new Set<string>();
    // What belongs to an error is indented.
    for (const text of output.split(/\n(?=\S)/u).filter((each) => each.trim() !== '')) {
      const { path = '', line = '', message = text } = ERROR.exec(text)?.groups ?? {};
      const program = byPath.get(path);
      if (program === undefined) throw new Error(`the compiler says\n${output}`);
      if (SYNTAX.test(message)) unreadable.add(path);
      const fault = { path: program.page, line: program.line + Number(line) - 1, message: message.trimEnd() };
      // A file that several programs import is reported once.
      faults.set(`${fault.path}:${fault.line}: ${message}`, fault);
    }
    // While the text of one cannot be read, the compiler says nothing about the others.
    for (const path of unreadable) hasUnreadable = byPath.delete(path);
  }
  return [...faults.values()];
}

function run(): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [TSC, '--pretty', 'false', '-p', '.'],
      { cwd: HOST, maxBuffer: 2 ** 26 },
      (error, stdout) => {
        if (error !== null && stdout === '') reject(error);
        else resolve(stdout);
      },
    );
  });
}
