import type { JSX } from 'preact';

import type { BlockChange } from '../../../src/serve/protocol.ts';
import { gapText } from '../blocks.ts';
import './dividers.css';

/** Where entries are missing, and why. */
export function GapDivider({ block }: { readonly block: BlockChange }): JSX.Element {
  return <Divider kind="gap" text={gapText(block)} block={block.id} />;
}

export function EndDivider({ block, time }: { readonly block: BlockChange; readonly time: string }): JSX.Element {
  return <Divider kind="end" text={`The session ended here, ${time}`} block={block.id} />;
}

/** A line across the conversation. */
export function Divider({
  kind,
  text,
  block,
}: {
  readonly kind: string;
  readonly text: string;
  readonly block?: number;
}): JSX.Element {
  return (
    <p class={`divider ${kind}`} data-block={block}>
      <span>{text}</span>
    </p>
  );
}

/** The index of the first block that the collector does not have whole; `undefined` if nothing is known. */
export function deliveredPlace(blocks: readonly BlockChange[], deliveredSeq: number | undefined): number | undefined {
  if (deliveredSeq === undefined) return undefined;
  // A gap and an end have no entries to be delivered.
  const isUndelivered = ({ seq, type }: BlockChange): boolean => seq > deliveredSeq && type !== 'gap' && type !== 'end';
  if (!blocks.some(isUndelivered)) return blocks.length;
  return blocks.findIndex(({ seq }) => seq > deliveredSeq);
}
