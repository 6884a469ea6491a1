/** Where the documents are: in the package, whose `docs` folder has them. The one place to name a site in. */
const DOCS_BASE = 'otel-session-logs/docs/';

const LITERAL = DOCS_BASE.replaceAll(/[.*+?^${}()|[\]\\/]/gu, String.raw`\$&`);

/** What a message ends with. One that quotes another message says its own. */
const ADDRESS = new RegExp(String.raw` \(docs: ${LITERAL}[^)]*\)`, 'gu');

/** The message, with where the documents say more. Codes and options all have an anchor on one page. */
export function withAddress(message: string, anchor: string): string {
  return `${message.replaceAll(ADDRESS, '')} (docs: ${DOCS_BASE}run.md#${anchor})`;
}
