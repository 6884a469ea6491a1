import type { ExportVerdict } from './export-verdict.ts';

/** Records of a batch, from one index to another, exclusive. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** What a delivery does with the parts of a batch. */
export interface DeliverySteps {
  /** `interrupted`: it was not sent, and nothing more of the batch is to be. */
  send(part: Part): Promise<ExportVerdict | 'interrupted'>;
  accepted(part: Part): void;
  /** A single record was refused, by a collector that accepts others. */
  rejected(part: Part): void;
}

/** How a delivery ended. `all-refused`: the collector refuses whatever it is given, so the records are not to blame. */
export type DeliveryEnd = Exclude<ExportVerdict, 'refused'> | 'all-refused' | 'interrupted';

/** After this many single records refused in a row, none accepted, the collector is taken for the cause. */
const MAX_REFUSED_IN_A_ROW = 20;

/**
 * Delivers batches so that one bad record costs nothing but itself: a part that is refused is split in halves, down to the
 * single record.
 *
 * Singles are rejected only while the collector accepts anything at all. After twenty of them in a row the rest of the batch
 * is tried, its last part first; when none of it is accepted, what is left is kept.
 */
export class BatchDelivery {
  #refusedInARow = 0;

  /** Resolves at the first answer that ends the delivery: `delivered` when all parts are accepted or rejected. */
  async deliver(parts: readonly Part[], steps: DeliverySteps): Promise<DeliveryEnd> {
    const left = [...parts];
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      const verdict = await steps.send(part);
      if (verdict === 'delivered') this.#accepted(part, steps);
      else if (verdict !== 'refused') return verdict;
      else if (part.to - part.from > 1) left.unshift(...halves(part));
      else {
        const end = this.#refusedInARow < MAX_REFUSED_IN_A_ROW ? 'delivered' : await this.#probe(left, steps);
        if (end !== 'delivered') return end;
        this.#refusedInARow += 1;
        steps.rejected(part);
      }
    }
    return 'delivered';
  }

  /** Looks for a part that is accepted, which it takes out. */
  async #probe(left: Part[], steps: DeliverySteps): Promise<DeliveryEnd> {
    for (let i = left.length - 1; i >= 0; i -= 1) {
      const part = left[i] as Part;
      const verdict = await steps.send(part);
      if (verdict === 'refused') continue;
      if (verdict === 'delivered') {
        left.splice(i, 1);
        this.#accepted(part, steps);
      }
      return verdict;
    }
    return 'all-refused';
  }

  #accepted(part: Part, steps: DeliverySteps): void {
    this.#refusedInARow = 0;
    steps.accepted(part);
  }
}

function halves({ from, to }: Part): readonly Part[] {
  const middle = (from + to) >>> 1;
  return [
    { from, to: middle },
    { from: middle, to },
  ];
}
