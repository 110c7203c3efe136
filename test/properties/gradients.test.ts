/**
 * Gradients at random small shapes: each number of each gradient against the central difference of
 * a f64 reference of the loss, and what follows from what a loss does not depend on. A gradient by a
 * row whose length doesn't matter is at right angles to it; one by what may be shifted sums to 0.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import { cosine, distance, dot, type Rows } from '../../bench/operations/reference.js';
import * as references from '../../bench/operations/reference-losses.js';
import { check, close, same, suite } from '../harness.js';
import { labels, largest, type Matrix, matrix, row, SEED } from './draw.js';

const test = suite('gradients');

type Lists = Record<string, ArrayLike<number>>;

/** A loss with everything but its matrices fixed. A single number is a matrix of one. */
interface Case {
  name: string;
  inputs: Record<string, Matrix>;
  /** The loss itself, and the loss with its gradients by input. */
  loss(): number;
  run(): { loss: number; grads: Lists };
  reference(inputs: Record<string, Rows>): number;
  /** Set where the length of rows doesn't matter. */
  ofCosines: boolean;
}

type Draw = (n: number, cols: number, seed: number) => Case;

/** Numbers with a size in [0.5, 1.5]: short rows turn too fast for differences. */
function away(rows: number, cols: number, seed: number): Matrix {
  const { data } = matrix(rows, cols, seed);
  return { data: data.map((value) => value + (value < 0 ? -0.5 : 0.5)), rows, cols };
}

function shares(rows: number, cols: number, seed: number): Matrix {
  return nearfar.softmax(matrix(rows, cols, seed));
}

const isOdd = (label: number): boolean => label % 2 !== 0;

const negativeCosine: typeof distance = (x, y) => -cosine(x, y);

/** A margin near 0.4 that leaves no triplet near the kink; some are at zero with it. */
function clearMargin(a: Matrix, p: Matrix, n: Matrix, far: typeof distance): number {
  const gaps = Array.from({ length: a.rows }, (_, i) => {
    const [x, y, z] = [a, p, n].map((rows) => [...row(rows, i)]) as [number[], number[], number[]];
    return far(x, y) - far(x, z);
  });
  const isClear = (margin: number) => gaps.every((gap) => Math.abs(margin + gap) > 1e-3);
  return [0.4, 0.41, 0.42, 0.43, 0.44, 0.45, 0.46].find(isClear) as number;
}

const TEMPERATURE = 0.3;
const ONE: Matrix = { data: Float32Array.of(3.5), rows: 1, cols: 1 };

/** Losses of two views per sample. */
const OF_VIEWS = [
  {
    name: 'ntXent',
    value: nearfar.ntXent,
    grads: nearfar.ntXentGrad,
    reference: references.ntXent,
  },
  {
    name: 'decoupledNtXent',
    value: nearfar.decoupledNtXent,
    grads: nearfar.decoupledNtXentGrad,
    reference: references.decoupledNtXent,
  },
];

/** Losses of pairs with a number each. */
const SCORED = [
  {
    name: 'coSentLoss',
    value: nearfar.coSentLoss,
    grads: nearfar.coSentLossGrad,
    reference: (a: Rows, b: Rows, scores: number[]) =>
      references.coSent(references.pairCosines(a, b), scores, 20),
  },
  {
    name: 'angleLoss',
    value: nearfar.angleLoss,
    grads: nearfar.angleLossGrad,
    reference: (a: Rows, b: Rows, scores: number[]) =>
      references.coSent(references.pairAngles(a, b), scores, 20),
  },
  {
    name: 'contrastiveLoss',
    value: (a: Matrix, b: Matrix, of: number[]) => nearfar.contrastiveLoss(a, b, of.map(isOdd)),
    grads: (a: Matrix, b: Matrix, of: number[]) => nearfar.contrastiveLossGrad(a, b, of.map(isOdd)),
    reference: (a: Rows, b: Rows, of: number[]) =>
      references.contrastiveLoss(
        a,
        b,
        of.map((label) => label % 2),
        0.5,
      ),
  },
];

