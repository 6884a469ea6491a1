export { patternRedaction } from './redact/pattern-redaction.ts';
export type { PatternRedaction, PatternRedactionOptions, RedactionPattern } from './redact/pattern-redaction.ts';
export type { WhenTooLong } from './redact/pattern-stage.ts';
