import { loadedModules } from '../otel/application-modules.ts';
import type { LoadedModule } from '../otel/application-modules.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Loggers that an instrumentation can bring here, by the main file of their package. */
const LOGGERS: Readonly<Record<string, RegExp>> = {
  pino: /[\\/]node_modules[\\/]pino[\\/]pino\.js$/,
  winston: /[\\/]node_modules[\\/]winston[\\/]lib[\\/]winston\.js$/,
  bunyan: /[\\/]node_modules[\\/]bunyan[\\/]lib[\\/]bunyan\.js$/,
};

/**
 * The module in which the hook for ES modules, which all instrumentations share, keeps waiting hooks and imported
 * modules.
 */
const HOOK_REGISTRY = /[\\/]import-in-the-middle[\\/]lib[\\/]register\.js$/;

interface HookRegistry {
  readonly importHooks?: { readonly length: number };
  readonly specifiers?: ReadonlyMap<string, unknown>;
}

/**
 * Finds loggers that were loaded without their instrumentation: by `import` in a program without the loader hook, or
 * before the instrumentation.
 */
export function checkLoaderHook({ processor }: DiagnosisScene, report: DiagnosisReport): void {
  const modules = loadedModules();
  if (modules === undefined) return report.cannotCheck('instrumented loggers: this runtime does not show its modules');
  const seen = new Set(processor.router.scopes.list().map(({ name }) => name));
  const registries = modules
    .filter(({ path }) => HOOK_REGISTRY.test(path))
    .map(({ exports }) => exports as HookRegistry);
  const imported = registries.flatMap(({ specifiers }) => [...(specifiers?.keys() ?? [])]);
  const hasHook = imported.length > 0;
  const instrumented: string[] = [];
  for (const [name, file] of Object.entries(LOGGERS)) {
    const scope = `@opentelemetry/instrumentation-${name}`;
    const copies = modules.filter(({ path }) => file.test(path));
    const isWaitedFor = modules.some(({ path }) => path.replaceAll('\\', '/').includes(`/${scope}/`));
    if (copies.length === 0 || !(isWaitedFor || registries.some(isInUse))) continue;
    const isPatched =
      copies.some(wasRequiredThroughHook) ||
      imported.some((url) => url.includes(`/node_modules/${name}/`)) ||
      seen.has(scope);
    if (isPatched) instrumented.push(name);
    else if (isWaitedFor) findUnpatched(name, hasHook, report);
  }
  if (instrumented.length > 0) report.check(`instrumented loggers: ${instrumented.join(', ')}`);
}

function isInUse({ importHooks }: HookRegistry): boolean {
  return (importHooks?.length ?? 0) > 0;
}

/** `require-in-the-middle` leaves its result on the module. */
function wasRequiredThroughHook({ module }: LoadedModule): boolean {
  return Object.getOwnPropertySymbols(module).some(({ description }) => description === 'RitmExports');
}

function findUnpatched(name: string, hasHook: boolean, report: DiagnosisReport): void {
  report.find(
    'no_loader_hook',
    hasHook
      ? `${name} was loaded before its instrumentation, so what it logs does not reach the provider`
      : `${name} was loaded by \`import\` without the loader hook for ES modules, or before its instrumentation, so what it logs does not reach the provider`,
    hasHook
      ? `start the instrumentation first, in a file of its own: node --import ./instrumentation.mjs app.js`
      : "in a file for `node --import`, before the instrumentation: import { register } from 'node:module'; register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);",
  );
}
