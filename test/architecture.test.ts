import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { circleIn, readImportGraph, relativeImports } from './support/import-graph.ts';
import type { ImportGraph } from './support/import-graph.ts';

/** What `exports` and `bin` of package.json name: the only files in the root of src. Nothing imports them. */
const DOORS = [
  'index.ts',
  'export.ts',
  'redaction.ts',
  'redis.ts',
  'register.ts',
  'remote.ts',
  'testing.ts',
  'edge.ts',
  'cli.ts',
];

/** The rooms from top to bottom. A file imports rooms on floors below its own; rooms side by side do not see each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['start'],
  ['facade'],
  ['diagnose'],
  ['write', 'serve'],
  ['route', 'read'],
  ['store', 'export'],
  ['entry', 'redact'],
  ['otel'],
  ['support'],
];

/** What the floors would allow. */
const FORBIDDEN: readonly { readonly from: string; readonly to: string; readonly because: string }[] = [
  { from: 'write', to: 'read', because: 'writing knows nothing of reading' },
  { from: 'store/remote', to: 'store/redis', because: 'what all engines have in common knows none of them' },
  { from: 'store', to: 'otel', because: 'a store is written without knowing OpenTelemetry' },
];

/** Who knows a store by name: everything else is given one. */
const STORES: Readonly<Record<string, readonly string[]>> = {
  'store/memory': ['index.ts', 'facade'],
  'store/redis': ['redis.ts'],
  'store/remote': ['remote.ts', 'store/redis', 'store/contract'],
};

/** Each answers with what breaks it: the file, the import and why. */
const RULES: Readonly<Record<string, (graph: ImportGraph) => string[]>> = {
  'every import leads to a file of src': (graph) =>
    importsWhere(graph, (_, to) => (graph.has(to) ? undefined : 'there is no such file')),

  'only doors lie in the root of src, and every folder is a room': (graph) =>
    [...graph.keys()]
      .filter((file) => !DOORS.includes(file) && floorOf(file) === -1)
      .map((file) =>
        file.includes('/')
          ? `src/${file}: \`${roomOf(file)}\` is no room of FLOORS`
          : `src/${file}: only ${DOORS.join(', ')} lie in the root of src`,
      ),

  'nothing imports a door': (graph) =>
    importsWhere(graph, (_, to) => (DOORS.includes(to) ? 'a door is for users of the package' : undefined)),

  'imports between rooms go down': (graph) =>
    importsWhere(graph, (from, to) => {
      if (DOORS.includes(from) || DOORS.includes(to) || roomOf(from) === roomOf(to)) return undefined;
      if (floorOf(from) < floorOf(to)) return undefined;
      const order = FLOORS.map((rooms) => rooms.join(', ')).join(' > ');
      return `${roomOf(from)} may import only what is below it in ${order}`;
    }),

  'some rooms do not know some below them': (graph) =>
    importsWhere(graph, (from, to) => {
      const rule = FORBIDDEN.find((each) => isIn(from, each.from) && isIn(to, each.to));
      return rule && `${rule.from} never imports ${rule.to}: ${rule.because}`;
    }),

  'a store is given, never chosen': (graph) =>
    importsWhere(graph, (from, to) => {
      const [store, knowing] = Object.entries(STORES).find(([folder]) => isIn(to, folder)) ?? [];
      if (store === undefined || knowing === undefined) return undefined;
      if (isIn(from, store) || knowing.some((each) => from === each || isIn(from, each))) return undefined;
      return `only ${knowing.join(', ')} know ${store}; let it be given`;
    }),

  'no circle between folders, also inside a room': (graph) => {
    const folders = new Map<string, string[]>();
    for (const [from, targets] of graph) {
      const others = targets.map((to) => posix.dirname(to)).filter((folder) => folder !== posix.dirname(from));
      folders.set(posix.dirname(from), [...(folders.get(posix.dirname(from)) ?? []), ...others]);
    }
    const circle = circleIn(folders) ?? [];
    return circle.slice(1).map((to, index) => {
      const from = circle[index] as string;
      const [example] = importsWhere(graph, (file, target) =>
        posix.dirname(file) === from && posix.dirname(target) === to
          ? `src/${from} and src/${to} are on a circle (${circle.join(' -> ')})`
          : undefined,
      );
      return example as string;
    });
  },

  'no circle between files, types included': (graph) => {
    const circle = circleIn(graph);
    return circle === undefined ? [] : [circle.map((file) => `src/${file}`).join(' imports ')];
  },
};

function importsWhere(graph: ImportGraph, reasonOf: (from: string, to: string) => string | undefined): string[] {
  const broken: string[] = [];
  for (const [from, targets] of graph) {
    for (const to of targets) {
      const reason = reasonOf(from, to);
      if (reason !== undefined) broken.push(`src/${from} imports src/${to}: ${reason}`);
    }
  }
  return broken;
}

function roomOf(file: string): string {
  return file.slice(0, file.indexOf('/'));
}

function floorOf(file: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
}

function isIn(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}

describe('the rooms of src', () => {
  const graph = readImportGraph(fileURLToPath(new URL('../src', import.meta.url)));

  it.each(Object.entries(RULES))('%s', (_, violations) => {
    expect(violations(graph)).toEqual([]);
  });

  it('each room is there', () => {
    expect([...new Set([...graph.keys()].filter((file) => file.includes('/')).map(roomOf))].sort()).toEqual(
      FLOORS.flat().sort(),
    );
  });
});