const DRAWS: Draw[] = [
  ...OF_VIEWS.map(
    ({ name, value, grads, reference }): Draw =>
      (n, cols, seed) => {
        // A single sample leaves the decoupled form without a negative.
        const z = away(2 * (name === 'ntXent' ? n : n + 1), cols, seed);
        const options = { temperature: TEMPERATURE };
        return {
          name: `${name}Grad`,
          inputs: { z },
          loss: () => value(z, options),
          run: () => {
            const { loss, grad } = grads(z, options);
            return { loss, grads: { z: grad.data } };
          },
          reference: ({ z }) => reference(z as Rows, TEMPERATURE),
          ofCosines: true,
        };
      },
  ),
  (n, cols, seed) => {
    const z = away(n, cols, seed);
    const of = labels(n, 3, seed);
    const options = { temperature: TEMPERATURE };
    return {
      name: 'supConGrad',
      inputs: { z },
      loss: () => nearfar.supCon(z, of, options),
      run: () => {
        const { loss, grad } = nearfar.supConGrad(z, of, options);
        return { loss, grads: { z: grad.data } };
      },
      reference: ({ z }) => references.supCon(z as Rows, of, TEMPERATURE),
      ofCosines: true,
    };
  },
  (n, cols, seed) => {
    const inputs = {
      queries: away(n, cols, seed),
      keys: away(n, cols, seed + 1),
      negatives: away(1 + (seed % 3), cols, seed + 2),
    };
    const ids = labels(n, 4, seed);
    const symmetric = seed % 2 === 0;
    const options = { temperature: TEMPERATURE, negatives: inputs.negatives, ids, symmetric };
    return {
      name: 'infoNceGrad',
      inputs,
      loss: () => nearfar.infoNce(inputs.queries, inputs.keys, options),
      run: () => {
        const result = nearfar.infoNceGrad(inputs.queries, inputs.keys, options);
        const { loss, gradQueries, gradKeys, gradNegatives } = result;
        const negatives = (gradNegatives as Matrix).data;
        return { loss, grads: { queries: gradQueries.data, keys: gradKeys.data, negatives } };
      },
      reference: ({ queries, keys, negatives }) =>
        references.infoNce(queries as Rows, keys as Rows, {
          scale: 1 / TEMPERATURE,
          negatives,
          ids,
          symmetric,
        }),
      ofCosines: true,
    };
  },
  (n, cols, seed) => {
    const inputs = { image: away(n, cols, seed), text: away(n, cols, seed + 1), logitScale: ONE };
    const options = { logitScale: ONE.data[0], ids: labels(n, 4, seed) };
    return {
      name: 'clipLossGrad',
      inputs,
      loss: () => nearfar.clipLoss(inputs.image, inputs.text, options),
      run: () => {
        const result = nearfar.clipLossGrad(inputs.image, inputs.text, options);
        const { loss, gradImage, gradText, gradLogitScale } = result;
        const logitScale = [gradLogitScale];
        return { loss, grads: { image: gradImage.data, text: gradText.data, logitScale } };
      },
      reference: ({ image, text, logitScale }) =>
        references.infoNce(image as Rows, text as Rows, {
          scale: only(logitScale),
          ids: options.ids,
          symmetric: true,
        }),
      ofCosines: true,
    };
  },
  (n, cols, seed) => {
    const inputs = {
      image: away(n, cols, seed),
      text: away(n, cols, seed + 1),
      logitScale: ONE,
      logitBias: { ...ONE, data: Float32Array.of(-1 / 2) },
    };
    const ids = labels(n, 4, seed);
    const options = { logitScale: ONE.data[0], logitBias: -1 / 2, ids };
    return {
      name: 'sigLipLossGrad',
      inputs,
      loss: () => nearfar.sigLipLoss(inputs.image, inputs.text, options),
      run: () => {
        const result = nearfar.sigLipLossGrad(inputs.image, inputs.text, options);
        const { loss, gradImage, gradText, gradLogitScale, gradLogitBias } = result;
        const grads = { image: gradImage.data, text: gradText.data };
        return {
          loss,
          grads: { ...grads, logitScale: [gradLogitScale], logitBias: [gradLogitBias] },
        };
      },
      reference: ({ image, text, logitScale, logitBias }) =>
        references.sigLip(image as Rows, text as Rows, only(logitScale), only(logitBias), ids),
      ofCosines: true,
    };
  },
  (n, cols, seed) => {
    const logits = away(n, cols, seed);
    const targets = labels(n, cols, seed).map((target, i) => (i % 4 === 3 ? -1 : target));
    const options = { ignoreIndex: -1, labelSmoothing: (seed % 3) / 5 };
    return {
      name: 'crossEntropyGrad',
      inputs: { logits },
      loss: () => nearfar.crossEntropy(logits, targets, options),
      run: () => {
        const { loss, grad } = nearfar.crossEntropyGrad(logits, targets, options);
        return { loss, grads: { logits: grad.data } };
      },
      reference: ({ logits }) =>
        references.crossEntropy(logits as Rows, targets, -1, options.labelSmoothing),
      ofCosines: false,
    };
  },
  (n, cols, seed) => {
    const inputs = { p: shares(n, cols, seed), q: shares(n, cols, seed + 1) };
    return {
      name: 'klDivergenceGrad',
      inputs,
      loss: () => nearfar.klDivergence(inputs.p, inputs.q),
      run: () => {
        const { loss, gradP, gradQ } = nearfar.klDivergenceGrad(inputs.p, inputs.q);
        return { loss, grads: { p: gradP.data, q: gradQ.data } };
      },
      reference: ({ p, q }) => references.klDivergence(p as Rows, q as Rows),
      ofCosines: false,
    };
  },
  ...(['cosine', 'euclidean'] as const).map(
    (kind): Draw =>
      (n, cols, seed) => {
        const inputs = {
          anchors: away(n, cols, seed),
          positives: away(n, cols, seed + 1),
          negatives: away(n, cols, seed + 2),
        };
        const { anchors, positives, negatives } = inputs;
        const far = kind === 'cosine' ? negativeCosine : distance;
        const options = { margin: clearMargin(anchors, positives, negatives, far), distance: kind };
        return {
          name: 'tripletLossGrad',
          inputs,
          loss: () => nearfar.tripletLoss(anchors, positives, negatives, options),
          run: () => {
            const result = nearfar.tripletLossGrad(anchors, positives, negatives, options);
            const { loss, gradAnchors, gradPositives, gradNegatives } = result;
            return {
              loss,
              grads: {
                anchors: gradAnchors.data,
                positives: gradPositives.data,
                negatives: gradNegatives.data,
              },
            };
          },
          reference: ({ anchors, positives, negatives }) =>
            references.tripletLoss(
              anchors as Rows,
              positives as Rows,
              negatives as Rows,
              options.margin,
              far,
            ),
          ofCosines: kind === 'cosine',
        };
      },
  ),
  ...SCORED.map(
    ({ name, value, grads, reference }): Draw =>
      (n, cols, seed) => {
        const width = name === 'angleLoss' ? 2 * cols : cols;
        const inputs = { a: away(n, width, seed), b: away(n, width, seed + 1) };
        const scores = labels(n, 3, seed);
        return {
          name: `${name}Grad`,
          inputs,
          loss: () => value(inputs.a, inputs.b, scores),
          run: () => {
            const { loss, gradA, gradB } = grads(inputs.a, inputs.b, scores);
            return { loss, grads: { a: gradA.data, b: gradB.data } };
          },
          reference: ({ a, b }) => reference(a as Rows, b as Rows, scores),
          ofCosines: true,
        };
      },
  ),
];

