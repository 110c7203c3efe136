/**
 * Every loss of `nearfar` as a function of tensors that returns a scalar tensor, under the same
 * name and with the same options. The gradient comes from the same kernels: it is computed with
 * the loss and waits for the backward.
 */

import { rangeError } from '../check.js';
import * as clips from '../losses/clip.js';
import * as crossEntropies from '../losses/cross-entropy.js';
import * as infoNces from '../losses/info-nce.js';
import * as divergences from '../losses/kl-divergence.js';
import * as ntXents from '../losses/nt-xent.js';
import * as supCons from '../losses/sup-con.js';
import * as triplets from '../losses/triplet.js';
import type { Matrix } from '../matrix.js';
import { nnKernels } from './kernels.js';
import { showShape } from './numbers.js';
import { checkTensor } from './ops/shape.js';
import { empty, gradientsOn, record, Tensor } from './tensor.js';

/** A tensor's numbers as a matrix: its last axis is the width. */
function matrixOf(name: string, argument: string, x: Tensor): Matrix {
  checkTensor(name, argument, x);
  const cols = x.shape.at(-1);
  if (cols === undefined) rangeError(name, argument, 'of at least one axis', showShape(x.shape));
  return { data: x.toArray(), rows: x.size / cols, cols };
}

/** What a twin gives: the loss, and one gradient for each input. */
type Evaluated = readonly [loss: number, ...grads: (Matrix | number)[]];

/**
 * @param value computes the loss alone
 * @param withGradients computes the loss and the gradients of the inputs in their order
 */
function loss(
  name: string,
  inputs: readonly Tensor[],
  value: () => number,
  withGradients: () => Evaluated,
): Tensor {
  const wanted = gradientsOn() && inputs.some((input) => input.requiresGrad);
  const [result, ...grads] = wanted ? withGradients() : [value()];
  const slopes = grads.map((grad, i) => {
    const slope = empty((inputs[i] as Tensor).shape);
    slope.data.set(typeof grad === 'number' ? [grad] : grad.data);
    return slope;
  });
  return record(
    name,
    inputs,
    [],
    (y) => nnKernels().fillArray(y, 1, result),
    (dy) => {
      const factor = dy.item();
      return slopes.map((slope) => {
        const dx = empty(slope.shape);
        nnKernels().scaleTo(dx.at, slope.at, slope.size, factor);
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
  const x = matrixOf('crossEntropy', 'logits', logits);
  return loss(
    'crossEntropy',
    [logits],
    () => crossEntropies.crossEntropy(x, targets, options),
    () => {
      const { loss, grad } = crossEntropies.crossEntropyGrad(x, targets, options);
      return [loss, grad];
    },
  );
}

/** KL(p ‖ q), the mean over rows. */
export function klDivergence(p: Tensor, q: Tensor): Tensor {
  const first = matrixOf('klDivergence', 'p', p);
  const second = matrixOf('klDivergence', 'q', q);
  return loss(
    'klDivergence',
    [p, q],
    () => divergences.klDivergence(first, second),
    () => {
      const { loss, gradP, gradQ } = divergences.klDivergenceGrad(first, second);
      return [loss, gradP, gradQ];
    },
  );
}

/**
 * SimCLR's NT-Xent.
 * @param z (2N, d): row i and row i + N are the two views of sample i
 */
export function ntXent(z: Tensor, options?: ntXents.NtXentOptions): Tensor {
  const x = matrixOf('ntXent', 'z', z);
  return loss(
    'ntXent',
    [z],
    () => ntXents.ntXent(x, options),
    () => {
      const { loss, grad } = ntXents.ntXentGrad(x, options);
      return [loss, grad];
    },
  );
}

export interface InfoNceOptions extends Omit<infoNces.InfoNceOptions, 'negatives'> {
  /** (m, d): further rows that are every query's negatives. */
  negatives?: Tensor | undefined;
}

/** InfoNCE of queries (n, d) with keys (n, d), row i being the positive of query i. */
export function infoNce(queries: Tensor, keys: Tensor, options?: InfoNceOptions): Tensor {
  const left = matrixOf('infoNce', 'queries', queries);
  const right = matrixOf('infoNce', 'keys', keys);
  const { negatives, ...rest } = options ?? {};
  const further = negatives && matrixOf('infoNce', 'negatives', negatives);
  const all = { ...rest, negatives: further };
  return loss(
    'infoNce',
    negatives === undefined ? [queries, keys] : [queries, keys, negatives],
    () => infoNces.infoNce(left, right, all),
    () => {
      const result = infoNces.infoNceGrad(left, right, all);
      const { loss, gradQueries, gradKeys, gradNegatives } = result;
      const grads = [gradQueries, gradKeys, gradNegatives];
      return [loss, ...grads.filter((grad) => grad !== undefined)];
    },
  );
}

export interface ClipLossOptions extends Omit<clips.ClipLossOptions, 'logitScale'> {
  /** What cosines are multiplied by; a tensor of one number where it is learnt. */
  logitScale?: number | Tensor | undefined;
}

/** CLIP's symmetric loss of images (n, d) and their texts (n, d). */
export function clipLoss(image: Tensor, text: Tensor, options?: ClipLossOptions): Tensor {
  const left = matrixOf('clipLoss', 'image', image);
  const right = matrixOf('clipLoss', 'text', text);
  const scale = options?.logitScale;
  const learnt = scale instanceof Tensor ? scale : undefined;
  const all = { ...options, logitScale: scale instanceof Tensor ? scale.item() : scale };
  return loss(
    'clipLoss',
    learnt === undefined ? [image, text] : [image, text, learnt],
    () => clips.clipLoss(left, right, all),
    () => {
      const { loss, gradImage, gradText, gradLogitScale } = clips.clipLossGrad(left, right, all);
      const grads: Evaluated = [loss, gradImage, gradText];
      return learnt === undefined ? grads : [...grads, gradLogitScale];
    },
  );
}

/** Supervised contrastive loss of z (n, d) with n labels. */
export function supCon(
  z: Tensor,
  labels: ArrayLike<number>,
  options?: supCons.SupConOptions,
): Tensor {
  const x = matrixOf('supCon', 'z', z);
  return loss(
    'supCon',
    [z],
    () => supCons.supCon(x, labels, options),
    () => {
      const { loss, grad } = supCons.supConGrad(x, labels, options);
      return [loss, grad];
    },
  );
}

/** Triplet margin loss of anchors, positives and negatives, (n, d) each. */
export function tripletLoss(
  anchors: Tensor,
  positives: Tensor,
  negatives: Tensor,
  options?: triplets.TripletLossOptions,
): Tensor {
  const a = matrixOf('tripletLoss', 'anchors', anchors);
  const p = matrixOf('tripletLoss', 'positives', positives);
  const n = matrixOf('tripletLoss', 'negatives', negatives);
  return loss(
    'tripletLoss',
    [anchors, positives, negatives],
    () => triplets.tripletLoss(a, p, n, options),
    () => {
      const grads = triplets.tripletLossGrad(a, p, n, options);
      return [grads.loss, grads.gradAnchors, grads.gradPositives, grads.gradNegatives];
    },
  );
}
