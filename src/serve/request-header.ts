/** A header of a request of `node:http`, Express, Fastify or the web; `undefined` if there is none. */
export function headerOf(request: unknown, name: string): string | undefined {
  const { headers } = (request ?? {}) as { readonly headers?: unknown };
  if (typeof headers !== 'object' || headers === null) return undefined;
  const { get } = headers as Partial<Headers>;
  const value: unknown =
    typeof get === 'function' ? get.call(headers, name) : (headers as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : undefined;
}
