import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const MAX_COLORS = 256;

/**
 * Gives a PNG of Chromium (8 bits a channel, RGB or RGBA) a palette: its 256 most frequent colours. Every other colour becomes the
 * nearest of these. That takes a third of the size: a screen of text has a few colours and their shades.
 */
export function smallPng(png: Buffer): Buffer {
  const { width, height, pixels } = decoded(png);
  const counts = new Map<number, number>();
  for (const color of pixels) counts.set(color, (counts.get(color) ?? 0) + 1);
  const palette = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, MAX_COLORS);
  const colors = palette.map(([color]) => color);
  const places = new Map([...counts.keys()].map((color) => [color, nearest(color, colors)]));
  const lines = Buffer.alloc((width + 1) * height);
  // The first byte of a line is its filter: none, which packs best with a palette.
  pixels.forEach((color, at) => lines.writeUInt8(places.get(color) ?? 0, at + Math.floor(at / width) + 1));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const table = Buffer.from(colors.flatMap((color) => [color >> 16, (color >> 8) & 255, color & 255]));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', table),
    chunk('IDAT', deflateSync(lines, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function nearest(color: number, colors: readonly number[]): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const [at, other] of colors.entries()) {
    const [red, green, blue] = [
      (color >> 16) - (other >> 16),
      ((color >> 8) & 255) - ((other >> 8) & 255),
      (color & 255) - (other & 255),
    ];
    const distance = red * red + green * green + blue * blue;
    if (distance < least) [best, least] = [at, distance];
  }
  return best;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The colours of a picture, line by line: https://www.w3.org/TR/png-3/#9Filters. */
function decoded(png: Buffer): { readonly width: number; readonly height: number; readonly pixels: Uint32Array } {
  const parts: Buffer[] = [];
  for (let at = SIGNATURE.length; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const [width, height, depth, type] = [png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]];
  if (depth !== 8 || (type !== 2 && type !== 6))
    throw new Error(`expected a PNG of depth 8 and type 2 or 6, got depth ${depth} and type ${type}`);
  const channels = type === 2 ? 3 : 4;
  const stride = width * channels;
  const raw = inflateSync(Buffer.concat(parts));
  const bytes = Buffer.alloc(stride * height);
  for (let line = 0; line < height; line += 1) {
    const filter = raw[line * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = line * stride + x;
      const left = x >= channels ? (bytes[at - channels] as number) : 0;
      const up = line > 0 ? (bytes[at - stride] as number) : 0;
      const corner = x >= channels && line > 0 ? (bytes[at - stride - channels] as number) : 0;
      const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      bytes[at] = ((raw[line * (stride + 1) + 1 + x] as number) + predicted) & 255;
    }
  }
  const pixels = new Uint32Array(width * height);
  for (let at = 0; at < pixels.length; at += 1) {
    const [red = 0, green = 0, blue = 0] = bytes.subarray(at * channels, at * channels + 3);
    pixels[at] = (red << 16) | (green << 8) | blue;
  }
  return { width, height, pixels };
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
