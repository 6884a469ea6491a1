import { diag, DiagLogLevel } from '@opentelemetry/api';
import { afterEach, beforeEach } from 'vitest';

import { forgetReports } from '../../src/support/reporter.ts';

/** Collects what the tests of a suite report to OpenTelemetry's `diag`, and empties itself before each. */
export function recordDiagnostics(): { readonly lines: string[] } {
  const lines: string[] = [];
  const add =
    (level: string) =>
    (...parts: unknown[]): void => {
      lines.push([level, ...parts.map((part) => (part instanceof Error ? part.message : String(part)))].join(' '));
    };
  beforeEach(() => {
    lines.length = 0;
    forgetReports();
    diag.setLogger(
      { error: add('error'), warn: add('warn'), info: add('info'), debug: () => {}, verbose: () => {} },
      { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
    );
  });
  afterEach(() => diag.disable());
  return { lines };
}
