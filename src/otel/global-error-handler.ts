import { esModuleOf, findPackages, importFile, loadedFile, resolveFrom } from './application-modules.ts';
import { lineOf } from './sdk-line.ts';

const CORE = '@opentelemetry/core';

/** The package that holds the handler. It keeps it to itself: there is no way to it but its own function. */
interface CoreModule {
  globalErrorHandler?(error: unknown): void;
}

/**
 * Gives a failure to OpenTelemetry's global error handler, as the SDK's own processors do. What is not set logs it to
 * `diag`. Where the application's copy of `@opentelemetry/core` cannot be found, as in a bundle, nothing is told.
 * Never rejects.
 */
export async function tellGlobalErrorHandler(error: unknown): Promise<void> {
  try {
    for await (const core of coreCopies()) core.globalErrorHandler?.(error ?? new Error('the export failed'));
  } catch {
    // It was reported to `diag` already.
  }
}

/** The copies of the application's SDK: from 3.x on a CommonJS and an ES module have a handler each. */
async function* coreCopies(): AsyncGenerator<CoreModule> {
  const sdk = findPackages('@opentelemetry/sdk-logs').find(({ version }) => lineOf(version) !== undefined);
  const path = sdk === undefined ? undefined : resolveFrom(sdk.path, CORE);
  if (path === undefined) return;
  // One that is not loaded has no handler of the application's.
  const required = loadedFile<CoreModule>(path);
  if (required !== undefined) yield required;
  const module = esModuleOf(path, CORE);
  if (module !== undefined && module !== path) yield await importFile<CoreModule>(module);
}
