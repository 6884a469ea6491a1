import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** Of each file what it imports: paths below one folder, with `/`. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** Reads the TypeScript files of a folder, and which of each other they import. */
export function readImportGraph(folder: string): ImportGraph {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  return new Map(
    files
      .filter((file) => file.endsWith('.ts'))
      .sort()
      .map((file) => {
        const specifiers = relativeImports(readFileSync(`${folder}/${file}`, 'utf8'));
        return [file, specifiers.map((specifier) => posix.join(posix.dirname(file), specifier))];
      }),
  );
}

// A string is matched so that what looks like a comment inside it is none.
const COMMENT_OR_STRING = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g;
const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*(['"])(\.{1,2}\/[^'"]*)\1/g;

/** The relative specifiers of `import`, `import type`, `export ... from` and `import()` in a module, each once. */
export function relativeImports(code: string): string[] {
  const withoutComments = code.replace(COMMENT_OR_STRING, (match) => (match.startsWith('/') ? ' ' : match));
  return [...new Set([...withoutComments.matchAll(RELATIVE_IMPORT)].map((match) => match[2] as string))];
}

/** A circle of imports, its first member again at its end; `undefined` when there is none. */
export function circleIn(graph: ImportGraph): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    path.push(node);
    for (const target of graph.get(node) ?? []) {
      const circle = visit(target);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const circle = visit(node);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
