/**
 * Redaction by patterns, also where a secret is spread over several chunks.
 *
 * @module otel-session-logs/redaction
 */
export { patternRedaction } from './redact/pattern-redaction.ts';
export type { PatternRedaction, PatternRedactionOptions, RedactionPattern } from './redact/pattern-redaction.ts';
export type { WhenTooLong } from './redact/pattern-stage.ts';
