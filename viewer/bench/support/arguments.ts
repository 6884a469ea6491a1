import { keepFigures } from '../../../bench/docs-data.ts';

/** The arguments of a benchmark: numbers, and `--write`, in any order. */
const words = process.argv.slice(2);

export const numbers: readonly number[] = words.filter((word) => word !== '--write').map(Number);

export const isWritten: boolean = words.includes('--write');

/** With `--write`, docs/viewer.md gets the figure. @param row The first cell of its row. */
export function keepMeasured(row: string, measured: string): void {
  if (isWritten) keepFigures('viewer.json', row, { measured });
}
