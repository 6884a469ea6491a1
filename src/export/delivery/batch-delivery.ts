import type { ExportVerdict } from './export-verdict.ts';

/** Records of a batch from one index up to, but not including, another. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** The steps that a delivery takes with the parts of a batch. */
export interface DeliverySteps {
  /** Sends a part. `interrupted`: it was not sent, and the rest of the batch must not be sent. */
  send(part: Part): Promise<ExportVerdict | 'interrupted'>;
  accepted(part: Part): void;
  /** Called for a single record that the collector refused although it accepts others. */
  rejected(part: Part): void;
}

/** How a delivery ended. `all-refused`: the collector refuses everything, so the records are not to blame. */
export type DeliveryEnd = Exclude<ExportVerdict, 'refused'> | 'all-refused' | 'interrupted';

/** After this many single records refused in a row, the collector is assumed to be the cause. */
const MAX_REFUSED_IN_A_ROW = 20;

/**
 * Delivers batches so that one bad record costs only itself: a refused part is split in halves, down to the single
 * record.
 *
 * Single records are rejected only if the collector accepts anything at all. After twenty of them in a row it tries the
 * rest of the batch, its last part first; if none of it is accepted, what is left is kept.
 */
export class BatchDelivery {
  #refusedInARow = 0;

  /** Resolves at the first answer that ends the delivery: `delivered` if all parts are accepted or rejected. */
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

  /** Looks for a part that is accepted, and removes it. */
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
