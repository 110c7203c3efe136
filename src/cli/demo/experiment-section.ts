/** The experiment in words, tables and figures: NumPy's numbers beside ours, then done right. */

import { type Pca, pca } from '../../index.js';
import type { LinePanel, ScatterPanel, Table } from '../../report/types.js';
import {
  bestNtXent,
  classOf,
  type Repeated,
  recorded,
  repeat,
  type Separation,
  separation,
  start,
  trainNtXent,
  trainTriplets,
} from './experiment.js';
import { count, fixed, largestDeviation, mean, percent, steps, thinned, tiny } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';

const TRIPLETS = 4000;
const STEPS = 200;
const RATE = 0.03;

export const experiment: Section = {
  name: 'experiment',
  title: 'The experiment: 24 points, three classes',
  duration: 2,
  sources: [],
  run,
};

async function run({ seed, full, terminal }: SectionContext): Promise<SectionResult> {
  const longer = full ? 3 : 1;
  const repeated = repeat();
  const triplets = trainTriplets(seed, TRIPLETS * longer);
  const contrast = trainNtXent(seed, STEPS * longer, RATE);
  const states: [string, Separation][] = [
    ['start', separation(start())],
    ['anchor rule', separation(repeated.final)],
    ['triplet gradient', separation(triplets.final)],
    ['NT-Xent and Adam', separation(contrast.final)],
  ];
  const [, [, byAnchorRule], [, byTriplets], [, byContrast]] = states as [Pair, Pair, Pair, Pair];
  const comparison = compare(repeated);
  const separations = separationTable(states);
  const panels = [lossPanel(repeated.losses), scatter('Embeddings after training', repeated.pca)];
  const metrics = {
    largestLossDeviation: largestDeviation(repeated.losses, recorded.losses),
    largestEmbeddingDeviation: largestDeviation(repeated.final.data, recorded.final),
    ntXentBefore: repeated.ntXentBefore,
    ntXentAfter: repeated.ntXentAfter,
    anchorRuleNeighbors: byAnchorRule.neighbors,
    tripletNeighbors: byTriplets.neighbors,
    ntXentNeighbors: byContrast.neighbors,
  };
  terminal.event('eval', { section: 'experiment', ...metrics });
  const early = mean(repeated.losses.subarray(0, 50));
  const late = mean(repeated.losses.subarray(-50));
  return {
    metrics,
    tables: [comparison, separations],
    figure: {
      file: 'experiment.svg',
      panels,
      label: 'Triplet loss over 200 steps, and the final embeddings by PCA',
    },
    blocks: [
      {
        kind: 'text',
        text:
          'Twenty-four random points in 32 dimensions belong to three classes of eight. Two ' +
          'hundred times an anchor is drawn, a positive from its class and a negative from another; ' +
          'unless the anchor is nearer to the positive by a cosine of 0.5, it takes a step towards ' +
          'the positive and away from the negative. Points and triplets are recorded from ' +
          'a NumPy script, so that each number can be compared with NumPy’s.',
      },
      {
        kind: 'figure',
        panels,
        caption:
          `First panel: the loss of each triplet. Its mean is ${fixed(early)} over the first 50 and ` +
          `${fixed(late)} over the last 50. Second: the points along the two directions in which ` +
          `they vary most, which hold ${share(repeated.pca)} of the variance. The classes are still ` +
          `mixed: ${percent(byAnchorRule.neighbors, 0)} of the points have their nearest neighbor in ` +
          `their own class, where chance gives ${percent(7 / 23, 0)}.`,
      },
      { kind: 'table', table: comparison },
      { kind: 'heading', text: 'Why so little happens, and what makes classes form' },
      {
        kind: 'text',
        text:
          'Three things hold this version back. A point is the anchor about eight times ' +
          'only. Its rule, `(positive − negative) / ‖anchor‖`, is a shortcut that moves the anchor ' +
          'alone. And its NT-Xent takes row i and row i + 12 for a pair: with eight points to a ' +
          'class, these are always of different classes, so that this number has to rise when ' +
          'classes form.',
      },
      {
        kind: 'text',
        text:
          `Below, the same start twice more: ${count(triplets.losses.length)} triplets at the same ` +
          'learning rate, but by the whole gradient, which moves all three points; and NT-Xent ' +
          `minimised by Adam in ${count(contrast.losses.length)} steps, each of which pairs every point ` +
          'with another of its class.',
      },
      {
        kind: 'figure',
        panels: [curvePanel(triplets.losses), contrastPanel(contrast.losses)],
        caption:
          `Both losses fall: the triplets’ to ${fixed(mean(triplets.losses.slice(-200)))} (mean of ` +
          `the last 200), NT-Xent from ${fixed(contrast.losses[0] as number)} to ` +
          `${fixed(contrast.losses.at(-1) as number)}. It cannot go much below ` +
          `${fixed(bestNtXent())}, where each class is one point: the other six class-mates of a ` +
          'pair count as negatives, and can never be told apart from the positive.',
      },
      {
        kind: 'figure',
        panels: [
          scatter('Start', pca(start())),
          scatter('After the triplet gradient', pca(triplets.final)),
          scatter('After NT-Xent and Adam', pca(contrast.final)),
        ],
        caption:
          'The same 24 points by PCA. Two directions hold ' +
          `${share(pca(start()))} of the variance at the start, ` +
          `${share(pca(triplets.final))} after the triplets and ` +
          `${share(pca(contrast.final))} after NT-Xent, which gives each class almost one ` +
          'direction, the three as far apart as three can be.',
      },
      { kind: 'table', table: separations },
    ],
  };
}

