import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Page } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe-core finds wrong with the page, in lines; best practices count too. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  // The page's own policy lets no script in, so this one comes through the debugger.
  await page.evaluate(readFileSync(AXE, 'utf8'));
  return page.evaluate<string[]>(`axe.run(document).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => id + ': ' + help + ' at ' + target.join(' ') + ' ' + failureSummary)))`);
}
