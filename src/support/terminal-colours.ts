/**
 * Whether lines on stdout may have colours: where `FORCE_COLOR` says so (`0` and `false` say no), else on a terminal,
 * unless `NO_COLOR` is set. `FORCE_COLOR` goes first, as in Node itself; a variable that is empty counts as not set.
 */
export function hasColours(): boolean {
  const forced = process.env['FORCE_COLOR'] ?? '';
  if (forced !== '') return forced !== '0' && forced !== 'false';
  const isPlain = (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';
  return process.stdout.isTTY && !isPlain;
}
