/**
 * Rows of the table: logits, divergence, contrastive losses, triplets. The rows of the losses on
 * tensors come from those on matrices.
 */

import { type LossRow, lossRow } from './loss-row.js';
import {
  integers,
  type Numbers,
  normal,
  type Operation,
  operation,
  probabilities,
  type Sizes,
} from './operation.js';
import { cosine, distance, logSumExp, softmax, toRows } from './reference.js';
import * as reference from './reference-losses.js';

/** Rows and width around the sizes of slivers (4, 8) and tiles (128). */
const PAIRS: readonly Sizes[] = [
  { N: 1, C: 1 },
  { N: 2, C: 3 },
  { N: 9, C: 8 },
  { N: 65, C: 17 },
  { N: 129, C: 5 },
];
const LARGE_PAIRS: readonly Sizes[] = [
  { N: 16, C: 64 },
  { N: 256, C: 128 },
  { N: 1024, C: 128 },
  { N: 4096, C: 128 },
];
const LOGITS: readonly Sizes[] = [
  { N: 1, C: 1 },
  { N: 3, C: 2 },
  { N: 13, C: 7 },
  { N: 5, C: 257 },
];
const LARGE_LOGITS: readonly Sizes[] = [
  { N: 768, C: 65 },
  { N: 1024, C: 1000 },
];

/** Temperatures on both sides of where sums change from a fixed to a running shift. */
const TEMPERATURES = [0.5, 0.01] as const;

/** Products of all pairs of N rows with N others. */
const PAIRS_FLOPS = ({ N = 1, C = 1 }: Sizes): number => 2 * N * N * C;

/** A number that a loss may learn, as a tensor of no axes. */
const scalar = (value: number): Numbers => ({
  data: Float32Array.of(value),
  rows: 1,
  cols: 1,
  shape: [],
});
const numberOf = ({ data }: Numbers): number => data[0] as number;

const ntXents = TEMPERATURES.map((temperature) =>
  lossRow({
    loss: 'ntXent',
    name: `ntXent temperature ${temperature}`,
    sizes: PAIRS,
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({ z: normal(random, 2 * N, C) }),
    args: ({ z }) => [z, { temperature }],
    reference: ({ z }) => reference.ntXent(toRows(z), temperature),
    step: temperature * 1e-3,
    // Similarities of the upper triangle, forward.
    flops: ({ N = 1, C = 1 }) => 4 * N * N * C,
    tensors: [temperature === 0.5 ? { name: 'ntXent' } : {}],
  }),
);

const decoupledNtXents = TEMPERATURES.map((temperature) =>
  lossRow({
    loss: 'decoupledNtXent',
    name: `decoupledNtXent temperature ${temperature}`,
    sizes: PAIRS.filter(({ N = 1 }) => N > 1),
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({ z: normal(random, 2 * N, C) }),
    args: ({ z }) => [z, { temperature }],
    reference: ({ z }) => reference.decoupledNtXent(toRows(z), temperature),
    step: temperature * 1e-3,
    flops: ({ N = 1, C = 1 }) => 4 * N * N * C,
  }),
);

const infoNce = lossRow({
  loss: 'infoNce',
  sizes: PAIRS,
  large: LARGE_PAIRS,
  inputs: ({ N = 1, C = 1 }, random) => ({
    queries: normal(random, N, C),
    keys: normal(random, N, C),
  }),
  args: ({ queries, keys }) => [queries, keys],
  reference: ({ queries, keys }) =>
    reference.infoNce(toRows(queries), toRows(keys), { scale: 1 / 0.07 }),
  flops: PAIRS_FLOPS,
});

