import type { ShownLine } from './terminal.ts';
import { escapeXml, MONO, THEMES } from './theme.ts';
import type { Scheme } from './theme.ts';

const FONT = 14;
const CHARACTER = 8.43;
const LINE = 19;
const PADDING = 14;
/** Several of the others would be shown as one. */
const NO_BREAK_SPACE = '\u00a0';

/** A terminal's sixteen colours, as far as they are used, with enough contrast on its background. */
const PALETTES: Readonly<Record<Scheme, Readonly<Record<number, string>>>> = {
  light: { 1: '#cf222e', 2: '#116329', 3: '#7d4e00', 5: '#8250df', 6: '#1b6c73', 8: '#57606a' },
  dark: { 1: '#ff7b72', 2: '#56d364', 3: '#e3b341', 5: '#d2a8ff', 6: '#56d4dd', 8: '#9198a1' },
};

/** What a terminal shows, as an SVG that loads nothing. */
export function drawTerminal(
  lines: readonly ShownLine[],
  columns: number,
  description: string,
  scheme: Scheme,
): string {
  const theme = THEMES[scheme];
  const { fill, border } = theme.box.around;
  const width = Math.ceil(columns * CHARACTER + 2 * PADDING);
  const height = lines.length * LINE + 2 * PADDING;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(description)}</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="${fill}" stroke="${border}"/>`,
    `<g font-family="${MONO}" font-size="${FONT}">`,
    ...lines.flatMap((line, row) => drawLine(line, row, theme.text, PALETTES[scheme])),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function drawLine(
  { spans }: ShownLine,
  row: number,
  plain: string,
  palette: Readonly<Record<number, string>>,
): string[] {
  let column = 0;
  return spans.flatMap(({ text, colour, isBold }) => {
    const indent = text.length - text.trimStart().length;
    const shown = text.trim();
    const x = PADDING + (column + indent) * CHARACTER;
    column += text.length;
    if (shown === '') return [];
    const y = PADDING + row * LINE + FONT;
    const fill = colour === undefined ? plain : (palette[colour] ?? plain);
    const weight = isBold ? ' font-weight="700"' : '';
    // Stretched to its columns, whatever the font.
    const length = `textLength="${round(shown.length * CHARACTER)}" lengthAdjust="spacingAndGlyphs"`;
    return [
      `<text x="${round(x)}" y="${y}" ${length} fill="${fill}"${weight}>${escapeXml(shown.replaceAll(' ', NO_BREAK_SPACE))}</text>`,
    ];
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
