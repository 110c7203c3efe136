/** Losses of adapted rows in WASM memory, and their gradients. */

import adaptCode from '#wasm/adapt';
import { kernels } from '../core/kernels.js';
import { f32, type Pointer, type Scope, scoped } from '../core/memory.js';
import { WasmMatrix } from '../core/wasm-matrix.js';
import { ANGLE_LOSS } from '../losses/angle.js';
import { CO_SENT_LOSS } from '../losses/co-sent.js';
import { INFO_NCE } from '../losses/info-nce.js';
import { lossGrads } from '../losses/loss.js';
import { SUP_CON } from '../losses/sup-con.js';
import { TRIPLET_LOSS } from '../losses/triplet.js';
import type { Kind } from './data.js';

/** Losses of each kind of data, the default first. */
export const LOSSES = {
  pairs: ['infoNce'],
  scores: ['coSentLoss', 'angleLoss'],
  labels: ['supCon'],
  triplets: ['tripletLoss', 'infoNce'],
} as const satisfies Readonly<Record<Kind, readonly string[]>>;

export type AdapterLoss = (typeof LOSSES)[Kind][number];

/** A loss with its settings. */
export interface Objective {
  readonly loss: AdapterLoss;
  readonly temperature: number;
  readonly symmetric: boolean;
  readonly margin: number;
  /** Columns of the prefixes whose mean loss counts: all columns, and those of Matryoshka. */
  readonly widths: readonly number[];
}

/** Rows of one part of a batch: all queries, all documents. */
export interface Part {
  readonly at: Pointer;
  readonly grad: Pointer;
  readonly rows: number;
}

/**
 * Computes the loss of a batch, and the gradients of its parts.
 *
 * @param parts queries and documents (and further negatives); rows; or anchors, positives, negatives
 * @param values scores of the pairs, or labels of the rows
 */
export function computeObjective(
  objective: Objective,
  parts: readonly Part[],
  cols: number,
  values: readonly number[],
): number {
  const { widths } = objective;
  if (widths.length === 1 && widths[0] === cols) return lossOf(objective, parts, cols, values);
  const adapt = kernels(adaptCode);
  let total = 0;
  for (const { grad, rows } of parts) f32().fill(0, grad / 4, grad / 4 + rows * cols);
  for (const width of widths) {
    scoped((scope) => {
      const prefixes = parts.map(({ at, rows }) => {
        const prefix = { at: scope.f32(rows * width), grad: scope.f32(rows * width), rows };
        adapt.copyPrefix(prefix.at, at, rows, width, cols);
        return prefix;
      });
      total += lossOf(objective, prefixes, width, values) / widths.length;
      parts.forEach(({ grad, rows }, i) => {
        const from = (prefixes[i] as Part).grad;
        adapt.addPrefix(grad, from, rows, width, cols, 1 / widths.length);
      });
    });
  }
  return total;
}

function lossOf(
  { loss, temperature, symmetric, margin }: Objective,
  parts: readonly Part[],
  cols: number,
  values: readonly number[],
): number {
  const [a, b, c] = parts.map(({ at, rows, grad }) => new WasmMatrix(at, rows, cols, grad));
  switch (loss) {
    case 'infoNce':
      return lossGrads(INFO_NCE, a, b, { temperature, symmetric, ...(c && { negatives: c }) }).loss;
    case 'supCon':
      return lossGrads(SUP_CON, a, values, { temperature }).loss;
    case 'tripletLoss':
      return lossGrads(TRIPLET_LOSS, a, b, c, { margin }).loss;
    case 'coSentLoss':
      return lossGrads(CO_SENT_LOSS, a, b, values, { scale: 1 / temperature }).loss;
    case 'angleLoss':
      return lossGrads(ANGLE_LOSS, a, b, values, { scale: 1 / temperature }).loss;
  }
}

/** Reserves the parts of a batch one after the other: their rows and gradients are two matrices. */
export function layOutParts(
  scope: Scope,
  rows: readonly number[],
  cols: number,
): { at: Pointer; grad: Pointer; parts: Part[] } {
  const total = rows.reduce((sum, count) => sum + count, 0);
  // Rows are written in whole vectors: there is room behind the last.
  const [at, grad] = [scope.f32(total * cols + 16), scope.f32(total * cols + 16)];
  let done = 0;
  const parts = rows.map((count) => {
    const offset = 4 * done * cols;
    done += count;
    return { at: at + offset, grad: grad + offset, rows: count };
  });
  return { at, grad, parts };
}
