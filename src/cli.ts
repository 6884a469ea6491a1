#!/usr/bin/env node
import { closeSync, openSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { toOtlpJson } from './export/durable/otlp-json.ts';
import { inspectSpool, readSpool } from './export/durable/spool-report.ts';
import type { OwnerReport, SpoolReport } from './export/durable/spool-report.ts';
import { eraseInDirectories } from './facade/erase-directories.ts';
import { receiptJson, receiptText } from './facade/receipt-text.ts';
import { addNewer, NOTHING_NEWER } from './export/spool/known-format.ts';
import type { NewerContent } from './export/spool/known-format.ts';
import { OwnerWatch } from './export/spool/owner-watch.ts';
import { isSessionId, MAX_SESSION_ID_LENGTH } from './entry/session-id.ts';
import { optionProblem, wrongArguments } from './support/cli-arguments.ts';
import { messageOf } from './support/errors.ts';
import { expandHome } from './support/home-path.ts';
import { escapeControls } from './support/terminal-text.ts';

/** The package that has what `dev` needs, so that this package need not have its dependencies. */
const VIEWER = 'otel-session-logs-viewer';

interface Help {
  readonly usage: string;
  readonly text: string;
}

const COMMANDS: Readonly<Record<'spool' | 'erase' | 'dev', Help>> = {
  spool: {
    usage: 'otel-session-logs spool DIRECTORY [--json] [--export FILE.jsonl [--rejected]]',
    text: `Shows what is in the disk spool of DurableLogRecordProcessor, without changing it.

  --json               prints the same as JSON
  --export FILE.jsonl  writes the records of dead owners to a new file, one line of OTLP JSON for
                       each frame (up to 512 records), for the Collector's otlpjsonfile receiver.
                       It may wait up to a minute to see whether owners on other hosts live
  --rejected           exports the records that the collector rejected instead

Records that a newer version of otel-session-logs left are listed but not exported: use that version.

Exit code: 0 success; 1 failure; 2 wrong arguments; 3 exported, but without records of a newer version.
`,
  },
  erase: {
    usage: 'otel-session-logs erase SESSION [--logs DIR] [--spool DIR] [--json]',
    text: `Erases all text of a session: in the daily files of a directory (of today and of past days, compressed ones
too), and in a spool, where it erases what dead processes left and rejected records, asks living processes to
erase theirs, and waits for them up to 5 s. Prints a receipt of what was removed where, and what cannot be removed.
After a failure or a kill, run it again to do the rest. Put a session id that begins with - after --.

  --logs DIR           the directory of the daily files
  --spool DIR          the directory of the spool
  --json               prints the receipt as JSON; \`exported\` is null if nothing is known of it

Exit code: 0 everything within reach is erased; 1 failure; 2 wrong arguments; 3 the receipt lists what is not erased.
The command does not reach Redis, and does not know what ended processes exported: erase that at the collector.
`,
  },
  dev: {
    usage: 'otel-session-logs dev [PATH...] [OPTIONS] [-- COMMAND [ARGUMENTS...]]',
    text: `Opens a page that shows sessions live. It needs the package ${VIEWER}; dev --help
lists its options.
`,
  },
};

/** The help of a command, or of all commands. */
function helpOf(command: string | undefined): string {
  if (command === 'spool' || command === 'erase') {
    const { usage, text } = COMMANDS[command];
    return `Usage: ${usage}\n\n${text}`;
  }
  const usages = Object.values(COMMANDS).map(({ usage }) => usage);
  const texts = Object.entries(COMMANDS).map(
    ([name, { text }]) => `\n${name}\n\n${text.replaceAll(/^(?=.)/gmu, '  ')}`,
  );
  return `Usage: ${usages.join('\n       ')}\n${texts.join('')}`;
}

const COLUMNS = 'owner process host boot segments frames records bytes oldest damaged newer'.split(' ');
/** How many characters of a boot's id, or of its time to the minute, are shown. */
const BOOT_LENGTH = 16;
const WAITING =
  'waiting: ran on another host, in another container or before a restart. Will be taken over after a minute without a heartbeat';

interface Output {
  write(text: string): unknown;
}

/**
 * Runs the command and resolves to the exit code: 0 for success; 1 for a failure; 2 for wrong arguments; 3 if an export
 * left out what only a newer version can read, so that a script does not take it for complete.
 */
export async function run(args: readonly string[], out: Output, err: Output): Promise<number> {
  const [first, ...others] = args;
  if (first === 'dev') return runViewer(others, err);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return refuse(
      args.find((arg) => !arg.startsWith('-')),
      optionProblem(args, OPTIONS) ?? messageOf(error),
      err,
    );
  }
  const { positionals, values } = parsed;
  const [command, given, ...rest] = positionals;
  if (values.help === true) {
    out.write(helpOf(command));
    return 0;
  }
  if (command === 'erase') return runErase(given, rest, values, out, err);
  if (command !== 'spool') {
    const names = Object.keys(COMMANDS).join(', ');
    return refuse(undefined, command === undefined ? `give a command: ${names}` : `unknown command ${command}`, err);
  }
  if (given === undefined) return refuse(command, 'give a DIRECTORY', err);
  if (rest.length > 0) return refuse(command, `expected one DIRECTORY, got ${rest.length + 1}`, err);
  for (const name of ['logs', 'spool'] as const)
    if (values[name] !== undefined) return refuse(command, `--${name} is an option of erase`, err);
  if (values.rejected === true && values.export === undefined) {
    return refuse(command, '--rejected needs --export FILE.jsonl', err);
  }
  try {
    const directory = expandHome(given);
    const watch = new OwnerWatch(directory);
    const which = values.rejected === true ? 'rejected' : 'pending';
    let report = await inspectSpool(directory, watch);
    if (values.export !== undefined && which === 'pending' && waitingIn(report) > 0) {
      err.write(`${waitingIn(report)} owners may run on another host: waiting up to a minute for their heartbeats\n`);
      await watch.decide();
      report = await inspectSpool(directory, watch);
    }
    out.write(values.json === true ? `${escapeControls(JSON.stringify(report))}\n` : describe(directory, report));
    if (values.export !== undefined) {
      // A shell does not expand the `~` of `--export=~/file`.
      const count = await exportRecords(readSpool(directory, watch, which), expandHome(values.export));
      err.write(`${count} records written to ${escapeControls(values.export)}; the spool is unchanged\n`);
      const leftOut = which === 'rejected' ? report.dead.newer : newerOfDead(report);
      if (leftOut.files > 0) {
        err.write(`left out: ${newerText(leftOut)}\n`);
        return 3;
      }
    }
    return 0;
  } catch (error) {
    err.write(`otel-session-logs: ${escapeControls(messageOf(error))}\n`);
    return 1;
  }
}

