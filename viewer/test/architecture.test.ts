import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { circleIn, readImportGraph } from '../../test/support/import-graph.ts';

/** The rooms from top to bottom, as ARCHITECTURE.md has them. Rooms side by side do not see each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['cli.ts', 'index.ts'],
  ['session-viewer.ts'],
  ['dev'],
  ['receive', 'sources', 'serve'],
  ['otlp'],
  ['model'],
  ['web'],
  ['formats.ts'],
];

const graph = readImportGraph(fileURLToPath(new URL('../src', import.meta.url)));

function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function floorOf(file: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
}

it('has no file outside of the rooms', () => {
  expect([...graph.keys()].filter((file) => floorOf(file) === -1)).toEqual([]);
});

it('imports go down, and not to the side', () => {
  const wrong = [...graph].flatMap(([file, targets]) =>
    targets
      .filter(
        (target) => !target.startsWith('..') && roomOf(target) !== roomOf(file) && floorOf(target) <= floorOf(file),
      )
      .map((target) => `${file} -> ${target}`),
  );
  expect(wrong).toEqual([]);
});

it('only formats.ts imports from the main package', () => {
  const outside = [...graph].filter(([, targets]) => targets.some((target) => target.startsWith('..')));
  expect(outside.map(([file]) => file)).toEqual(['formats.ts']);
});

it('has no circle of imports', () => {
  expect(circleIn(graph)).toBeUndefined();
});