function only(rows: Rows | undefined): number {
  return rows?.[0]?.[0] as number;
}

function widen(inputs: Record<string, Matrix>): Record<string, Rows> {
  const wide = Object.entries(inputs).map(([key, x]): [string, Rows] => {
    return [key, Array.from({ length: x.rows }, (_, i) => [...row(x, i)])];
  });
  return Object.fromEntries(wide);
}

const STEP = 1e-5;

/** The central differences of the reference by each number of one input. */
function differences({ reference }: Case, wide: Record<string, Rows>, key: string): number[] {
  return (wide[key] as Rows).flatMap((values) =>
    values.map((value, c) => {
      const move = (by: number): number => {
        values[c] = value + by;
        const loss = reference(wide);
        values[c] = value;
        return loss;
      };
      return (move(STEP) - move(-STEP)) / (2 * STEP);
    }),
  );
}

const SMALL = fc.integer({ min: 1, max: 6 });

function everyCase(check: (drawn: Case) => void, numRuns: number): void {
  fc.assert(
    fc.property(fc.nat(DRAWS.length - 1), SMALL, SMALL, SEED, (at, n, cols, seed) => {
      check((DRAWS[at] as Draw)(n, cols, seed));
    }),
    { numRuns },
  );
}

test('every function with gradients is drawn', () => {
  const names = Object.keys(nearfar).filter((name) => name.endsWith('Grad'));
  const drawn = new Set(DRAWS.map((draw) => draw(2, 2, 1).name));
  same([...drawn].toSorted(), names.toSorted());
});