/** The part of the viewer that runs the command `dev`. */
interface Viewer {
  dev(
    args: readonly string[],
    environment: {
      readonly stdout: NodeJS.WritableStream;
      readonly stderr: NodeJS.WritableStream;
      readonly env: NodeJS.ProcessEnv;
      /** The module for `node --import` in a program without session logs of its own. */
      readonly register: string;
    },
  ): Promise<number>;
}

async function runViewer(args: readonly string[], err: Output): Promise<number> {
  const viewer = await findViewer();
  if (viewer === undefined) {
    err.write(`dev needs the package ${VIEWER}: npm install --save-dev ${VIEWER}\n`);
    return 1;
  }
  const { stdout, stderr, env } = process;
  const register = new URL('register.js', import.meta.url).href;
  return viewer.dev(args, { stdout, stderr, env, register });
}

/**
 * Finds the viewer installed next to this package, else that of the current directory; `undefined` if there is none.
 */
async function findViewer(): Promise<Viewer | undefined> {
  const places = [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href];
  for (const place of places) {
    const path = resolveFrom(place, `${VIEWER}/cli`);
    if (path !== undefined) return (await import(pathToFileURL(path).href)) as Viewer;
  }
  return undefined;
}

function resolveFrom(place: string, name: string): string | undefined {
  try {
    return createRequire(place).resolve(name);
  } catch {
    // It is not installed there.
    return undefined;
  }
}

const OPTIONS = {
  export: { type: 'string' },
  rejected: { type: 'boolean' },
  json: { type: 'boolean' },
  logs: { type: 'string' },
  spool: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

// oxlint-disable-next-line typescript/explicit-function-return-type -- inferred from the options
const parse = (args: readonly string[]) => parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });

/** Prints what is wrong with the arguments, and where the usage is. */
function refuse(command: string | undefined, reason: string, err: Output): number {
  const name = 'otel-session-logs';
  const isKnown = command !== undefined && Object.hasOwn(COMMANDS, command);
  err.write(wrongArguments(isKnown ? `${name} ${command}` : name, reason));
  return 2;
}

type Values = ReturnType<typeof parse>['values'];

