/**
 * How often a property is tried, as options of `fc.assert`. The tests walk the same cases each time, so that a change
 * that fails is at fault itself; `npm run soak:properties` looks for new ones, many times over.
 */
export function runs(count: number): { readonly numRuns: number; readonly seed?: number } {
  const factor = Number(process.env['PROPERTY_RUNS'] ?? 0);
  return factor > 0 ? { numRuns: count * factor } : { numRuns: count, seed: 1 };
}
