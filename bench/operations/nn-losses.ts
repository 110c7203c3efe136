/** Rows of the table: the losses as functions of tensors. */

import { array, onTensors } from './nn.js';
import type { Nd } from './nn-reference.js';
import { integers, type Numbers, type Operation, probabilities, type Sizes } from './operation.js';
import * as reference from './reference.js';

const PAIRS: readonly Sizes[] = [
  { N: 1, C: 1 },
  { N: 3, C: 5 },
  { N: 9, C: 17 },
];
const LARGE: readonly Sizes[] = [{ N: 256, C: 128 }];

const toRows = ({ data, shape }: Nd): number[][] =>
  reference.toRows({
    data: Float64Array.from(data),
    rows: data.length / (shape.at(-1) as number),
    cols: shape.at(-1) as number,
  });
const scalar = (value: number): Nd => ({ data: [value], shape: [] });

export const nnLosses: readonly Operation[] = [
  ...[0, 0.1].map((labelSmoothing) =>
    onTensors({
      name: labelSmoothing === 0 ? 'crossEntropy' : 'crossEntropy smoothed',
      sizes: PAIRS,
      large: [{ N: 768, C: 65 }],
      inputs({ N = 1, C = 1 }, random) {
        const targets = integers(random, N, C);
        if (N > 2) targets.data[1] = -100;
        return { logits: array(random, [N, C], 3), targets };
      },
      forward: (nn, { logits }, { targets }) =>
        nn.crossEntropy(logits, targets.data, { labelSmoothing }),
      reference: ({ logits, targets }) =>
        scalar(reference.crossEntropy(toRows(logits), targets.data, -100, labelSmoothing)),
    }),
  ),
  onTensors({
    name: 'klDivergence',
    sizes: PAIRS,
    large: LARGE,
    inputs: ({ N = 1, C = 1 }, random) => ({
      p: probabilities(random, N, C),
      q: probabilities(random, N, C),
    }),
    forward: (nn, { p, q }) => nn.klDivergence(p, q),
    reference: ({ p, q }) => scalar(reference.klDivergence(toRows(p), toRows(q))),
  }),
  onTensors({
    name: 'ntXent',
    sizes: PAIRS,
    large: LARGE,
    inputs: ({ N = 1, C = 1 }, random) => ({ z: array(random, [2 * N, C]) }),
    forward: (nn, { z }) => nn.ntXent(z),
    reference: ({ z }) => scalar(reference.ntXent(toRows(z), 0.5)),
  }),
  onTensors({
    name: 'infoNce with negatives',
    sizes: PAIRS,
    large: LARGE,
    inputs: ({ N = 1, C = 1 }, random) => ({
      queries: array(random, [N, C]),
      keys: array(random, [N, C]),
      negatives: array(random, [2, C]),
    }),
    forward: (nn, { queries, keys, negatives }) =>
      nn.infoNce(queries, keys, { negatives, temperature: 0.5 }),
    reference: ({ queries, keys, negatives }) =>
      scalar(reference.infoNce(toRows(queries), toRows(keys), 2, toRows(negatives))),
  }),
  onTensors({
    name: 'clipLoss with a learned scale',
    sizes: PAIRS,
    large: LARGE,
    inputs: ({ N = 1, C = 1 }, random) => ({
      image: array(random, [N, C]),
      text: array(random, [N, C]),
      logitScale: { data: Float32Array.of(3), rows: 1, cols: 1, shape: [] } as Numbers,
    }),
    forward: (nn, { image, text, logitScale }) => nn.clipLoss(image, text, { logitScale }),
    reference({ image, text, logitScale }) {
      const scale = logitScale.data[0] as number;
      const rows = [toRows(image), toRows(text)] as const;
      return scalar(reference.infoNce(...rows, scale, [], undefined, true));
    },
  }),
  onTensors({
    name: 'sigLipLoss with a learned scale and bias',
    sizes: PAIRS,
    large: LARGE,
    inputs: ({ N = 1, C = 1 }, random) => ({
      image: array(random, [N, C]),
      text: array(random, [N, C]),
      logitScale: { data: Float32Array.of(3), rows: 1, cols: 1, shape: [] } as Numbers,
      logitBias: { data: Float32Array.of(-2), rows: 1, cols: 1, shape: [] } as Numbers,
    }),
    forward: (nn, { image, text, ...learned }) => nn.sigLipLoss(image, text, learned),
    reference({ image, text, logitScale, logitBias }) {
      const numbers = [logitScale.data[0] as number, logitBias.data[0] as number] as const;
      return scalar(reference.sigLip(toRows(image), toRows(text), ...numbers));
    },
  }),
  onTensors({
    name: 'supCon',
    sizes: PAIRS,
    large: LARGE,
    inputs: ({ N = 1, C = 1 }, random) => ({
      z: array(random, [N, C]),
      labels: integers(random, N, 1 + (N >> 2)),
    }),
    forward: (nn, { z }, { labels }) => nn.supCon(z, labels.data, { temperature: 0.5 }),
    reference: ({ z, labels }) => scalar(reference.supCon(toRows(z), labels.data, 0.5)),
  }),
  onTensors({
    name: 'tripletLoss',
    sizes: PAIRS,
    large: LARGE,
    inputs: ({ N = 1, C = 1 }, random) => ({
      anchors: array(random, [N, C]),
      positives: array(random, [N, C]),
      negatives: array(random, [N, C]),
    }),
    forward: (nn, { anchors, positives, negatives }) =>
      nn.tripletLoss(anchors, positives, negatives, { distance: 'euclidean' }),
    reference: ({ anchors, positives, negatives }) =>
      scalar(
        reference.tripletLoss(
          toRows(anchors),
          toRows(positives),
          toRows(negatives),
          0.5,
          reference.distance,
        ),
      ),
  }),
];
