/**
 * The API report: what each door of the package exports, with its types, in one file of `api/` per door. It is made from
 * the built declarations, so a review sees each public name that a change adds, removes or alters.
 *
 *     npm run api          writes the reports
 *     npm run check:api    fails where they are out of date, and prints the difference
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
}

interface Door {
  /** The name of its report, without the ending. */
  readonly name: string;
  /** What users import. */
  readonly specifier: string;
  readonly declarations: string;
}

const ROOT = process.cwd();
const REPORTS = 'api';
const ENDING = '.api.md';

/** Every entry of `exports` that has declarations. */
function findDoors(): Door[] {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  return Object.entries(exports).flatMap(([path, target]) => {
    const types = typeof target === 'string' ? undefined : target.types;
    if (types === undefined) return [];
    const door = path === '.' ? 'index' : path.slice(2).replaceAll('/', '-');
    return [{ name: door, specifier: name + path.slice(1), declarations: join(ROOT, types) }];
  });
}

/** The report of each door, by the door's name. API Extractor writes files, which go into the directory. */
function makeReports(doors: readonly Door[], directory: string): Map<string, string> {
  const configs = doors.map((door) => prepare(door, doors, directory));
  const [first] = configs;
  if (first === undefined) throw new Error('package.json has no door with declarations');
  // One program for all doors: most of the time goes into reading declarations.
  const compilerState = CompilerState.create(first);
  const reports = configs.map((config, index): [string, string] => {
    const { name, specifier } = doors[index] as Door;
    const { succeeded } = Extractor.invoke(config, {
      compilerState,
      localBuild: true,
      messageCallback: (message) => {
        if (message.logLevel !== ExtractorLogLevel.Error) message.handled = true;
      },
    });
    if (!succeeded) throw new Error(`API Extractor could not read ${config.mainEntryPointFilePath}`);
    return [name, layOut(specifier, readFileSync(join(directory, name + ENDING), 'utf8'))];
  });
  return new Map(reports);
}

function prepare(door: Door, doors: readonly Door[], directory: string): ExtractorConfig {
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(ROOT, 'package.json'),
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: door.declarations,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          extends: './tsconfig.json',
          files: doors.map(({ declarations }) => declarations),
          include: [],
        },
      },
      apiReport: {
        enabled: true,
        // A type that is not exported itself is public all the same where an exported one leads to it.
        includeForgottenExports: true,
        reportFileName: door.name + ENDING,
        reportFolder: directory,
        reportTempFolder: join(directory, 'temporary'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
}

/** The declarations only: what API Extractor remarks on docstrings would change a report without a change of the API. */
function layOut(specifier: string, report: string): string {
  const [, declarations = ''] = /^```ts\n([^]*)^```$/m.exec(report) ?? [];
  const bare = declarations
    .replaceAll(/^ *\/\/ (?:@public|\(undocumented\)|\(No @packageDocumentation).*\n/gm, '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
  const about = 'Made by `npm run api`. A name without `export` is reached through one that is exported.';
  const code = bare === '' ? 'It exports no name.\n' : `\`\`\`ts\n${bare}\n\`\`\`\n`;
  return [`# ${specifier}`, about, code].join('\n\n');
}

function fileOf(name: string): string {
  return `${REPORTS}/${name}${ENDING}`;
}

function committedReports(): string[] {
  mkdirSync(join(ROOT, REPORTS), { recursive: true });
  return readdirSync(join(ROOT, REPORTS)).filter((file) => file.endsWith(ENDING));
}

function write(reports: ReadonlyMap<string, string>): void {
  for (const file of committedReports()) rmSync(join(ROOT, REPORTS, file));
  for (const [name, text] of reports) writeFileSync(join(ROOT, fileOf(name)), text);
}

/** Prints each difference to the committed reports; answers whether there is none. */
function compare(reports: ReadonlyMap<string, string>, directory: string): boolean {
  const committed = new Set(committedReports());
  let isSame = true;
  const complain = (text: string): void => {
    isSame = false;
    console.error(text);
  };
  for (const [name, text] of reports) {
    const isThere = committed.delete(name + ENDING);
    if (!isThere) complain(`${fileOf(name)} is missing`);
    else if (readFileSync(join(ROOT, fileOf(name)), 'utf8') !== text) {
      const fresh = join(directory, name + ENDING);
      writeFileSync(fresh, text);
      const args = ['--no-pager', 'diff', '--no-index', '--no-color', fileOf(name), fresh];
      complain(spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' }).stdout);
    }
  }
  for (const file of committed) complain(`${REPORTS}/${file} is the report of no door`);
  return isSame;
}

const directory = mkdtempSync(join(tmpdir(), 'api-report-'));
try {
  const reports = makeReports(findDoors(), directory);
  if (!process.argv.includes('--check')) write(reports);
  else if (!compare(reports, directory)) {
    console.error('The public API has changed. If that is meant: `npm run api`, and commit api/ with the change.');
    process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
