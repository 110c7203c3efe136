/** Measures what a step of a rank costs, in time and in bytes. */

import { milliseconds } from '../../core/clock.js';
import type { StepCost } from '../../train/train.js';
import type { Communicator, Traffic } from '../transport/communicator.js';

export class StepMeter {
  /** The ranks' communicator, whose gathering is measured. */
  readonly gathering: Communicator;
  readonly #communicator: Communicator;
  readonly #before: Traffic;
  readonly #start = milliseconds();
  #gather = 0;
  #reduce = 0;

  constructor(communicator: Communicator) {
    this.#communicator = communicator;
    this.#before = { ...communicator.traffic };
    const { rank, size } = communicator;
    this.gathering = {
      rank,
      size,
      traffic: communicator.traffic,
      allGather: async (bytes) => {
        const start = milliseconds();
        const gathered = await communicator.allGather(bytes);
        this.#gather += milliseconds() - start;
        return gathered;
      },
      allReduce: (subtrees, format) => communicator.allReduce(subtrees, format),
      barrier: () => communicator.barrier(),
      close: () => communicator.close(),
    };
  }

  /** Measures the sum of gradients. */
  async reducing(body: () => Promise<void>): Promise<void> {
    const start = milliseconds();
    await body();
    this.#reduce += milliseconds() - start;
  }

  /** Cost of the step so far. */
  cost(): StepCost {
    const { sent, received, waited = 0 } = this.#communicator.traffic;
    return {
      total: milliseconds() - this.#start,
      gather: this.#gather,
      reduce: this.#reduce,
      wait: waited - (this.#before.waited ?? 0),
      sent: sent - this.#before.sent,
      received: received - this.#before.received,
    };
  }
}
