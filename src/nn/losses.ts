/**
 * The losses of `nearfar` as functions of tensors that return a scalar tensor, with the same names
 * and options. Their gradients come from the same kernels: they are computed with the loss and kept
 * for the backward pass.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import type { NumberArray } from '../core/matrix.js';
import { type Labels, type NoOptions, rangeError } from '../core/validation.js';
import { WasmMatrix } from '../core/wasm-matrix.js';
import { ANGLE_LOSS, type AngleLossOptions } from '../losses/angle.js';
import * as clip from '../losses/clip-loss.js';
import { CO_SENT_LOSS, type CoSentLossOptions } from '../losses/co-sent.js';
import { CONTRASTIVE_LOSS, type ContrastiveLossOptions } from '../losses/contrastive-loss.js';
import { CROSS_ENTROPY, type CrossEntropyOptions } from '../losses/cross-entropy.js';
import { DECOUPLED_NT_XENT, type DecoupledNtXentOptions } from '../losses/decoupled-nt-xent.js';
import * as contrast from '../losses/info-nce.js';
import { KL_DIVERGENCE } from '../losses/kl-divergence.js';
import { type Loss, runLoss } from '../losses/loss.js';
import { NT_XENT, type NtXentOptions } from '../losses/nt-xent.js';
import * as sigLip from '../losses/sig-lip.js';
import { SUP_CON, type SupConOptions } from '../losses/sup-con.js';
import { TRIPLET_LOSS, type TripletLossOptions } from '../losses/triplet.js';
import { checkTensor } from './check.js';
import { isGradEnabled } from './grad-mode.js';
import { record } from './record.js';
import { empty, filled, Tensor } from './tensor.js';
import { showShape } from './tensor-data.js';

/** Views a tensor as a matrix, its last axis being the width. */
function matrixOf(name: string, argument: string, x: Tensor, grad: Tensor | undefined): WasmMatrix {
  const cols = x.shape.at(-1);
  if (cols === undefined) rangeError(name, argument, 'of at least one axis', showShape(x.shape));
  return new WasmMatrix(x.at, x.size / cols, cols, grad?.at ?? 0);
}

/** A tensor that has a gradient, and the index of that among the gradients of the loss. */
interface Slot {
  argument: string;
  x: Tensor;
  index: number;
}

/** Finds the tensors of a call: the inputs, then the options that have a gradient. */
function findTensors<O>(loss: Loss<O, unknown>, args: readonly unknown[]): Slot[] {
  const { name, inputs, options } = loss;
  const slots = inputs.map((argument, index) => {
    return { argument, x: checkTensor(name, argument, args[index]), index };
  });
  const given = args.at(-1) as Record<string, unknown> | null | undefined;
  let index = inputs.length;
  for (const argument in options) {
    const { grad } = options[argument];
    const value = given?.[argument];
    if (grad === 'matrix' && value !== undefined) checkTensor(name, argument, value);
    if (grad && value instanceof Tensor) slots.push({ argument, x: value, index });
    if (grad === 'number' || value !== undefined) index++;
  }
  return slots;
}

/**
 * Computes a loss of tensors, and its gradients if they are wanted.
 *
 * @param args tensors, the target if the loss has one, and the options
 */
function tensorLoss<O>(loss: Loss<O, unknown>, ...args: readonly unknown[]): Tensor {
  const { name, inputs } = loss;
  const slots = findTensors(loss, args);
  const wanted = isGradEnabled() && slots.some(({ x }) => x.requiresGrad);
  const grads = slots.map(({ x }) => (wanted ? empty(x.shape) : undefined));
  const matrices = inputs.map((argument, i) =>
    matrixOf(name, argument, slots[i]?.x as Tensor, grads[i]),
  );
  let options = args.at(-1);
  for (const [i, { argument, x }] of slots.entries()) {
    if (i < inputs.length) continue;
    const isMatrix = loss.options[argument as keyof O].grad === 'matrix';
    const value = isMatrix ? matrixOf(name, argument, x, grads[i]) : x.item();
    options = { ...(options as object), [argument]: value };
  }
  const target = args.slice(inputs.length, -1);
  const result = runLoss(loss, name, [...matrices, ...target, options], wanted);
  for (const [i, { x, index }] of slots.entries()) {
    const grad = result.grads?.[index];
    if (typeof grad === 'number') grads[i] = filled(x.shape, grad);
  }
  return record(
    name,
    slots.map(({ x }) => x),
    [],
    (y) => kernels(nnCode).fillArray(y, 1, result.loss),
    (dy) => {
      const factor = dy.item();
      return grads.map((grad) => {
        if (grad === undefined) return undefined;
        const dx = empty(grad.shape);
        kernels(nnCode).scaleTo(dx.at, grad.at, grad.size, factor);
        return dx;
      });
    },
  );
}