async function runErase(
  given: string | undefined,
  more: readonly string[],
  { logs, spool, json, ...others }: Values,
  out: Output,
  err: Output,
): Promise<number> {
  const [other] = Object.keys(others);
  if (given === undefined) return refuse('erase', 'give a SESSION', err);
  if (more.length > 0) return refuse('erase', `expected one SESSION, got ${more.length + 1}`, err);
  const { length } = given;
  if (!isSessionId(given)) {
    return refuse('erase', `expected a SESSION of 1 to ${MAX_SESSION_ID_LENGTH} characters, got ${length}`, err);
  }
  if (other !== undefined) return refuse('erase', `--${other} is an option of spool`, err);
  if ((logs ?? spool) === undefined) {
    return refuse('erase', 'no directory is given: --logs DIR, --spool DIR or both', err);
  }
  const looked = { logs: logs !== undefined, spool: spool !== undefined };
  try {
    const receipt = await eraseInDirectories(given, {
      logs: logs === undefined ? undefined : expandHome(logs),
      spool: spool === undefined ? undefined : expandHome(spool),
    });
    out.write(json === true ? `${escapeControls(receiptJson(receipt))}\n` : receiptText(receipt, looked));
    return receipt.otherProcesses > 0 || receipt.remains.length > 0 ? 3 : 0;
  } catch (error) {
    err.write(`otel-session-logs: ${escapeControls(messageOf(error))}\n`);
    return 1;
  }
}

/** Exports records to a new file. Never overwrites a file, which may be the only copy of earlier records. */
async function exportRecords(batches: ReturnType<typeof readSpool>, file: string): Promise<number> {
  const fd = openSync(file, 'wx', 0o600);
  let count = 0;
  try {
    for await (const records of batches) {
      // Unlike `writeSync`, it writes everything or throws: a full disk takes a part first.
      writeFileSync(fd, `${JSON.stringify(toOtlpJson(records))}\n`);
      count += records.length;
    }
  } finally {
    closeSync(fd);
  }
  return count;
}

function describe(directory: string, report: SpoolReport): string {
  const { owners, dead } = report;
  const rows = owners.map((owner) => [
    escapeControls(owner.id),
    owner.process,
    escapeControls(owner.host ?? '-'),
    escapeControls(owner.boot?.slice(0, BOOT_LENGTH) ?? '-'),
    String(owner.segments),
    String(owner.frames),
    String(owner.records),
    String(owner.bytes),
    owner.oldestMillis === undefined ? '-' : new Date(owner.oldestMillis).toISOString(),
    String(owner.damaged),
    String(owner.newer.records),
  ]);
  const newer = newerOfDead(report);
  const total = (of: (owner: OwnerReport) => number): number => owners.reduce((sum, owner) => sum + of(owner), 0);
  return [
    `${escapeControls(directory)}: ${total((owner) => owner.records)} records waiting, ${total((owner) => owner.bytes)} bytes, ${total((owner) => owner.damaged)} damaged`,
    ...(newer.files === 0 ? [] : [`waiting for a newer version of this package: ${newerText(newer)}`]),
    ...table([COLUMNS, ...rows]),
    ...(waitingIn(report) === 0 ? [] : [WAITING]),
    `rejected by the collector: ${dead.records} records, ${dead.bytes} bytes, ${dead.files} files`,
    ...(dead.newer.files === 0 ? [] : [`rejected, written by a newer version: ${newerText(dead.newer)}`]),
    '',
  ].join('\n');
}

/** Number of owners of which it is unknown whether they live. */
function waitingIn({ owners }: SpoolReport): number {
  return owners.filter(({ process }) => process === 'waiting').length;
}

/** What waits for a newer version: only that of dead owners, because a living one ships what it wrote. */
function newerOfDead({ owners }: SpoolReport): NewerContent {
  return owners
    .filter(({ process }) => process !== 'alive')
    .map(({ newer }) => newer)
    .reduce(addNewer, NOTHING_NEWER);
}

function newerText({ records, bytes, files }: NewerContent): string {
  return `${records} records, ${bytes} bytes, ${files} files`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 1) return ['no owner'];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Whether this module was started as a program. npm starts it through a link, so the real paths are compared. */
function isMain(): boolean {
  const [, script] = process.argv;
  if (script === undefined) return false;
  try {
    return realpathSync(script) === fileURLToPath(import.meta.url);
  } catch {
    // The script is not a file (`node -e`), so this module was imported.
    return false;
  }
}

if (isMain()) {
  void run(process.argv.slice(2), process.stdout, process.stderr).then((code) => {
    process.exitCode = code;
  });
}
