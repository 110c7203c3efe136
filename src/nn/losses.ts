/**
 * Every loss of `nearfar` as a function of tensors that returns a scalar tensor, under the same
 * name and with the same options. The gradient comes from the same kernels: it is computed with
 * the loss and waits for the backward.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { rangeError } from '../core/validation.js';
import { WasmMatrix } from '../core/wasm-matrix.js';
import * as clips from '../losses/clip-loss.js';
import * as crossEntropies from '../losses/cross-entropy.js';
import * as infoNces from '../losses/info-nce.js';
import * as divergences from '../losses/kl-divergence.js';
import * as ntXents from '../losses/nt-xent.js';
import * as sigLips from '../losses/sig-lip.js';
import * as supCons from '../losses/sup-con.js';
import * as triplets from '../losses/triplet.js';
import { checkTensor } from './check.js';
import { isGradEnabled } from './grad-mode.js';
import { empty, filled, record, Tensor } from './tensor.js';
import { showShape } from './tensor-data.js';

/** A tensor as a matrix, its last axis being the width. */
function matrixOf(name: string, argument: string, x: Tensor, slope?: Tensor): WasmMatrix {
  const cols = x.shape.at(-1);
  if (cols === undefined) rangeError(name, argument, 'of at least one axis', showShape(x.shape));
  return new WasmMatrix(x.at, x.size / cols, cols, slope?.at ?? 0);
}

type Pair = [WasmMatrix, WasmMatrix];

/** What a twin gives besides the gradients of its matrices, which it writes to their slopes. */
interface Evaluated {
  loss: number;
  /** The gradients of inputs that are one number. */
  slopes?: readonly number[];
}

/**
 * @param inputs what the loss compares, by argument
 * @param value computes the loss alone
 * @param withGradients computes the loss and all gradients
 * @param numbers further inputs, of one number each
 */
function loss(
  name: string,
  inputs: Readonly<Record<string, Tensor>>,
  value: (...matrices: WasmMatrix[]) => number,
  withGradients: (...matrices: WasmMatrix[]) => Evaluated,
  numbers: readonly Tensor[] = [],
): Tensor {
  const named = Object.entries(inputs);
  const tensors = [...named.map(([, x]) => x), ...numbers];
  const wanted = isGradEnabled() && tensors.some((input) => input?.requiresGrad);
  const slopes: Tensor[] = [];
  const matrices = named.map(([argument, x]) => {
    checkTensor(name, argument, x);
    const slope = wanted ? empty(x.shape) : undefined;
    if (slope) slopes.push(slope);
    return matrixOf(name, argument, x, slope);
  });
  const result: Evaluated = wanted ? withGradients(...matrices) : { loss: value(...matrices) };
  for (const [i, slope] of (result.slopes ?? []).entries()) {
    slopes.push(filled((numbers[i] as Tensor).shape, slope));
  }
  return record(
    name,
    tensors,
    [],
    (y) => kernels(nnCode).fillArray(y, 1, result.loss),
    (dy) => {
      const factor = dy.item();
      return slopes.map((slope) => {
        const dx = empty(slope.shape);
        kernels(nnCode).scaleTo(dx.at, slope.at, slope.size, factor);
        return dx;
      });
    },
  );
}

/**
 * Mean cross-entropy of logits with targets, over the targets kept.
 * @param logits (…, classes)
 * @param targets one class for each row of logits, or `ignoreIndex`
 */
export function crossEntropy(
  logits: Tensor,
  targets: ArrayLike<number>,
  options?: crossEntropies.CrossEntropyOptions,
): Tensor {
  return loss(
    'crossEntropy',
    { logits },
    (x) => crossEntropies.crossEntropy(x as WasmMatrix, targets, options),
    (x) => crossEntropies.crossEntropyGrad(x as WasmMatrix, targets, options),
  );
}

/** KL(p ‖ q), the mean over rows. */
export function klDivergence(p: Tensor, q: Tensor): Tensor {
  return loss(
    'klDivergence',
    { p, q },
    (...pair) => divergences.klDivergence(...(pair as Pair)),
    (...pair) => divergences.klDivergenceGrad(...(pair as Pair)),
  );
}

/**
 * SimCLR's NT-Xent.
 * @param z (2N, d): row i and row i + N are the two views of sample i
 */
