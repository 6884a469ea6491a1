/**
 * Whether lines on stdout may have colours: as `FORCE_COLOR` says (`0` and `false` mean no), else on a terminal unless
 * `NO_COLOR` is set. `FORCE_COLOR` takes precedence, as in Node itself; an empty variable counts as not set.
 */
export function hasColours(): boolean {
  const forced = process.env['FORCE_COLOR'] ?? '';
  if (forced !== '') return forced !== '0' && forced !== 'false';
  const isPlain = (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';
  return process.stdout.isTTY && !isPlain;
}
