/** Types of the workloads that are timed. */

import type { Candidate } from './interleave.js';
import type { Numbers, Sizes } from './operations/operation.js';

/** One operation at one size, or one training step. */
export interface Workload {
  name: string;
  sizes: Sizes;
  /** Floating-point operations of one call, where that has a meaning. */
  flops: number | undefined;
  /** Calls before results are compared (default 1). */
  steps?: number;
  /** Makes the inputs that all candidates get. */
  inputs(): Inputs;
  /** Makes our candidate. */
  ours(inputs: Inputs): Candidate;
  /** Makes candidates that do a part of ours. */
  parts?(inputs: Inputs): Candidate[];
  /** Units that one call works on, where its rate has a meaning. */
  items?(inputs: Inputs): Items;
}

/** Tokens or texts of one call. */
export interface Items {
  count: number;
  unit: 'tokens' | 'texts';
}

/** Matrices by name; for a training step, what its peers read. */
export type Inputs = Record<string, Numbers | unknown>;