export function ntXent(z: Tensor, options?: ntXents.NtXentOptions): Tensor {
  return loss(
    'ntXent',
    { z },
    (x) => ntXents.ntXent(x as WasmMatrix, options),
    (x) => ntXents.ntXentGrad(x as WasmMatrix, options),
  );
}

export interface InfoNceOptions extends Omit<infoNces.InfoNceOptions, 'negatives'> {
  /** (m, d): further rows that are every query's negatives. */
  negatives?: Tensor | undefined;
}

/** InfoNCE of queries (n, d) with keys (n, d), row i being the positive of query i. */
export function infoNce(queries: Tensor, keys: Tensor, options?: InfoNceOptions): Tensor {
  const { negatives, ...rest } = options ?? {};
  type Given = [WasmMatrix, WasmMatrix, WasmMatrix?];
  return loss(
    'infoNce',
    negatives === undefined ? { queries, keys } : { queries, keys, negatives },
    (...given) => {
      const [q, k, further] = given as Given;
      return infoNces.infoNce(q, k, { ...rest, negatives: further });
    },
    (...given) => {
      const [q, k, further] = given as Given;
      return infoNces.infoNceGrad(q, k, { ...rest, negatives: further });
    },
  );
}

export interface ClipLossOptions extends Omit<clips.ClipLossOptions, 'logitScale'> {
  /** What cosines are multiplied by; a tensor of one number where it is learnt. */
  logitScale?: number | Tensor | undefined;
}

/** CLIP's symmetric loss of images (n, d) and their texts (n, d). */
export function clipLoss(image: Tensor, text: Tensor, options?: ClipLossOptions): Tensor {
  const scale = options?.logitScale;
  const learnt = scale instanceof Tensor ? scale : undefined;
  const all = { ...options, logitScale: scale instanceof Tensor ? scale.item() : scale };
  return loss(
    'clipLoss',
    { image, text },
    (...pair) => clips.clipLoss(...(pair as Pair), all),
    (...pair) => {
      const { loss, gradLogitScale } = clips.clipLossGrad(...(pair as Pair), all);
      return learnt ? { loss, slopes: [gradLogitScale] } : { loss };
    },
    learnt ? [learnt] : [],
  );
}

export interface SigLipLossOptions
  extends Omit<sigLips.SigLipLossOptions, 'logitScale' | 'logitBias'> {
  /** What cosines are multiplied by; a tensor of one number where it is learnt. */
  logitScale?: number | Tensor | undefined;
  /** What is added to them; likewise. */
  logitBias?: number | Tensor | undefined;
}

/** SigLIP's loss of images (n, d) and their texts (n, d). */
export function sigLipLoss(image: Tensor, text: Tensor, options?: SigLipLossOptions): Tensor {
  const { logitScale: scale, logitBias: bias } = options ?? {};
  const value = (x: number | Tensor | undefined): number | undefined =>
    x instanceof Tensor ? x.item() : x;
  const all = { ...options, logitScale: value(scale), logitBias: value(bias) };
  return loss(
    'sigLipLoss',
    { image, text },
    (...pair) => sigLips.sigLipLoss(...(pair as Pair), all),
    (...pair) => {
      const grads = sigLips.sigLipLossGrad(...(pair as Pair), all);
      const slopes: number[] = [];
      if (scale instanceof Tensor) slopes.push(grads.gradLogitScale);
      if (bias instanceof Tensor) slopes.push(grads.gradLogitBias);
      return { loss: grads.loss, slopes };
    },
    [scale, bias].filter((x) => x instanceof Tensor),
  );
}

/** Supervised contrastive loss of z (n, d) with n labels. */
export function supCon(
  z: Tensor,
  labels: ArrayLike<number>,
  options?: supCons.SupConOptions,
): Tensor {
  return loss(
    'supCon',
    { z },
    (x) => supCons.supCon(x as WasmMatrix, labels, options),
    (x) => supCons.supConGrad(x as WasmMatrix, labels, options),
  );
}

/** Triplet margin loss of anchors, positives and negatives, (n, d) each. */
export function tripletLoss(
  anchors: Tensor,
  positives: Tensor,
  negatives: Tensor,
  options?: triplets.TripletLossOptions,
): Tensor {
  type Given = [WasmMatrix, WasmMatrix, WasmMatrix];
  return loss(
    'tripletLoss',
    { anchors, positives, negatives },
    (...rows) => triplets.tripletLoss(...(rows as Given), options),
    (...rows) => triplets.tripletLossGrad(...(rows as Given), options),
  );
}
