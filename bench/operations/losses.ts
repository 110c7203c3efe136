/** Rows of the table: logits, divergence, contrastive losses, triplets. */

import {
  integers,
  normal,
  type Operation,
  operation,
  probabilities,
  type Sizes,
} from './operation.js';
import * as reference from './reference.js';
import { toRows } from './reference.js';

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

const ntXents = TEMPERATURES.map((temperature) =>
  operation({
    name: `ntXent temperature ${temperature}`,
    sizes: PAIRS,
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({ z: normal(random, 2 * N, C) }),
    run: (api, { z }) => ({ loss: api.ntXent(z, { temperature }) }),
    reference: ({ z }) => ({ loss: reference.ntXent(toRows(z), temperature) }),
    gradient: {
      run(api, { z }) {
        const { loss, grad } = api.ntXentGrad(z, { temperature });
        return { loss, z: grad.data };
      },
      step: temperature * 1e-3,
    },
    // Similarities of the upper triangle, forward.
    flops: ({ N = 1, C = 1 }) => 4 * N * N * C,
  }),
);

const decoupledNtXents = TEMPERATURES.map((temperature) =>
  operation({
    name: `decoupledNtXent temperature ${temperature}`,
    sizes: PAIRS.filter(({ N = 1 }) => N > 1),
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({ z: normal(random, 2 * N, C) }),
    run: (api, { z }) => ({ loss: api.decoupledNtXent(z, { temperature }) }),
    reference: ({ z }) => ({ loss: reference.decoupledNtXent(toRows(z), temperature) }),
    gradient: {
      run(api, { z }) {
        const { loss, grad } = api.decoupledNtXentGrad(z, { temperature });
        return { loss, z: grad.data };
      },
      step: temperature * 1e-3,
    },
    flops: ({ N = 1, C = 1 }) => 4 * N * N * C,
  }),
);

const infoNces = [false, true].map((symmetric) =>
  operation({
    name: symmetric ? 'infoNce symmetric with ids and negatives' : 'infoNce',
    sizes: PAIRS,
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      queries: normal(random, N, C),
      keys: normal(random, N, C),
      negatives: normal(random, 1 + (N >> 1), C),
      ids: integers(random, N, 1 + (N >> 1)),
    }),
    run: (api, { queries, keys, negatives, ids }) => ({
      loss: api.infoNce(
        queries,
        keys,
        symmetric ? { symmetric, negatives, ids: ids.data } : undefined,
      ),
    }),
    reference: ({ queries, keys, negatives, ids }) => ({
      loss: reference.infoNce(
        toRows(queries),
        toRows(keys),
        1 / 0.07,
        symmetric ? toRows(negatives) : [],
        symmetric ? ids.data : undefined,
        symmetric,
      ),
    }),
    gradient: {
      run(api, { queries, keys, negatives, ids }) {
        const options = symmetric ? { symmetric, negatives, ids: ids.data } : undefined;
        const { loss, gradQueries, gradKeys, gradNegatives } = api.infoNceGrad(
          queries,
          keys,
          options,
        );
        const grads = { loss, queries: gradQueries.data, keys: gradKeys.data };
        return gradNegatives === undefined ? grads : { ...grads, negatives: gradNegatives.data };
      },
    },
    flops: ({ N = 1, C = 1 }) => 2 * N * N * C,
  }),
);

const triplets = (['cosine', 'euclidean'] as const).map((distance) =>
  operation({
    name: `tripletLoss ${distance}`,
    sizes: PAIRS,
    large: [{ N: 8192, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      anchors: normal(random, N, C),
      positives: normal(random, N, C),
      negatives: normal(random, N, C),
    }),
    run: (api, { anchors, positives, negatives }) => ({
      loss: api.tripletLoss(anchors, positives, negatives, { distance }),
    }),
    reference({ anchors, positives, negatives }) {
      const far =
        distance === 'euclidean'
          ? reference.distance
          : (x: readonly number[], y: readonly number[]) => 1 - reference.cosine(x, y);
      const rows = [anchors, positives, negatives].map(toRows) as [
        number[][],
        number[][],
        number[][],
      ];
      return { loss: reference.tripletLoss(...rows, 0.5, far) };
    },
    gradient: {
      run(api, { anchors, positives, negatives }) {
        const grads = api.tripletLossGrad(anchors, positives, negatives, { distance });
        return {
          loss: grads.loss,
          anchors: grads.gradAnchors.data,
          positives: grads.gradPositives.data,
          negatives: grads.gradNegatives.data,
        };
      },
    },
  }),
);

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

