const INNER = Symbol.for('otel-session-logs.inner-parts.v1');
const holder = globalThis as { [INNER]?: WeakMap<object, object> };
/** One for all copies of this package in the process, and no part of what applications use. */
const innerOf = (holder[INNER] ??= new WeakMap());

/** A processor, or an exporter, says which one does the work behind it. */
export function tellInner(outer: object, inner: object): void {
  innerOf.set(outer, inner);
}

/** The processor, or exporter, that does the work behind one of this package; itself when nothing is known of it. */
export function innermost(outer: unknown): unknown {
  const inner = typeof outer === 'object' && outer !== null ? innerOf.get(outer) : undefined;
  return inner === undefined ? outer : innermost(inner);
}