const infoNceWithAll = lossRow({
  loss: 'infoNce',
  name: 'infoNce symmetric with ids and negatives',
  sizes: PAIRS,
  large: LARGE_PAIRS,
  inputs: ({ N = 1, C = 1 }, random) => ({
    queries: normal(random, N, C),
    keys: normal(random, N, C),
    negatives: normal(random, 1 + (N >> 1), C),
    ids: integers(random, N, 1 + (N >> 1)),
  }),
  args: ({ queries, keys, negatives }, { ids }) => [
    queries,
    keys,
    { symmetric: true, negatives, ids: ids.data },
  ],
  reference: ({ queries, keys, negatives, ids }) =>
    reference.infoNce(toRows(queries), toRows(keys), {
      scale: 1 / 0.07,
      negatives: toRows(negatives),
      ids: ids.data,
      symmetric: true,
    }),
  flops: PAIRS_FLOPS,
  tensors: [
    {},
    {
      name: 'infoNce with negatives',
      inputs: ({ N = 1, C = 1 }, random) => ({
        queries: normal(random, N, C),
        keys: normal(random, N, C),
        negatives: normal(random, 2, C),
        ids: integers(random, N, N),
      }),
      args: ({ queries, keys, negatives }) => [queries, keys, { negatives, temperature: 0.5 }],
      reference: ({ queries, keys, negatives }) =>
        reference.infoNce(toRows(queries), toRows(keys), {
          scale: 2,
          negatives: toRows(negatives),
        }),
    },
  ],
});

const clipInputs =
  (logitScale: number) =>
  ({ N = 1, C = 1 }: Sizes, random: Parameters<typeof normal>[0]) => ({
    image: normal(random, N, C),
    text: normal(random, N, C),
    logitScale: scalar(logitScale),
  });

const clipLoss = lossRow({
  loss: 'clipLoss',
  sizes: PAIRS,
  large: LARGE_PAIRS,
  inputs: clipInputs(60),
  args: ({ image, text, logitScale }) => [image, text, { logitScale }],
  reference: ({ image, text, logitScale }) =>
    reference.infoNce(toRows(image), toRows(text), {
      scale: numberOf(logitScale),
      symmetric: true,
    }),
  step: 1e-5,
  flops: PAIRS_FLOPS,
  tensors: [{ name: 'clipLoss with a learned scale', inputs: clipInputs(3) }],
});

const sigLipInputs =
  (logitScale: number, logitBias: number) =>
  ({ N = 1, C = 1 }: Sizes, random: Parameters<typeof normal>[0]) => ({
    image: normal(random, N, C),
    text: normal(random, N, C),
    logitScale: scalar(logitScale),
    logitBias: scalar(logitBias),
    ids: integers(random, N, 1 + (N >> 1)),
  });

const sigLipLoss = lossRow({
  loss: 'sigLipLoss',
  name: 'sigLipLoss with ids',
  sizes: PAIRS,
  large: LARGE_PAIRS,
  inputs: sigLipInputs(8, -3),
  args: ({ image, text, logitScale, logitBias }, { ids }) => [
    image,
    text,
    { logitScale, logitBias, ids: ids.data },
  ],
  reference: ({ image, text, logitScale, logitBias, ids }) =>
    reference.sigLip(
      toRows(image),
      toRows(text),
      numberOf(logitScale),
      numberOf(logitBias),
      ids.data,
    ),
  flops: PAIRS_FLOPS,
  tensors: [
    {},
    {
      name: 'sigLipLoss with a learned scale and bias',
      inputs: sigLipInputs(3, -2),
      args: ({ image, text, logitScale, logitBias }) => [image, text, { logitScale, logitBias }],
      reference: ({ image, text, logitScale, logitBias }) =>
        reference.sigLip(toRows(image), toRows(text), numberOf(logitScale), numberOf(logitBias)),
    },
  ],
});

