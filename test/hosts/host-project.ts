import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A line of OpenTelemetry as a host has it. */
export interface HostLine {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

export const HOST_LINES: readonly HostLine[] = [
  {
    name: 'sdk-logs 3.x',
    dependencies: {
      '@opentelemetry/api': '~1.10.0',
      '@opentelemetry/sdk-logs': '^3.1.0',
      '@opentelemetry/exporter-logs-otlp-http': '~0.301.0',
    },
  },
  {
    name: 'sdk-logs 0.2xx',
    dependencies: {
      '@opentelemetry/api': '1.9.1',
      '@opentelemetry/api-logs': '0.223.1',
      '@opentelemetry/sdk-logs': '0.223.1',
      '@opentelemetry/exporter-logs-otlp-http': '0.223.1',
    },
  },
];

/** Both compilers that hosts have today. */
const COMPILERS = { typescript: '^7.0.2', 'typescript-5': 'npm:typescript@~5.9.3' };

/** Copies the project to the directory and installs the packed package and one line's packages into it. */
export async function makeHostProject(directory: string, tarball: string, line: HostLine): Promise<void> {
  await cp(join(import.meta.dirname, 'project'), directory, { recursive: true });
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { 'otel-session-logs': `file:${tarball}`, ...line.dependencies },
    devDependencies: { ...COMPILERS, '@types/node': '^20.19.43' },
  };
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest));
  // npm 10, which Node 20 and 22 bring, resolves peers by its own rules; what it would do is enough here.
  await refusePeerTrouble(['npx', '-y', 'npm@10', 'install', '--dry-run', '--no-audit', '--no-fund'], directory);
  await refusePeerTrouble(['npm', 'install', '--no-audit', '--no-fund'], directory);
  await run('npm', ['ls', '--all'], { cwd: directory });
}

/** An ERESOLVE fails by itself; npm only warns of a peer that it overrode or left unmet. */
async function refusePeerTrouble([command = '', ...args]: readonly string[], directory: string): Promise<void> {
  const { stderr } = await run(command, args, { cwd: directory });
  const trouble = stderr.split('\n').filter((line) => /ERESOLVE|peer/i.test(line));
  if (trouble.length > 0) throw new Error(`${args.join(' ')}:\n${trouble.join('\n')}`);
}

/** Compiles the project, strictly and with every declaration file checked, and leaves its programs in `built`. */
export async function compileHostProject(directory: string): Promise<void> {
  for (const compiler of Object.keys(COMPILERS)) {
    await run(process.execPath, [join('node_modules', compiler, 'bin', 'tsc')], { cwd: directory }).catch(
      (error: unknown) => {
        throw new Error(`${compiler}:\n${(error as { stdout: string }).stdout}`);
      },
    );
  }
}

/** Every name that a door exports has to occur in `surface.ts`: a new one is not left out in silence. */
export async function refuseUntestedNames(directory: string): Promise<void> {
  const surface = await readFile(join(directory, 'surface.ts'), 'utf8');
  const words = new Set(surface.match(/\w+/g));
  for (const door of ['index', 'redis', 'remote', 'testing']) {
    const file = join(directory, 'node_modules', 'otel-session-logs', 'dist', `${door}.d.ts`);
    const text = await readFile(file, 'utf8');
    const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)];
    const declared = [...text.matchAll(/^export (?:declare )?(?:class|const|function|interface|type) (\w+)/gm)];
    const names = [...lists, ...declared].flatMap(([, found = '']) => found.match(/\w+/g) ?? []);
    if (names.length === 0) throw new Error(`${file} exports nothing`);
    const left = names.filter((name) => !words.has(name));
    if (left.length > 0) throw new Error(`test/hosts/project/surface.ts leaves out ${left.join(', ')}`);
  }
}