export const losses: readonly Operation[] = [
  operation({
    name: 'logSumExp',
    sizes: LOGITS,
    large: LARGE_LOGITS,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: normal(random, N, C, 5) }),
    run: (api, { x }) => ({ logSumExp: api.logSumExp(x) }),
    reference: ({ x }) => ({ logSumExp: toRows(x).map(reference.logSumExp) }),
  }),
  operation({
    name: 'softmax',
    sizes: LOGITS,
    large: LARGE_LOGITS,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: normal(random, N, C, 5) }),
    run: (api, { x }) => ({ softmax: api.softmax(x).data }),
    reference: ({ x }) => ({ softmax: toRows(x).flatMap(reference.softmax) }),
  }),
  operation({
    name: 'crossEntropy',
    sizes: LOGITS,
    large: LARGE_LOGITS,
    inputs: ({ N = 1, C = 1 }, random) => {
      const targets = integers(random, N, C);
      if (N > 2) targets.data[1] = -100;
      return { logits: normal(random, N, C, 3), targets };
    },
    run: (api, { logits, targets }) => ({
      loss: api.crossEntropy(logits, targets.data),
      smoothed: api.crossEntropy(logits, targets.data, { labelSmoothing: 0.1 }),
    }),
    reference: ({ logits, targets }) => ({
      loss: reference.crossEntropy(toRows(logits), targets.data, -100, 0),
      smoothed: reference.crossEntropy(toRows(logits), targets.data, -100, 0.1),
    }),
    gradient: {
      run(api, { logits, targets }) {
        const { loss, grad } = api.crossEntropyGrad(logits, targets.data);
        return { loss, logits: grad.data };
      },
    },
  }),
  operation({
    name: 'klDivergence',
    sizes: LOGITS,
    large: LARGE_LOGITS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      p: probabilities(random, N, C),
      q: probabilities(random, N, C),
    }),
    run: (api, { p, q }) => ({ loss: api.klDivergence(p, q) }),
    reference: ({ p, q }) => ({ loss: reference.klDivergence(toRows(p), toRows(q)) }),
    gradient: {
      run(api, { p, q }) {
        const { loss, gradP, gradQ } = api.klDivergenceGrad(p, q);
        return { loss, p: gradP.data, q: gradQ.data };
      },
      step: 1e-6,
    },
  }),
  ...ntXents,
  ...decoupledNtXents,
  ...infoNces,
  operation({
    name: 'clipLoss',
    sizes: PAIRS,
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      image: normal(random, N, C),
      text: normal(random, N, C),
      logitScale: { data: Float32Array.of(60), rows: 1, cols: 1 },
    }),
    run: (api, { image, text, logitScale }) => ({
      loss: api.clipLoss(image, text, { logitScale: logitScale.data[0] as number }),
    }),
    reference({ image, text, logitScale }) {
      const scale = logitScale.data[0] as number;
      return {
        loss: reference.infoNce(toRows(image), toRows(text), scale, [], undefined, true),
      };
    },
    gradient: {
      run(api, { image, text, logitScale }) {
        const grads = api.clipLossGrad(image, text, { logitScale: logitScale.data[0] as number });
        return {
          loss: grads.loss,
          image: grads.gradImage.data,
          text: grads.gradText.data,
          logitScale: [grads.gradLogitScale],
        };
      },
      step: 1e-5,
    },
    flops: ({ N = 1, C = 1 }) => 2 * N * N * C,
  }),
  operation({
    name: 'sigLipLoss with ids',
    sizes: PAIRS,
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      image: normal(random, N, C),
      text: normal(random, N, C),
      logitScale: { data: Float32Array.of(8), rows: 1, cols: 1 },
      logitBias: { data: Float32Array.of(-3), rows: 1, cols: 1 },
      ids: integers(random, N, 1 + (N >> 1)),
    }),
    run: (api, { image, text, logitScale, logitBias, ids }) => ({
      loss: api.sigLipLoss(image, text, {
        logitScale: logitScale.data[0] as number,
        logitBias: logitBias.data[0] as number,
        ids: ids.data,
      }),
    }),
    reference: ({ image, text, logitScale, logitBias, ids }) => {
      const [scale, bias] = [logitScale.data[0] as number, logitBias.data[0] as number];
      return { loss: reference.sigLip(toRows(image), toRows(text), scale, bias, ids.data) };
    },
    gradient: {
      run(api, { image, text, logitScale, logitBias, ids }) {
        const grads = api.sigLipLossGrad(image, text, {
          logitScale: logitScale.data[0] as number,
          logitBias: logitBias.data[0] as number,
          ids: ids.data,
        });
        return {
          loss: grads.loss,
          image: grads.gradImage.data,
          text: grads.gradText.data,
          logitScale: [grads.gradLogitScale],
          logitBias: [grads.gradLogitBias],
        };
      },
    },
    flops: ({ N = 1, C = 1 }) => 2 * N * N * C,
  }),
  operation({
    name: 'supCon',
    sizes: PAIRS,
    large: LARGE_PAIRS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      z: normal(random, N, C),
      labels: integers(random, N, 1 + (N >> 2)),
    }),
    run: (api, { z, labels }) => ({ loss: api.supCon(z, labels.data) }),
    reference: ({ z, labels }) => ({ loss: reference.supCon(toRows(z), labels.data, 0.1) }),
    gradient: {
      run(api, { z, labels }) {
        const { loss, grad } = api.supConGrad(z, labels.data);
        return { loss, z: grad.data };
      },
    },
    flops: ({ N = 1, C = 1 }) => N * N * C,
  }),
  ...triplets,
  ...updates,
];