test('gradients equal the differences of the reference, and the loss its own', () => {
  everyCase((drawn) => {
    const { name, inputs } = drawn;
    const { loss, grads } = drawn.run();
    const wide = widen(inputs);
    same(loss, drawn.loss(), `${name} and the loss alone`);
    close(loss, drawn.reference(wide), { what: name, rtol: 2e-6, atol: 2e-6 });
    same(Object.keys(grads), Object.keys(inputs), name);
    for (const [key, grad] of Object.entries(grads)) {
      const expected = differences(drawn, wide, key);
      const atol = 2e-6 * Math.max(1, largest(expected));
      close(grad, expected, { what: `${name} by ${key}`, atol });
    }
  }, 400);
});

test('a gradient of cosines is at right angles to its row', () => {
  everyCase(({ name, inputs, run, ofCosines }) => {
    if (!ofCosines) return;
    const { grads } = run();
    for (const [key, x] of Object.entries(inputs)) {
      if (x.rows * x.cols === 1 && key.startsWith('logit')) continue;
      const grad = { ...x, data: grads[key] as Float32Array };
      for (let i = 0; i < x.rows; i++) {
        const along = dot([...row(grad, i)], [...row(x, i)]);
        const size = Math.max(largest(row(grad, i)) * largest(row(x, i)), 0.1);
        check(Math.abs(along) < 3e-6 * size * x.cols, `${name}: ${key}[${i}]: ${along}`);
      }
    }
  }, 300);
});

test('logits and positions that may be shifted have gradients that sum to 0', () => {
  everyCase(({ name, inputs, run }) => {
    const { grads } = run();
    if (name === 'crossEntropyGrad') {
      const grad = { ...(inputs.logits as Matrix), data: grads.logits as Float32Array };
      for (let i = 0; i < grad.rows; i++) {
        const sum = row(grad, i).reduce((total, value) => total + value, 0);
        check(Math.abs(sum) < 1e-6, `row ${i} sums to ${sum}`);
      }
    }
  }, 100);
  fc.assert(
    fc.property(SMALL, SMALL, SEED, (n, cols, seed) => {
      const [a, p, q] = [0, 1, 2].map((i) => matrix(n, cols, seed + i)) as [Matrix, Matrix, Matrix];
      const grads = nearfar.tripletLossGrad(a, p, q, { distance: 'euclidean' });
      const { gradAnchors, gradPositives, gradNegatives } = grads;
      const sums = gradAnchors.data.map(
        (value: number, i: number) =>
          value + (gradPositives.data[i] as number) + (gradNegatives.data[i] as number),
      );
      close(sums, new Float32Array(n * cols), { what: 'sum of the three', atol: 3e-7 });
    }),
  );
});

test('equal points have a Euclidean gradient of 0', () => {
  const a = matrix(3, 5, 1);
  const grads = nearfar.tripletLossGrad(a, a, a, { distance: 'euclidean', margin: 1 });
  same(grads.loss, 1, 'loss');
  for (const grad of [grads.gradAnchors, grads.gradPositives, grads.gradNegatives]) {
    check(
      grad.data.every((value: number) => value === 0),
      'a gradient is not 0',
    );
  }
});
