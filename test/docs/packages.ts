import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { HOST_LINES } from '../hosts/host-project.ts';
import { PACKAGES, PAGE as SERVERS_PAGE, SERVERS } from '../set-ups/server-recipes.ts';
import { PACKAGES_OF, PAGE as SET_UPS_PAGE } from '../set-ups/setup-recipes.ts';

export type Packages = Readonly<Record<string, string>>;

const ROOT = join(import.meta.dirname, '..', '..');

interface Manifest {
  readonly dependencies?: Packages;
  readonly devDependencies?: Packages;
}

/** What has no declarations of its own. */
const DECLARATIONS: Packages = { '@types/react': '^19.2.0', '@types/koa': '^3.0.0', '@types/ws': '^8.0.0' };
const MANIFESTS = ['package.json', 'examples/chat-hono/package.json', 'examples/chat-next/package.json'];

function versions(): Packages {
  const manifests = MANIFESTS.map((path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest);
  const all = manifests.flatMap(({ dependencies, devDependencies }) => [devDependencies, dependencies]);
  return Object.assign({}, ...all.toReversed(), DECLARATIONS, PACKAGES, HOST_LINES[0]?.dependencies) as Packages;
}

/** Of the packages that pages import, and their declarations, the versions to install: the latest of what only pages import. */
export function versionsOf(names: Iterable<string>): Packages {
  const known = versions();
  const wanted: [string, string][] = [];
  for (const name of names) {
    wanted.push([name, known[name] ?? 'latest']);
    const declarations = `@types/${name}`;
    if (known[declarations] !== undefined) wanted.push([declarations, known[declarations]]);
  }
  return Object.fromEntries(wanted.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

interface OwnPackages {
  /** What stands for them in a path. */
  readonly folder: string;
  readonly dependencies: Packages;
}

/** AI SDK 7 needs Node 22 to run; its declarations do not. */
const AI_SDK_7 = { folder: 'ai-sdk-7', dependencies: { ai: '^7.0.0' } };

/** A block that needs other versions than the rest of the pages: it is compiled with packages of its own. */
export function ownPackages(page: string, heading: string, file: string | undefined): OwnPackages | undefined {
  if (file?.includes('ai-sdk-7') === true) return AI_SDK_7;
  const dependencies =
    page === `docs/${SET_UPS_PAGE}`
      ? PACKAGES_OF.get(heading)
      : page === `docs/${SERVERS_PAGE}`
        ? SERVERS.find((server) => server.heading === heading)?.packages
        : undefined;
  return dependencies === undefined ? undefined : { folder: heading, dependencies };
}
