/** The two lines of the OpenTelemetry SDK for JavaScript. */
export type OtelLine = '3.x' | '0.2xx';

/** Versions that belong together; docs/opentelemetry.md has the table. */
export const VERSIONS: Readonly<Record<OtelLine, { readonly sdk: string; readonly exporter: string }>> = {
  '3.x': { sdk: '^3.1.0', exporter: '^0.301.0' },
  '0.2xx': { sdk: '^0.223.1', exporter: '^0.223.1' },
};

/** The line of a version of the SDK or of an exporter; `undefined` if it is not supported. */
export function lineOf(version: string): OtelLine | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === 3 || (major === 0 && minor >= 300)) return '3.x';
  return major === 0 && minor >= 220 ? '0.2xx' : undefined;
}

/** The line for a version of its core, which the SDK's resource contains. */
export function lineOfCore(version: string): OtelLine | undefined {
  if (version.startsWith('3.')) return '3.x';
  return version.startsWith('2.') ? '0.2xx' : undefined;
}
