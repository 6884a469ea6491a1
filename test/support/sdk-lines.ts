import { createRequire } from 'node:module';

import * as newerSdk from '@opentelemetry/sdk-logs';

/** The logs SDK as both lines have it. */
export type LogsSdkModule = Pick<
  typeof newerSdk,
  'BatchLogRecordProcessor' | 'InMemoryLogRecordExporter' | 'LoggerProvider' | 'SimpleLogRecordProcessor'
>;

/** One of the two lines of the OpenTelemetry SDK, as installed for tests. */
export interface SdkLine {
  readonly name: '3.x' | '0.2xx';
  readonly sdk: LogsSdkModule;
  /** `require` as a program of that line has it. */
  readonly require: NodeJS.Require;
}

export type Provider = InstanceType<LogsSdkModule['LoggerProvider']>;
export type ProviderOptions = NonNullable<ConstructorParameters<LogsSdkModule['LoggerProvider']>[0]>;
export type Processor = NonNullable<ProviderOptions['processors']>[number];

/** A processor of the application's that does nothing else. */
export function processorThat(onEmit: Processor['onEmit']): Processor {
  return { onEmit, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
}

const requireOlder = createRequire(new URL('../lines/sdk-0.2xx/package.json', import.meta.url));
const requireNewer = createRequire(import.meta.url);

if (requireOlder('@opentelemetry/sdk-logs') === requireNewer('@opentelemetry/sdk-logs')) {
  throw new Error('the older line is not installed: `npm ci` in the root installs both');
}

export const newerLine: SdkLine = {
  name: '3.x',
  sdk: newerSdk,
  require: requireNewer,
};

export const olderLine: SdkLine = {
  name: '0.2xx',
  sdk: requireOlder('@opentelemetry/sdk-logs') as LogsSdkModule,
  require: requireOlder,
};

/** For `describe.each`. */
export const sdkLines: readonly (readonly [string, SdkLine])[] = [
  [newerLine.name, newerLine],
  [olderLine.name, olderLine],
];
