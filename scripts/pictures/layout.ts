import { instance } from '@viz-js/viz';

import type { Arrow, Box, Diagram } from './diagram.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedBox extends Box {
  readonly centre: Point;
  readonly width: number;
  readonly height: number;
}

export interface PlacedArrow extends Arrow {
  /** A point, then three for each piece of a Bézier curve. */
  readonly curve: readonly Point[];
  readonly tip: Point;
  readonly labelAt: Point | undefined;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly PlacedBox[];
  readonly arrows: readonly PlacedArrow[];
}

export const SIZES = { title: 14, note: 13, line: 18, padding: 10 } as const;

/** The part of Graphviz's JSON that is read here. Coordinates go up. */
interface GraphvizJson {
  readonly bb: string;
  readonly objects: readonly { readonly name: string; readonly pos: string }[];
  readonly edges?: readonly { readonly pos: string; readonly lp?: string }[];
}

const POINTS_PER_INCH = 72;

/** Lets Graphviz place the boxes and arrows. Their sizes are from here: it does not know the reader's fonts. */
export async function layOut({ boxes, arrows }: Diagram): Promise<Layout> {
  const viz = await instance();
  const placed = viz.renderJSON({
    directed: true,
    graphAttributes: { rankdir: 'TB', nodesep: 0.25, ranksep: 0.35, margin: 0 },
    nodeAttributes: { shape: 'box', fixedsize: true, label: '' },
    nodes: boxes.map((box) => {
      const { width, height } = sizeOf(box);
      return { name: box.id, attributes: { width: width / POINTS_PER_INCH, height: height / POINTS_PER_INCH } };
    }),
    edges: arrows.map(({ from, to, label, isBack = false }) => ({
      tail: from,
      head: to,
      attributes: { ...(label === undefined ? {} : { label: { html: room(label) } }), constraint: !isBack },
    })),
  }) as GraphvizJson;
  const [, , width = 0, height = 0] = placed.bb.split(',').map(Number);
  const point = (text: string): Point => {
    const [x = 0, y = 0] = text.split(',').map(Number);
    return { x, y: height - y };
  };
  return {
    width,
    height,
    boxes: boxes.map((box) => {
      const { pos } = placed.objects.find(({ name }) => name === box.id) ?? { pos: '0,0' };
      return { ...box, ...sizeOf(box), centre: point(pos) };
    }),
    arrows: arrows.map((arrow, index) => {
      const { pos = '', lp } = placed.edges?.[index] ?? {};
      const [tip = '', ...curve] = pos.replace('e,', '').split(' ');
      return { ...arrow, curve: curve.map(point), tip: point(tip), labelAt: lp === undefined ? undefined : point(lp) };
    }),
  };
}

/** Wide enough for the widest of the usual system fonts. */
function widthOf(text: string, size: number, isWide: boolean): number {
  return text.length * size * (isWide ? 0.62 : 0.58);
}

function sizeOf({ title, notes, source }: Box): { readonly width: number; readonly height: number } {
  const lines = [
    widthOf(title, SIZES.title, true),
    ...notes.map((note) => widthOf(note, SIZES.note, false)),
    ...(source === undefined ? [] : [widthOf(source, SIZES.note, true)]),
  ];
  return {
    width: Math.ceil(Math.max(...lines)) + 2 * SIZES.padding,
    height: lines.length * SIZES.line + 2 * SIZES.padding - 4,
  };
}

/** Keeps so much room free. */
function room(label: readonly string[]): string {
  const width = Math.ceil(Math.max(...label.map((line) => widthOf(line, SIZES.note, false)))) + 18;
  const height = label.length * SIZES.line;
  return `<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="${width}" HEIGHT="${height}"><TR><TD></TD></TR></TABLE>`;
}
