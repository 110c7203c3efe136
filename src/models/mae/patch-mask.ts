/** Which patches of a image a masked autoencoder sees. */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { type Tensor, tensor } from '../../nn/index.js';

/** Which patches of each image are seen, in the order that the encoder sees them, and which not. */
export interface Mask {
  /** (B, n), flat. */
  visible: Int32Array;
  /** (B, L − n), flat. */
  hidden: Int32Array;
}

/** Which masks are drawn: the same numbers give the same masks. */
export interface MaskPosition {
  /** Seed of the run. */
  seed: number;
  /** Number of the step. */
  step: number;
  /** Index of each image in the whole batch of the step. @default 0, 1, 2, … */
  samples?: ArrayLike<number> | undefined;
}

/** Hides a fraction of each image's patches, others for each: those of the largest noise. */
export function randomMask(
  batch: number,
  patches: number,
  ratio: number,
  { seed, step, samples }: MaskPosition,
): Mask {
  const kept = Math.max(1, Math.floor(patches * (1 - ratio)));
  const visible = new Int32Array(batch * kept);
  const hidden = new Int32Array(batch * (patches - kept));
  for (let b = 0; b < batch; b++) {
    const random = new Random(seed, STREAMS.patchMask, step, samples?.[b] ?? b);
    const noise = Array.from({ length: patches }, () => random.bits());
    const order = noise.map((_, patch) => patch);
    order.sort((i, j) => (noise[i] as number) - (noise[j] as number) || i - j);
    visible.set(order.slice(0, kept), b * kept);
    hidden.set(order.slice(kept), b * (patches - kept));
  }
  return { visible, hidden };
}

/** 1 for each visible patch, 0 for each hidden one: (B, L, 1). */
export function maskTensor({ visible }: Mask, batch: number, patches: number): Tensor {
  const shown = new Float32Array(batch * patches);
  const each = visible.length / batch;
  visible.forEach((patch, i) => {
    shown[Math.floor(i / each) * patches + patch] = 1;
  });
  return tensor(shown, [batch, patches, 1]);
}
