/**
 * The size of the package: what users download, what it takes on their disk, and the JavaScript that `import` of its main
 * door loads. Fails where a measure is over its limit in `scripts/size-limits.json`, and prints what each folder takes of
 * it. Reads `dist` as it is: build before.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface SizedFile {
  readonly path: string;
  readonly size: number;
}

/** What `npm pack --json` answers for a package. */
interface Packed {
  readonly name: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly entryCount: number;
  readonly files: readonly SizedFile[];
}

interface Measure {
  readonly value: number;
  readonly files: readonly SizedFile[];
}

const ROOT = realpathSync(process.cwd());
const LIMITS = 'scripts/size-limits.json';

function pack(): Packed {
  // Without its scripts: `prepack` would build once more.
  const args = ['pack', '--json', '--dry-run', '--ignore-scripts'];
  const output = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
  const [packed] = JSON.parse(output) as Packed[];
  if (packed === undefined) throw new Error('npm pack answered with no package');
  return packed;
}

/** The package's own files that its main door loads, found by running it: V8 writes down each script it has compiled. */
function loadedFiles(name: string): SizedFile[] {
  const directory = mkdtempSync(join(tmpdir(), 'package-size-'));
  try {
    execFileSync(process.execPath, ['--input-type=module', '--eval', `import ${JSON.stringify(name)};`], {
      cwd: ROOT,
      env: { ...process.env, NODE_V8_COVERAGE: directory },
    });
    const own = `${pathToFileURL(ROOT).href}/`;
    const urls = readdirSync(directory)
      .flatMap((file) => (JSON.parse(readFileSync(join(directory, file), 'utf8')) as Coverage).result)
      .map(({ url }) => url)
      .filter((url) => url.startsWith(own) && !url.includes('/node_modules/') && /\.[cm]?js$/.test(url));
    return urls.map((url) => ({ path: url.slice(own.length), size: statSync(fileURLToPath(url)).size }));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

function measure(): Readonly<Record<string, Measure>> {
  const { name, size, unpackedSize, entryCount, files } = pack();
  const loaded = loadedFiles(name);
  return {
    packedBytes: { value: size, files },
    unpackedBytes: { value: unpackedSize, files },
    files: { value: entryCount, files },
    loadedBytes: { value: loaded.reduce((sum, file) => sum + file.size, 0), files: loaded },
  };
}

/** Files and bytes of each folder, two levels deep, the largest first. */
function byFolder(files: readonly SizedFile[]): string {
  const folders = new Map<string, { count: number; size: number }>();
  for (const { path, size } of files) {
    const folder = path.split('/').slice(0, -1).slice(0, 2).join('/') || '.';
    const sum = folders.get(folder) ?? { count: 0, size: 0 };
    folders.set(folder, { count: sum.count + 1, size: sum.size + size });
  }
  const lines = [...folders].toSorted(([, a], [, b]) => b.size - a.size);
  return lines.map(([folder, { count, size }]) => `  ${folder}: ${count} files, ${size} bytes`).join('\n');
}

const limits = JSON.parse(readFileSync(join(ROOT, LIMITS), 'utf8')) as Readonly<Record<string, number>>;
for (const [name, { value, files }] of Object.entries(measure())) {
  const limit = limits[name];
  if (limit === undefined) throw new Error(`${LIMITS} has no limit for ${name}`);
  console.log(`${name}: ${value} of ${limit}`);
  if (value <= limit) continue;
  process.exitCode = 1;
  console.error(`${name} is ${value - limit} over its limit in ${LIMITS}:\n${byFolder(files)}`);
}
