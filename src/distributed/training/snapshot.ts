/** The state of a run as bytes, for ranks that come later. */

import {
  loadSafetensors,
  type Module,
  readMetadata,
  saveSafetensors,
  type Tensor,
  tidy,
} from '../../nn/index.js';
import type { TrainState } from '../../train/options.js';

/** Where a run is, and what its last step was. */
export interface SnapshotFacts {
  /** Steps done. */
  step: number;
  seed: number;
  /** Loss and norm of the gradient of the last step. */
  loss: number;
  gradNorm: number;
}

const MODEL = 'model.';
const OPTIMIZER = 'optimizer.';

/** Writes weights, moments and where the run is. */
export function writeSnapshot(
  model: Module,
  optimizer: ReadonlyMap<string, Tensor>,
  facts: SnapshotFacts,
): Uint8Array {
  return tidy(() => {
    const tensors = new Map([
      ...[...model.stateDict()].map(([name, value]) => [MODEL + name, value] as const),
      ...[...optimizer].map(([name, value]) => [OPTIMIZER + name, value] as const),
    ]);
    return saveSafetensors(tensors, { nearfar: JSON.stringify(facts) });
  });
}

/**
 * Reads weights into a model, and returns everything else.
 *
 * @throws {RangeError} if it is not a snapshot of this model
 */
export function readSnapshot(bytes: Uint8Array, model: Module): TrainState & SnapshotFacts {
  const facts = JSON.parse(readMetadata(bytes).nearfar ?? 'null') as SnapshotFacts | null;
  if (facts === null) throw new RangeError('a snapshot lacks its facts');
  const tensors = loadSafetensors(bytes);
  const part = (prefix: string): Map<string, Tensor> =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => [name.slice(prefix.length), value]),
    );
  model.loadStateDict(part(MODEL));
  return { ...facts, optimizer: part(OPTIMIZER) };
}
