import { chunkWay } from './chunk-way.ts';
import { dataFlow } from './data-flow.ts';
import { draw } from './draw.ts';
import { spoolLife } from './spool-life.ts';
import { SCHEMES } from './theme.ts';

const DIAGRAMS = { 'data-flow': dataFlow, 'chunk-way': chunkWay, 'spool-life': spoolLife };

/** The diagrams by the names of their files, as they are now. */
export async function diagrams(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [name, diagram] of Object.entries(DIAGRAMS)) {
    for (const scheme of SCHEMES) files.set(`${name}-${scheme}.svg`, await draw(diagram(), scheme));
  }
  return files;
}