/**
 * Computes the mean cross-entropy over the rows whose target is not ignored.
 *
 * @param logits (…, classes)
 * @param targets one class per row of logits, 0 to classes − 1, or `ignoreIndex`
 * @param options ignoreIndex, labelSmoothing
 * @returns scalar: mean loss, in nats
 * @throws {RangeError} if every target is ignored, or one is out of range
 * @example const loss = crossEntropy(model.forward(x), labels);
 */
export function crossEntropy(
  logits: Tensor,
  targets: Labels,
  options?: CrossEntropyOptions,
): Tensor {
  return tensorLoss(CROSS_ENTROPY, logits, targets, options);
}

/**
 * Computes the Kullback–Leibler divergence KL(p ‖ q), the mean over rows.
 *
 * @param p (…, c): each row a distribution
 * @param q the same shape, greater than 0 wherever p is
 * @param options none yet
 * @returns scalar: mean divergence, in nats
 * @throws {RangeError} if the shapes differ or a row is not a distribution
 */
export function klDivergence(p: Tensor, q: Tensor, options?: NoOptions): Tensor {
  return tensorLoss(KL_DIVERGENCE, p, q, options);
}

/**
 * Computes NT-Xent, the loss of SimCLR.
 *
 * @param z (2N, d): rows i and i + N are the two views of sample i
 * @param options temperature
 * @returns scalar: mean loss over the 2N rows, in nats
 * @throws {RangeError} if z has an odd number of rows
 * @see https://arxiv.org/abs/2002.05709
 * @example const loss = ntXent(concat([encode(viewA), encode(viewB)]), { temperature: 0.5 });
 */
export function ntXent(z: Tensor, options?: NtXentOptions): Tensor {
  return tensorLoss(NT_XENT, z, options);
}

/**
 * Computes the decoupled NT-Xent loss: NT-Xent without the positive in the sum.
 *
 * @param z (2N, d), N at least 2: rows i and i + N are the two views of sample i
 * @param options temperature
 * @returns scalar: mean loss over the 2N rows, in nats
 * @throws {RangeError} if z has an odd number of rows or only one sample
 * @see https://arxiv.org/abs/2110.06848
 */
export function decoupledNtXent(z: Tensor, options?: DecoupledNtXentOptions): Tensor {
  return tensorLoss(DECOUPLED_NT_XENT, z, options);
}

/** Options of {@link infoNce}. */
export interface InfoNceOptions extends Omit<contrast.InfoNceOptions, 'negatives'> {
  /** (m, d): further rows that are negatives of every query. */
  negatives?: Tensor | undefined;
}

/**
 * Computes InfoNCE: each query has to find its key among all keys and the further negatives.
 *
 * @param queries (n, d)
 * @param keys (n, d): row i is the positive of query i
 * @param options temperature, negatives, ids, symmetric
 * @returns scalar: mean loss, in nats
 * @throws {RangeError} if the shapes differ
 * @see https://arxiv.org/abs/1807.03748
 */
export function infoNce(queries: Tensor, keys: Tensor, options?: InfoNceOptions): Tensor {
  return tensorLoss(contrast.INFO_NCE, queries, keys, options);
}

/** Options of {@link clipLoss}. */
export interface ClipLossOptions extends Omit<clip.ClipLossOptions, 'logitScale'> {
  /**
   * Factor of the cosines, greater than 0; a tensor of one number where it is learned.
   * @default 1 / 0.07
   */
  logitScale?: number | Tensor | undefined;
}

/**
 * Computes CLIP's symmetric loss of images and their texts.
 *
 * @param image (n, d)
 * @param text (n, d): row i is the caption of image i
 * @param options logitScale, ids
 * @returns scalar: mean loss, in nats
 * @throws {RangeError} if the shapes differ
 * @see https://arxiv.org/abs/2103.00020
 */
