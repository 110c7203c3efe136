/** The losses that ranks share, by their settings. */

import type { Scope } from '../../core/memory.js';
import type { Tensor } from '../../nn/index.js';
import { infoNceSteps, ntXentSteps, supConSteps } from './contrastive.js';
import { replicatedSteps } from './replicated.js';
import { sigLipSteps } from './sig-lip.js';
import type { LossSteps, ShardInput } from './steps.js';

/** A loss that compares the rows of all shards, and its settings. */
export type SharedLoss =
  | { name: 'ntXent'; temperature: number }
  | { name: 'supCon'; temperature: number }
  | { name: 'infoNce'; temperature: number; symmetric: boolean; ids: boolean; negatives: boolean }
  | { name: 'clipLoss'; logitScale: number; ids: boolean }
  | { name: 'sigLipLoss'; logitScale: number; logitBias: number; ids: boolean }
  /** Any other loss of rows: every rank computes it of the rows of all shards. */
  | { name: 'replicated'; compute(groups: readonly Tensor[]): Tensor };

/**
 * Prepares the steps of a loss.
 *
 * @param scope memory that lives as long as the steps and their results
 * @param own this rank's shards, in order
 */
export function lossSteps(scope: Scope, loss: SharedLoss, own: readonly ShardInput[]): LossSteps {
  switch (loss.name) {
    case 'ntXent':
      return ntXentSteps(scope, own, loss.temperature);
    case 'supCon':
      return supConSteps(scope, own, loss.temperature);
    case 'infoNce': {
      const { temperature, symmetric, ids, negatives } = loss;
      return infoNceSteps(scope, own, { scale: 1 / temperature, symmetric, ids, negatives });
    }
    case 'clipLoss': {
      const { logitScale: scale, ids } = loss;
      return infoNceSteps(scope, own, { scale, symmetric: true, ids, negatives: false });
    }
    case 'sigLipLoss': {
      const { logitScale: scale, logitBias: bias, ids } = loss;
      return sigLipSteps(scope, own, { scale, bias, ids });
    }
    case 'replicated':
      return replicatedSteps(scope, own, loss.compute);
  }
}
