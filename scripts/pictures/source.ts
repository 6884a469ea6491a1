import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SRC = join(import.meta.dirname, '..', '..', 'src');

/**
 * The path of a source file, when what is said of it is still true: it is there and has all those names.
 *
 * @throws Error otherwise: then the picture has to be looked at.
 */
export function sourceOf(path: string, ...names: readonly string[]): string {
  const text = readFileSync(join(SRC, path), 'utf8');
  for (const name of names) {
    if (!text.includes(name)) throw new Error(`src/${path} has no \`${name}\`: see who draws it in scripts/pictures`);
  }
  return path;
}

/** A number that a source file gives that constant. */
export function numberIn(path: string, name: string): number {
  const [, digits] =
    new RegExp(String.raw`\b${name}(?:: number)? = ([\d_ *]+);`, 'u').exec(readFileSync(join(SRC, path), 'utf8')) ?? [];
  if (digits === undefined)
    throw new Error(`src/${path} gives no number to ${name}: see who draws it in scripts/pictures`);
  return digits
    .replaceAll('_', '')
    .split('*')
    .reduce((product, factor) => product * Number(factor), 1);
}

/** The folders of `src`. */
export function rooms(): string[] {
  return readdirSync(SRC, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
