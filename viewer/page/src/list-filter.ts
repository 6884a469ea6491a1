import type { View } from './address.ts';

/** Which sessions a view lists, as parameters for the server. */
export function listFilter({ search, states, kinds, source, sort }: View): URLSearchParams {
  const query = new URLSearchParams({ search, sort, state: states.join(','), kind: kinds.join(',') });
  if (source !== undefined) query.set('source', String(source));
  return query;
}
