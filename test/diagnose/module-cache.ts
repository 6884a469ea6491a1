import { createRequire, Module } from 'node:module';

import { onTestFinished } from 'vitest';

const { cache } = createRequire(import.meta.url);

/**
 * Lets a test load modules as if nothing had loaded those with such a path before. Afterwards the modules that were
 * loaded are the same as before, and what instrumentations patch is.
 */
export function withFreshModules(pattern: RegExp): void {
  const put = [replacing(Module.prototype, 'require'), replacing(process, 'getBuiltinModule')];
  const before = Object.entries(cache).filter(([path]) => pattern.test(path));
  for (const [path] of before) Reflect.deleteProperty(cache, path);
  const others = new Set(Object.keys(cache));
  onTestFinished(() => {
    for (const putBack of put) putBack();
    for (const path of Object.keys(cache)) if (!others.has(path)) Reflect.deleteProperty(cache, path);
    Object.assign(cache, Object.fromEntries(before));
  });
}

/** Returns what restores a member as it is now. */
function replacing(on: object, name: string): () => void {
  const before = Object.getOwnPropertyDescriptor(on, name);
  return () => {
    if (before === undefined) Reflect.deleteProperty(on, name);
    else Object.defineProperty(on, name, before);
  };
}
