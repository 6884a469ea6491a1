import { describe, expect, it } from 'vitest';

import {
  earlierWindow,
  grownWindow,
  laterWindow,
  newestWindow,
  placesIn,
  windowAround,
} from '../../page/src/pane/window.ts';
import type { ShownWindow } from '../../page/src/pane/window.ts';
import type { BlockChange } from '../../src/serve/protocol.ts';

/** Blocks with odd ids: those of other sessions lie between. */
function blocks(count: number): BlockChange[] {
  return Array.from({ length: count }, (_, at) => ({ id: at * 2 + 1 }) as BlockChange);
}

describe('the blocks that are in the document', () => {
  it('are the newest at first, and those that come', () => {
    const shown = newestWindow(blocks(1_000));
    expect(placesIn(blocks(1_000), shown)).toEqual([920, 1_000]);
    expect(placesIn(blocks(1_050), grownWindow(blocks(1_050), shown, true))).toEqual([920, 1_050]);
    expect(placesIn([], newestWindow([]))).toEqual([0, 0]);
  });

  it('stay a few hundred: at the end the oldest go', () => {
    const shown = newestWindow(blocks(1_000));
    expect(placesIn(blocks(2_000), grownWindow(blocks(2_000), shown, true))).toEqual([1_920, 2_000]);
  });

  it('stay a few hundred: farther up the newest are left out', () => {
    const all = blocks(2_000);
    const [from, to] = placesIn(all, grownWindow(all, newestWindow(blocks(1_000)), false));
    expect([from, to]).toEqual([920, 1_180]);
  });

  it('walk to the oldest and back to the newest, overlapping at each step', () => {
    const all = blocks(5_000);
    let shown: ShownWindow = newestWindow(all);
    for (let steps = 0; steps < 200 && placesIn(all, shown)[0] > 0; steps += 1) {
      const before = placesIn(all, shown);
      shown = earlierWindow(all, shown);
      const [from, to] = placesIn(all, shown);
      expect(from).toBeLessThan(before[0]);
      expect(to).toBeGreaterThan(before[0]);
      expect(to - from).toBeLessThanOrEqual(260);
    }
    expect(placesIn(all, shown)[0]).toBe(0);
    for (let steps = 0; steps < 200 && shown.last !== undefined; steps += 1) {
      const before = placesIn(all, shown);
      shown = laterWindow(all, shown);
      const [from, to] = placesIn(all, shown);
      expect(to).toBeGreaterThan(before[1]);
      expect(from).toBeLessThan(before[1]);
      expect(to - from).toBeLessThanOrEqual(260);
    }
    expect(placesIn(all, shown)[1]).toBe(5_000);
  });

  it('stay the same when older ones come', () => {
    const shown = newestWindow(blocks(1_000).slice(500));
    expect(placesIn(blocks(1_000), shown)).toEqual([920, 1_000]);
  });

  it('surround a block that is looked for', () => {
    const [from, to] = placesIn(blocks(1_000), windowAround(blocks(1_000), 401));
    expect([from, to]).toEqual([140, 260]);
  });
});
