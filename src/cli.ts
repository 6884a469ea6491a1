#!/usr/bin/env node
import { closeSync, openSync, realpathSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { toOtlpJson } from './export/spool/otlp-json.ts';
import { inspectSpool, readSpool } from './export/spool/spool-report.ts';
import type { OwnerReport, SpoolReport } from './export/spool/spool-report.ts';

const USAGE = `Usage: otel-session-logs spool DIRECTORY [--json] [--export FILE.jsonl [--rejected]]

  Shows what is in the disk spool of DurableLogRecordProcessor. Changes nothing there.

  --json               the same as JSON
  --export FILE.jsonl  writes the records of dead owners to a new file, a line of OTLP JSON for each
                       entry, as the Collector's otlpjsonfile receiver reads it
  --rejected           exports the records that the collector rejected instead
`;

interface Output {
  write(text: string): unknown;
}

/** Runs the command; resolves to the exit code: 0, 1 when it failed, 2 for wrong arguments. */
export async function run(args: readonly string[], out: Output, err: Output): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    err.write(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { positionals, values } = parsed;
  const [command, directory, ...rest] = positionals;
  if (values.help === true) {
    out.write(USAGE);
    return 0;
  }
  if (
    command !== 'spool' ||
    directory === undefined ||
    rest.length > 0 ||
    (values.rejected === true && values.export === undefined)
  ) {
    err.write(USAGE);
    return 2;
  }
  try {
    const report = await inspectSpool(directory);
    out.write(values.json === true ? `${JSON.stringify(report)}\n` : describe(directory, report));
    if (values.export !== undefined) {
      const which = values.rejected === true ? 'rejected' : 'pending';
      const count = await exportRecords(directory, values.export, which);
      err.write(`${count} records written to ${values.export}; the spool is as it was\n`);
    }
    return 0;
  } catch (error) {
    err.write(`otel-session-logs: ${(error as Error).message}\n`);
    return 1;
  }
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- inferred from the options
const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      export: { type: 'string' },
      rejected: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });

/** An existing file is not overwritten: an export may be all that is left of these records. */
async function exportRecords(directory: string, file: string, which: 'pending' | 'rejected'): Promise<number> {
  const fd = openSync(file, 'wx', 0o600);
  let count = 0;
  try {
    for await (const records of readSpool(directory, which)) {
      writeSync(fd, `${JSON.stringify(toOtlpJson(records))}\n`);
      count += records.length;
    }
  } finally {
    closeSync(fd);
  }
  return count;
}

function describe(directory: string, { owners, dead }: SpoolReport): string {
  const rows = owners.map((owner) => [
    owner.id,
    owner.isAlive ? 'alive' : 'dead',
    String(owner.segments),
    String(owner.entries),
    String(owner.records),
    String(owner.bytes),
    owner.oldestMillis === undefined ? '-' : new Date(owner.oldestMillis).toISOString(),
    String(owner.damaged),
  ]);
  const total = (of: (owner: OwnerReport) => number): number => owners.reduce((sum, owner) => sum + of(owner), 0);
  return [
    `${directory}: ${total((owner) => owner.records)} records waiting, ${total((owner) => owner.bytes)} bytes, ${total((owner) => owner.damaged)} damaged`,
    ...table([['owner', 'process', 'segments', 'entries', 'records', 'bytes', 'oldest', 'damaged'], ...rows]),
    `rejected by the collector: ${dead.records} records, ${dead.bytes} bytes, ${dead.files} files`,
    '',
  ].join('\n');
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

/** npm starts it through a link, so the real paths are compared. */
function isMain(): boolean {
  const [, script] = process.argv;
  if (script === undefined) return false;
  try {
    return realpathSync(script) === fileURLToPath(import.meta.url);
  } catch {
    // The script is no file (`node -e`): somebody imports this module.
    return false;
  }
}

if (isMain()) {
  void run(process.argv.slice(2), process.stdout, process.stderr).then((code) => {
    process.exitCode = code;
  });
}