const supCon = lossRow({
  loss: 'supCon',
  sizes: PAIRS,
  large: LARGE_PAIRS,
  inputs: ({ N = 1, C = 1 }, random) => ({
    z: normal(random, N, C),
    labels: integers(random, N, 1 + (N >> 2)),
  }),
  args: ({ z }, { labels }) => [z, labels.data],
  reference: ({ z, labels }) => reference.supCon(toRows(z), labels.data, 0.1),
  flops: ({ N = 1, C = 1 }) => N * N * C,
  tensors: [
    {
      args: ({ z }, { labels }) => [z, labels.data, { temperature: 0.5 }],
      reference: ({ z, labels }) => reference.supCon(toRows(z), labels.data, 0.5),
    },
  ],
});

const cosineDistance: typeof distance = (x, y) => 1 - cosine(x, y);

const triplets = (['cosine', 'euclidean'] as const).map((kind) =>
  lossRow({
    loss: 'tripletLoss',
    name: `tripletLoss ${kind}`,
    sizes: PAIRS,
    large: [{ N: 8192, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      anchors: normal(random, N, C),
      positives: normal(random, N, C),
      negatives: normal(random, N, C),
    }),
    args: ({ anchors, positives, negatives }) => [
      anchors,
      positives,
      negatives,
      { distance: kind },
    ],
    reference: ({ anchors, positives, negatives }) =>
      reference.tripletLoss(
        toRows(anchors),
        toRows(positives),
        toRows(negatives),
        0.5,
        kind === 'euclidean' ? distance : cosineDistance,
      ),
    tensors: [kind === 'euclidean' ? { name: 'tripletLoss' } : {}],
  }),
);

const scoredInputs =
  (widthOf: (width: number) => number) =>
  ({ N = 1, C = 1 }: Sizes, random: Parameters<typeof normal>[0]) => ({
    a: normal(random, N, widthOf(C)),
    b: normal(random, N, widthOf(C)),
    scores: integers(random, N, 6),
  });

const coSentLoss = lossRow({
  loss: 'coSentLoss',
  sizes: PAIRS,
  large: [{ N: 8192, C: 128 }],
  inputs: scoredInputs((width) => width),
  args: ({ a, b }, { scores }) => [a, b, scores.data],
  reference: ({ a, b, scores }) =>
    reference.coSent(reference.pairCosines(toRows(a), toRows(b)), scores.data, 20),
  step: 1e-5,
  tensors: [
    {
      args: ({ a, b }, { scores }) => [a, b, scores.data, { scale: 3 }],
      reference: ({ a, b, scores }) =>
        reference.coSent(reference.pairCosines(toRows(a), toRows(b)), scores.data, 3),
    },
  ],
});

const angleLoss = lossRow({
  loss: 'angleLoss',
  sizes: PAIRS,
  large: [{ N: 8192, C: 128 }],
  inputs: scoredInputs((width) => 2 * width),
  args: ({ a, b }, { scores }) => [a, b, scores.data],
  reference: ({ a, b, scores }) =>
    reference.coSent(reference.pairAngles(toRows(a), toRows(b)), scores.data, 20),
  step: 1e-5,
  tensors: [
    {
      args: ({ a, b }, { scores }) => [a, b, scores.data, { scale: 3 }],
      reference: ({ a, b, scores }) =>
        reference.coSent(reference.pairAngles(toRows(a), toRows(b)), scores.data, 3),
    },
  ],
});

const contrastiveLoss = lossRow({
  loss: 'contrastiveLoss',
  sizes: PAIRS,
  large: [{ N: 8192, C: 128 }],
  inputs: ({ N = 1, C = 1 }, random) => ({
    a: normal(random, N, C),
    b: normal(random, N, C),
    similar: integers(random, N, 2),
  }),
  args: ({ a, b }, { similar }) => [a, b, similar.data],
  reference: ({ a, b, similar }) =>
    reference.contrastiveLoss(toRows(a), toRows(b), similar.data, 0.5),
});

type Logits = Record<'logits' | 'targets', Numbers>;

