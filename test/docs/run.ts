import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { command } from '../set-ups/set-up.ts';
import { HOST } from './host.ts';
import type { Fault } from './links.ts';
import type { Program } from './programs.ts';

/** Stands for text that differs from run to run. */
const ANY = '...';

/** Runs a program in a directory of its own, and compares what it prints with what the page says. */
export async function runProgram({ page, line, path, prints = [] }: Program): Promise<Fault | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'session-logs-docs-'));
  try {
    const start = [process.execPath, '--import', import.meta.resolve('tsx'), join(HOST, path)];
    const { stdout } = await command(start, directory, { NO_COLOR: '1' });
    const printed = stdout.trimEnd().split('\n');
    const isSame = printed.length === prints.length && printed.every((text, at) => isLike(text, prints[at] ?? ''));
    if (isSame) return undefined;
    return { path: page, line, message: `it says that it prints\n${indent(prints)}\nand prints\n${indent(printed)}` };
  } catch (error) {
    return { path: page, line, message: `it does not run: ${(error as Error).message}` };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Whether the text is the one of the page, in which `...` stands for any. */
export function isLike(text: string, expected: string): boolean {
  const pattern = expected
    .trimEnd()
    .split(ANY)
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`))
    .join('.*');
  return new RegExp(`^${pattern}$`, 'u').test(text.trimEnd());
}

const indent = (lines: readonly string[]): string => lines.map((line) => `    ${line}`).join('\n');
