const INNER = Symbol.for('otel-session-logs.inner-parts.v1');
const holder = globalThis as { [INNER]?: WeakMap<object, object> };
/** Shared by all copies of this package in the process, and not a part of the public interface. */
const innerOf = (holder[INNER] ??= new WeakMap());

/** Registers which processor or exporter does the work behind another one. */
export function tellInner(outer: object, inner: object): void {
  innerOf.set(outer, inner);
}

/** The processor or exporter that does the work behind one of this package; itself if none is known. */
export function innermost(outer: unknown): unknown {
  const inner = typeof outer === 'object' && outer !== null ? innerOf.get(outer) : undefined;
  return inner === undefined ? outer : innermost(inner);
}
