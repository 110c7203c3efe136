/** Defines a peer: another library that runs some operations on the same inputs. */

import { type Candidate, candidate } from '../interleave.js';
import type { Numbers, Sizes } from '../operations/operation.js';
import type { Inputs } from '../workloads.js';

/** Another library. */
export interface Peer {
  /** Name and version. */
  name: string;
  /** Makes a candidate for an operation, if the peer has it. */
  prepare(operation: string, sizes: Sizes, inputs: Inputs): Promise<Candidate | undefined>;
  close?(): void;
}

/** A peer that is not installed, with the reason. */
export interface Missing {
  name: string;
  missing: string;
}

/** Operations by name: each prepares the inputs and returns the call that is timed. */
export type Operations = Record<
  string,
  (inputs: Record<string, Numbers>, sizes: Sizes) => Parameters<typeof candidate>[1]
>;

/** Makes a peer that runs in this process. */
export function localPeer(name: string, operations: Operations): Peer {
  return {
    name,
    async prepare(operation, sizes, inputs) {
      const make = operations[operation];
      return make && candidate(name, make(inputs as Record<string, Numbers>, sizes));
    },
  };
}
