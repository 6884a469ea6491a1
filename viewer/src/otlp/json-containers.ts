const [QUOTE, BACKSLASH, BRACE, BRACKET] = [0x22, 0x5c, 0x7b, 0x5b] as const;

/**
 * Whether JSON has more objects and lists than `max`. `JSON.parse` takes a second for a million of them, in which nothing else
 * gets a turn; counting ten million takes a tenth of that. The bytes need not be valid JSON.
 */
export function hasMoreContainers(json: Uint8Array, max: number): boolean {
  if (json.length <= max) return false;
  let count = 0;
  let isText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if ((byte === BRACE || byte === BRACKET) && (count += 1) > max) return true;
  }
  return false;
}