export function clipLoss(image: Tensor, text: Tensor, options?: ClipLossOptions): Tensor {
  return tensorLoss(clip.CLIP_LOSS, image, text, options);
}

/** Options of {@link sigLipLoss}. */
export interface SigLipLossOptions
  extends Omit<sigLip.SigLipLossOptions, 'logitScale' | 'logitBias'> {
  /**
   * Factor of the cosines, greater than 0; a tensor of one number where it is learned.
   * @default 10
   */
  logitScale?: number | Tensor | undefined;
  /**
   * Added to the scaled cosines; a tensor of one number where it is learned.
   * @default -10
   */
  logitBias?: number | Tensor | undefined;
}

/**
 * Computes SigLIP's loss of images and their texts.
 *
 * @param image (n, d)
 * @param text (n, d): row i is the caption of image i
 * @param options logitScale, logitBias, ids
 * @returns scalar: loss per image, in nats
 * @throws {RangeError} if the shapes differ
 * @see https://arxiv.org/abs/2303.15343
 */
export function sigLipLoss(image: Tensor, text: Tensor, options?: SigLipLossOptions): Tensor {
  return tensorLoss(sigLip.SIG_LIP_LOSS, image, text, options);
}

/**
 * Computes the supervised contrastive loss. With a single label it is the paper's, not 0.
 *
 * @param z (n, d)
 * @param labels n whole numbers
 * @param options temperature
 * @returns scalar: mean loss over the anchors, in nats
 * @throws {RangeError} if there is not one label per row
 * @see https://arxiv.org/abs/2004.11362
 */
export function supCon(z: Tensor, labels: Labels, options?: SupConOptions): Tensor {
  return tensorLoss(SUP_CON, z, labels, options);
}

/**
 * Computes the triplet margin loss.
 *
 * @param anchors (n, d): row i of the three tensors is a triplet
 * @param positives (n, d)
 * @param negatives (n, d)
 * @param options margin, distance
 * @returns scalar: mean loss over the n triplets
 * @throws {RangeError} if the shapes differ
 * @see https://arxiv.org/abs/1503.03832
 */
export function tripletLoss(
  anchors: Tensor,
  positives: Tensor,
  negatives: Tensor,
  options?: TripletLossOptions,
): Tensor {
  return tensorLoss(TRIPLET_LOSS, anchors, positives, negatives, options);
}

/**
 * Computes CoSENT's loss of scored pairs, the sum over the batch as in sentence-transformers.
 *
 * @param a (n, d)
 * @param b (n, d): row i is the second text of pair i
 * @param scores n numbers, larger is more similar; only their order counts
 * @param options scale
 * @returns scalar: loss of the batch, in nats
 * @throws {RangeError} if there is not one score per pair
 * @see https://kexue.fm/archives/8847
 */
export function coSentLoss(
  a: Tensor,
  b: Tensor,
  scores: NumberArray,
  options?: CoSentLossOptions,
): Tensor {
  return tensorLoss(CO_SENT_LOSS, a, b, scores, options);
}

/**
 * Computes AnglE's loss of scored pairs: CoSENT's with an angle in the complex plane instead of
 * the cosine.
 *
 * @param a (n, d), d even
 * @param b (n, d): row i is the second text of pair i
 * @param scores n numbers, larger is more similar; only their order counts
 * @param options scale
 * @returns scalar: loss of the batch, in nats
 * @throws {RangeError} if the width is odd, or there is not one score per pair
 * @see https://arxiv.org/abs/2309.12871
 */
export function angleLoss(
  a: Tensor,
  b: Tensor,
  scores: NumberArray,
  options?: AngleLossOptions,
): Tensor {
  return tensorLoss(ANGLE_LOSS, a, b, scores, options);
}

/**
 * Computes the contrastive loss of single pairs, similar or not.
 *
 * @param a (n, d)
 * @param b (n, d): row i is the second text of pair i
 * @param similar for each pair 1 or true where its texts belong together, 0 or false where they don't
 * @param options margin
 * @returns scalar: mean loss over the n pairs
 * @throws {RangeError} if there is not one number per pair
 */
export function contrastiveLoss(
  a: Tensor,
  b: Tensor,
  similar: Labels,
  options?: ContrastiveLossOptions,
): Tensor {
  return tensorLoss(CONTRASTIVE_LOSS, a, b, similar, options);
}