const smoothed = (labelSmoothing: number): Pick<LossRow<Logits>, 'args' | 'reference'> => ({
  args: ({ logits }, { targets }) => [logits, targets.data, { labelSmoothing }],
  reference: ({ logits, targets }) =>
    reference.crossEntropy(toRows(logits), targets.data, -100, labelSmoothing),
});

const crossEntropy = lossRow<Logits>({
  loss: 'crossEntropy',
  sizes: LOGITS,
  large: [...LARGE_LOGITS, { N: 512, C: 1000 }],
  inputs: ({ N = 1, C = 1 }, random) => {
    const targets = integers(random, N, C);
    if (N > 2) targets.data[1] = -100;
    return { logits: normal(random, N, C, 3), targets };
  },
  ...smoothed(0),
  more: {
    run: (api, { logits, targets }) => ({
      smoothed: api.crossEntropy(logits, targets.data, { labelSmoothing: 0.1 }),
    }),
    reference: (given) => ({ smoothed: smoothed(0.1).reference(given) }),
  },
  tensors: [
    { large: [{ N: 768, C: 65 }] },
    { name: 'crossEntropy smoothed', large: [{ N: 768, C: 65 }], ...smoothed(0.1) },
  ],
});

const klDivergence = lossRow({
  loss: 'klDivergence',
  sizes: LOGITS,
  large: LARGE_LOGITS,
  inputs: ({ N = 1, C = 1 }, random) => ({
    p: probabilities(random, N, C),
    q: probabilities(random, N, C),
  }),
  args: ({ p, q }) => [p, q],
  reference: ({ p, q }) => reference.klDivergence(toRows(p), toRows(q)),
  step: 1e-6,
});

const updates = (['anchor', 'gradient'] as const).map((rule) =>
  operation({
    name: `tripletUpdate ${rule}`,
    sizes: [
      { N: 3, C: 2, T: 5 },
      { N: 24, C: 32, T: 200 },
    ],
    large: [{ N: 4096, C: 128, T: 10000 }],
    inputs: ({ N = 1, C = 1, T = 1 }, random) => ({
      embeddings: normal(random, N, C),
      triplets: integers(random, 3 * T, N),
    }),
    run(api, { embeddings, triplets }) {
      const { rows, cols } = embeddings;
      const data = Float32Array.from(embeddings.data);
      const losses = api.tripletUpdate({ data, rows, cols }, triplets.data, { rule });
      return { losses, embeddings: data };
    },
    reference: ({ embeddings, triplets }) =>
      reference.tripletUpdate(
        toRows(embeddings),
        Array.from(triplets.data),
        0.05,
        0.5,
        rule === 'gradient',
      ),
    // Two hundred steps of rounding, each fed to the next.
    rtol: 1e-4,
  }),
);

/** All losses; a new one is one more row. */
const LOSSES = [
  crossEntropy,
  klDivergence,
  ...ntXents,
  ...decoupledNtXents,
  infoNce,
  infoNceWithAll,
  clipLoss,
  sigLipLoss,
  supCon,
  ...triplets,
  coSentLoss,
  angleLoss,
  contrastiveLoss,
];

export const losses: readonly Operation[] = [
  operation({
    name: 'logSumExp',
    sizes: LOGITS,
    large: LARGE_LOGITS,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: normal(random, N, C, 5) }),
    run: (api, { x }) => ({ logSumExp: api.logSumExp(x) }),
    reference: ({ x }) => ({ logSumExp: toRows(x).map(logSumExp) }),
  }),
  operation({
    name: 'softmax',
    sizes: LOGITS,
    large: LARGE_LOGITS,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: normal(random, N, C, 5) }),
    run: (api, { x }) => ({ softmax: api.softmax(x).data }),
    reference: ({ x }) => ({ softmax: toRows(x).flatMap(softmax) }),
  }),
  ...LOSSES.map(({ matrices }) => matrices),
  ...updates,
];

/** Rows of the losses as functions of tensors. */
export const nnLosses: readonly Operation[] = LOSSES.flatMap(({ tensors }) => tensors);