type Pair = [string, Separation];

/** Share of the variance that the first two directions hold. */
function share(fitted: Pca): string {
  const [first = 0, second = 0] = fitted.explainedVarianceRatio;
  return percent(first + second, 0);
}

/** Our numbers beside NumPy's. */
function compare({ losses, final, ntXentBefore, ntXentAfter, pca: fitted }: Repeated): Table {
  const { singularValues } = recorded;
  const variances = singularValues.map((value) => (value * value) / (final.rows - 1));
  const [first = 0, second = 0] = fitted.explainedVariance;
  const coordinates = fitted.projected.data;
  const expected = alignSigns(recorded.pca, coordinates);
  const size = (values: ArrayLike<number>): number => mean(Array.from(values, Math.abs));
  return {
    head: ['', 'NumPy (f64)', 'nearfar (f32)', 'largest deviation'],
    rows: [
      compareRow('mean of the 200 losses', mean, recorded.losses, losses),
      compareRow('mean of the final embeddings', mean, recorded.final, final.data),
      compareRow('NT-Xent before', mean, [recorded.ntXentInitial], [ntXentBefore]),
      compareRow('NT-Xent after', mean, [recorded.ntXentFinal], [ntXentAfter]),
      compareRow('variance along direction 1', mean, variances.slice(0, 1), [first]),
      compareRow('variance along direction 2', mean, variances.slice(1, 2), [second]),
      compareRow('mean size of the PCA coordinates', size, expected, coordinates),
    ],
    caption:
      'Recorded by NumPy and computed here. Where a row stands for many numbers, the deviation is ' +
      'the largest of any of them. Directions of PCA are compared up to their sign.',
  };
}

/** Numbers by what they come to in one, and the largest deviation of any of them. */
function compareRow(
  name: string,
  summary: (values: ArrayLike<number>) => number,
  expected: ArrayLike<number>,
  got: ArrayLike<number>,
): string[] {
  const deviation = tiny(largestDeviation(expected, got));
  return [name, fixed(summary(expected), 6), fixed(summary(got), 6), deviation];
}

/** Coordinates with the sign of each direction turned to that of others. */
function alignSigns(values: readonly number[], like: ArrayLike<number>): number[] {
  const agreement = [0, 0];
  values.forEach((value, i) => {
    agreement[i % 2] = (agreement[i % 2] as number) + value * (like[i] as number);
  });
  return values.map((value, i) => ((agreement[i % 2] as number) < 0 ? -value : value));
}

function separationTable(states: readonly Pair[]): Table {
  return {
    head: [
      '',
      'nearest of\nown class',
      'cosine\nwithin',
      'cosine\nbetween',
      'NT-Xent,\nown class',
      'NT-Xent,\nrows i, i + 12',
    ],
    rows: states.map(([name, s]) => [
      name,
      percent(s.neighbors, 0),
      fixed(s.within),
      fixed(s.between),
      fixed(s.classPairs),
      fixed(s.offsetPairs),
    ]),
    caption:
      'How far apart the classes are: share of points whose nearest neighbor is of their class, ' +
      'mean cosine of two points of one class and of two classes, and NT-Xent at temperature 0.5 ' +
      'with pairs of one class and with rows i and i + 12 as pairs.',
  };
}

function lossPanel(losses: Float32Array): LinePanel {
  return {
    kind: 'lines',
    title: 'Triplet loss over steps, anchor rule',
    x: 'step',
    y: 'loss',
    series: [{ name: 'loss', color: 0, points: steps(losses) }],
  };
}

function curvePanel(losses: readonly number[]): LinePanel {
  return {
    kind: 'lines',
    title: 'Triplet loss, by its whole gradient',
    x: 'triplet',
    y: 'loss (mean of 50)',
    series: [{ name: 'loss', color: 0, points: thinned(losses, losses.length / 50) }],
  };
}

function contrastPanel(losses: readonly number[]): LinePanel {
  return {
    kind: 'lines',
    title: 'NT-Xent, by Adam',
    x: 'step',
    y: 'loss',
    series: [{ name: 'loss', color: 0, points: steps(losses) }],
    reference: { y: bestNtXent(), label: 'each class one point' },
  };
}

function scatter(title: string, { projected }: Pca): ScatterPanel {
  return {
    kind: 'scatter',
    title,
    x: 'first principal component',
    y: 'second',
    groups: ['class 0', 'class 1', 'class 2'],
    points: Array.from({ length: projected.rows }, (_, row) => ({
      x: projected.data[2 * row] as number,
      y: projected.data[2 * row + 1] as number,
      group: classOf(row),
    })),
    marks: 'dots',
  };
}
