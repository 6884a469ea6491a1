/** Row 18: what redaction by patterns adds to the write of a chunk. */
import {
  CREDIT_CARD_NUMBER_PATTERN,
  EMAIL_ADDRESS_PATTERN,
  JWT_PATTERN,
  KR_RRN_PATTERN,
  US_SSN_PATTERN,
} from '@logtape/redaction';

import type { SessionLogs } from '../dist/index.js';
import { patternRedaction } from '../dist/redaction.js';
import { costOf, full, keep, pair } from './harness.ts';
import type { Row } from './harness.ts';

const PATTERNS = [EMAIL_ADDRESS_PATTERN, CREDIT_CARD_NUMBER_PATTERN, JWT_PATTERN, US_SSN_PATTERN, KR_RRN_PATTERN];
const TEXT =
  'The session is one append-only log, and a reader holds nothing but a position in it. So a page that reloads in ' +
  'mid-answer goes on at the very next token, two tabs see the same stream, and a slow one cannot hold up the rest. ';
/** 4.4 characters on average, as tokenizers cut English. */
const TOKENS = TEXT.repeat(12).match(/ ?\w{1,5}|[^\w]/g) ?? [];
const ANSWERS = full(100);

function answer(sessions: SessionLogs, n: number): void {
  const id = `session-${n % 20}`;
  void sessions.logChunkToQueue('<start>', id);
  for (const token of TOKENS) void sessions.logChunkToQueue(token, id);
  void sessions.logChunkToQueue('</end>', id);
}

function costIn(sessions: SessionLogs): () => Promise<number> {
  keep(sessions);
  return () =>
    costOf(ANSWERS * TOKENS.length, () => {
      for (let n = 0; n < ANSWERS; n += 1) answer(sessions, n);
    });
}

export const rows: readonly Row[] = [
  {
    row: 18,
    what: 'a token of ordinary English written, without a provider, redacted by five patterns',
    unit: 'ns',
    async ours(build) {
      const { SessionLogs: Sessions } = await build.main();
      const redacting = new Sessions({ redact: patternRedaction(PATTERNS) });
      return pair(costIn(redacting), costIn(new Sessions()));
    },
    base: 'not redacted',
  },
];
