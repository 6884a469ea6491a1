import { esModuleOf, findPackages, importFile, loadedFile, resolveFrom } from './application-modules.ts';
import { lineOf } from './sdk-line.ts';

const CORE = '@opentelemetry/core';

/** The package that holds the handler, which only its own function can reach. */
interface CoreModule {
  globalErrorHandler?(error: unknown): void;
}

/**
 * Passes a failure to OpenTelemetry's global error handler, as the SDK's own processors do; the default handler logs it
 * to `diag`. Does nothing if the application's copy of `@opentelemetry/core` cannot be found, as in a bundle. Never
 * rejects.
 */
export async function tellGlobalErrorHandler(error: unknown): Promise<void> {
  try {
    for await (const core of coreCopies()) core.globalErrorHandler?.(error ?? new Error('the export failed'));
  } catch {
    // It was already reported to `diag`.
  }
}

/** The copies of the application's SDK: from 3.x on, the CommonJS and the ES module each have a handler. */
async function* coreCopies(): AsyncGenerator<CoreModule> {
  const sdk = findPackages('@opentelemetry/sdk-logs').find(({ version }) => lineOf(version) !== undefined);
  const path = sdk === undefined ? undefined : resolveFrom(sdk.path, CORE);
  if (path === undefined) return;
  // A copy that is not loaded has no handler of the application.
  const required = loadedFile<CoreModule>(path);
  if (required !== undefined) yield required;
  const module = esModuleOf(path, CORE);
  if (module !== undefined && module !== path) yield await importFile<CoreModule>(module);
}