describe('what a broken rule says', () => {
  const broken = (rule: keyof typeof RULES, imports: Readonly<Record<string, readonly string[]>>): string[] =>
    RULES[rule]?.(new Map(Object.entries(imports))) ?? ['there is no such rule'];

  it.each<[keyof typeof RULES, Record<string, string[]>, string]>([
    [
      'every import leads to a file of src',
      { 'read/a.ts': ['entry/b.ts'] },
      'src/read/a.ts imports src/entry/b.ts: there is no such file',
    ],
    [
      'only doors lie in the root of src, and every folder is a room',
      { 'index.ts': [], 'within.ts': [], 'read/a.ts': [] },
      'src/within.ts: only index.ts, export.ts, redaction.ts, redis.ts, register.ts, remote.ts, testing.ts, edge.ts, cli.ts lie in the root of src',
    ],
    [
      'only doors lie in the root of src, and every folder is a room',
      { 'utils/a.ts': [], 'export/file/a.ts': [] },
      'src/utils/a.ts: `utils` is no room of FLOORS',
    ],
    [
      'nothing imports a door',
      { 'read/a.ts': ['index.ts'], 'index.ts': ['read/b.ts'] },
      'src/read/a.ts imports src/index.ts: a door is for users of the package',
    ],
    [
      'imports between rooms go down',
      { 'otel/a.ts': ['store/b.ts', 'support/c.ts'] },
      'src/otel/a.ts imports src/store/b.ts: otel may import only what is below it in start > facade > diagnose > write, serve > route, read > store, export > entry, redact > otel > support',
    ],
    [
      'imports between rooms go down',
      { 'export/otlp/a.ts': ['store/b.ts', 'export/file/b.ts'], 'read/a.ts': ['store/b.ts'] },
      'src/export/otlp/a.ts imports src/store/b.ts: export may import only what is below it in start > facade > diagnose > write, serve > route, read > store, export > entry, redact > otel > support',
    ],
    [
      'some rooms do not know some below them',
      { 'store/redis/a.ts': ['otel/b.ts', 'entry/c.ts'], 'entry/c.ts': ['otel/b.ts'] },
      'src/store/redis/a.ts imports src/otel/b.ts: store never imports otel: a store is written without knowing OpenTelemetry',
    ],
    [
      'some rooms do not know some below them',
      { 'store/remote/a.ts': ['store/redis/b.ts', 'entry/c.ts'], 'store/redis/b.ts': ['store/remote/c.ts'] },
      'src/store/remote/a.ts imports src/store/redis/b.ts: store/remote never imports store/redis: what all engines have in common knows none of them',
    ],
    [
      'a store is given, never chosen',
      {
        'redis.ts': ['store/redis/a.ts'],
        'facade/a.ts': ['store/memory/b.ts'],
        'route/a.ts': ['store/a.ts', 'store/memory/b.ts'],
      },
      'src/route/a.ts imports src/store/memory/b.ts: only index.ts, facade know store/memory; let it be given',
    ],
    [
      'no circle between files, types included',
      { 'read/a.ts': ['read/b.ts'], 'read/b.ts': ['read/c.ts'], 'read/c.ts': ['read/b.ts'] },
      'src/read/b.ts imports src/read/c.ts imports src/read/b.ts',
    ],
  ])('%s: %o', (rule, imports, message) => {
    expect(broken(rule, imports)).toEqual([message]);
  });

  it('a circle between folders is told with one import of each', () => {
    const imports = {
      'export/spool/a.ts': ['export/spool/codec/b.ts'],
      'export/spool/codec/b.ts': ['export/spool/codec/c.ts'],
      'export/spool/codec/c.ts': ['export/spool/d.ts'],
      'export/spool/d.ts': [],
    };
    const circle = '(export/spool -> export/spool/codec -> export/spool)';
    expect(broken('no circle between folders, also inside a room', imports)).toEqual([
      `src/export/spool/a.ts imports src/export/spool/codec/b.ts: src/export/spool and src/export/spool/codec are on a circle ${circle}`,
      `src/export/spool/codec/c.ts imports src/export/spool/d.ts: src/export/spool/codec and src/export/spool are on a circle ${circle}`,
    ]);
  });
});

it('an import is found however it is written', () => {
  const code = `
    import { a } from './a.ts';
    import type { B } from "./b.ts";
    import c, {
      d,
    } from '../c.ts';
    import './side-effect.ts';
    export * from './e.ts';
    export type { F } from './f.ts';
    const g = await import('./g.ts');
    type H = import('./h.ts').H;
    import { a as again } from './a.ts';
    import * as z from 'zod';
    // import { no } from './comment.ts';
    /** import { no } from './docs.ts'; */
    const url = 'https://example.org'; import { i } from './i.ts';
  `;
  const found = ['a', 'b', '../c', 'side-effect', 'e', 'f', 'g', 'h', 'i'];
  expect(relativeImports(code)).toEqual(found.map((name) => `${name.startsWith('.') ? name : `./${name}`}.ts`));
});
