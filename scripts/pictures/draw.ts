import type { Diagram } from './diagram.ts';
import { layOut, SIZES } from './layout.ts';
import type { Layout, PlacedArrow, PlacedBox, Point } from './layout.ts';
import { escapeXml, MONO, SANS, THEMES } from './theme.ts';
import type { Scheme, Theme } from './theme.ts';

const MARGIN = 8;
const ARROW_HEAD = 8;

/** The diagram as an SVG that loads nothing. */
export async function draw(diagram: Diagram, scheme: Scheme): Promise<string> {
  return toSvg(await layOut(diagram), diagram.description, THEMES[scheme]);
}

function toSvg({ width, height, boxes, arrows }: Layout, description: string, theme: Theme): string {
  const [w, h] = [Math.ceil(width + 2 * MARGIN), Math.ceil(height + 2 * MARGIN)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" font-family="${SANS}">`,
    `<title>${escapeXml(description)}</title>`,
    `<rect width="${w}" height="${h}" rx="8" fill="${theme.page}"/>`,
    `<g transform="translate(${MARGIN} ${MARGIN})" text-anchor="middle">`,
    ...arrows.map((arrow) => drawArrow(arrow, theme)),
    ...boxes.map((box) => drawBox(box, theme)),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function drawBox({ title, notes, source, kind, centre, width, height }: PlacedBox, theme: Theme): string {
  const { fill, border } = theme.box[kind];
  const top = centre.y - height / 2;
  const lines = [
    `<text x="${n(centre.x)}" y="${n(top + SIZES.padding + 11)}" font-size="${SIZES.title}" font-weight="600" fill="${theme.text}">${escapeXml(title)}</text>`,
    ...[...notes, ...(source === undefined ? [] : [source])].map((text, index) => {
      const isSource = source !== undefined && index === notes.length;
      const y = top + SIZES.padding + 11 + SIZES.line * (index + 1);
      const font = isSource ? ` font-family="${MONO}"` : '';
      return `<text x="${n(centre.x)}" y="${n(y)}" font-size="${SIZES.note}"${font} fill="${theme.muted}">${escapeXml(text)}</text>`;
    }),
  ];
  return `<rect x="${n(centre.x - width / 2)}" y="${n(top)}" width="${width}" height="${height}" rx="8" fill="${fill}" stroke="${border}"/>\n${lines.join('\n')}`;
}

function drawArrow({ curve, tip, label, labelAt, isDashed = false }: PlacedArrow, theme: Theme): string {
  const [start = tip, ...rest] = curve;
  const path = `M${at(start)} C${rest.map(at).join(' ')}`;
  const dash = isDashed ? ' stroke-dasharray="4 4"' : '';
  const texts = (labelAt === undefined ? [] : (label ?? [])).map((text, index, all) => {
    const y = (labelAt?.y ?? 0) + SIZES.line * (index - (all.length - 1) / 2) + 4;
    return `<text x="${n(labelAt?.x ?? 0)}" y="${n(y)}" font-size="${SIZES.note}" fill="${theme.muted}">${escapeXml(text)}</text>`;
  });
  return [
    `<path d="${path}" fill="none" stroke="${theme.line}" stroke-width="1.5"${dash}/>`,
    `<path d="${head(rest.at(-1) ?? start, tip)}" fill="${theme.line}"/>`,
    ...texts,
  ].join('\n');
}

/** A triangle from the end of the line to the tip. */
function head(from: Point, tip: Point): string {
  const length = Math.hypot(tip.x - from.x, tip.y - from.y) || 1;
  const [dx, dy] = [(tip.x - from.x) / length, (tip.y - from.y) / length];
  const back = { x: tip.x - dx * ARROW_HEAD, y: tip.y - dy * ARROW_HEAD };
  const side = ARROW_HEAD / 2;
  const left = { x: back.x - dy * side, y: back.y + dx * side };
  const right = { x: back.x + dy * side, y: back.y - dx * side };
  return `M${at(tip)} L${at(left)} L${at(right)} Z`;
}

function at({ x, y }: Point): string {
  return `${n(x)},${n(y)}`;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
