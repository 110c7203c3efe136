/** What a peer is: a library that does some of the work, on the same inputs, with the same results. */

import { type Candidate, candidate } from '../interleave.js';
import type { Numbers, Sizes } from '../operations/operation.js';
import type { Inputs } from '../workloads.js';

export interface Peer {
  /** With its version. */
  name: string;
  /** A candidate for this operation, if the peer knows it. */
  prepare(operation: string, sizes: Sizes, inputs: Inputs): Promise<Candidate | undefined>;
  close?(): void;
}

/** Where a peer is missing, why. */
export interface Missing {
  name: string;
  missing: string;
}

/** Operations by name: each gets the inputs ready, and gives the call that is timed. */
export type Operations = Record<
  string,
  (inputs: Record<string, Numbers>, sizes: Sizes) => Parameters<typeof candidate>[1]
>;

/** A peer of this process. */
export function localPeer(name: string, operations: Operations): Peer {
  return {
    name,
    async prepare(operation, sizes, inputs) {
      const make = operations[operation];
      return make && candidate(name, make(inputs as Record<string, Numbers>, sizes));
    },
  };
}
