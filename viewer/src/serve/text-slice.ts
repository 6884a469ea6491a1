const COUNT = new Intl.NumberFormat('en');

/** A slice of a text that begins and ends with whole characters: half of a surrogate pair would become another character. */
export function wholeSlice(text: string, from: number, to: number): string {
  return text.slice(isInPair(text, from) ? from + 1 : from, isInPair(text, to) ? to - 1 : to);
}

/** The text, or if it is too long its beginning and its end, with a sentence between them that says how much is left out. */
export function withoutMiddle(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const half = Math.floor(maxChars / 2);
  const [head, tail] = [wholeSlice(text, 0, half), wholeSlice(text, text.length - half, text.length)];
  const left = COUNT.format(text.length - head.length - tail.length);
  return `${head}…\n\n[${left} characters are left out here]\n\n…${tail}`;
}

function isInPair(text: string, at: number): boolean {
  return at > 0 && at < text.length && isSurrogate(text, at - 1, 0xd8) && isSurrogate(text, at, 0xdc);
}

/** @param kind The kind in the high byte: 0xd8 for the first half of a pair, 0xdc for the second. */
function isSurrogate(text: string, at: number, kind: number): boolean {
  return ((text.charCodeAt(at) >> 8) & 0xfc) === kind;
}
