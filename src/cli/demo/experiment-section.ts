/** The demo's section on 24 points: NumPy's numbers next to ours, then full gradients. */

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
import { count, fixed, maxDifference, mean, percent, steps, thinned, tiny } from './numbers.js';
import { program } from './programs.js';
import type { Section, SectionContext, SectionResult } from './section.js';

const TRIPLETS = 4000;
const STEPS = 200;
const RATE = 0.03;

/** The section. */
export const experiment: Section = {
  name: 'experiment',
  title: 'The contrastive experiment: 24 points, three classes',
  duration: 1,
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
    maxLossDifference: maxDifference(repeated.losses, recorded.losses),
    maxEmbeddingDifference: maxDifference(repeated.final.data, recorded.final),
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
          'Twenty-four random points in 32 dimensions belong to three classes of eight. In each of ' +
          '200 steps, a triplet is drawn: an anchor, a positive of its class, a negative of another. ' +
          'Unless the anchor is closer to the positive by a cosine of 0.5, the anchor (and it ' +
          'alone) moves towards the positive and away from the negative. Points and triplets are recorded from ' +
          'a NumPy script, so that each number can be compared with NumPy’s.',
      },
      {
        kind: 'figure',
        panels,
        caption:
          `First panel: the loss of each triplet. Its mean is ${fixed(early)} over the first 50 and ` +
          `${fixed(late)} over the last 50. Second: the points along the two directions in which ` +
          `they vary most, which explain ${explained(repeated.pca)} of the variance. The classes are still ` +
          `mixed: ${percent(byAnchorRule.neighbors, 0)} of the points have their nearest neighbor in ` +
          `their own class, where chance gives ${percent(7 / 23, 0)}.`,
      },
      program('triplets', 'Moves anchors by triplets, from another random start.'),
      { kind: 'table', table: comparison },
      { kind: 'heading', text: 'Why the classes stay mixed, and what separates them' },
      {
        kind: 'text',
        text:
          'Each point is the anchor only about eight times, and the anchor rule, ' +
          '`(positive − negative) / ‖anchor‖`, moves the anchor alone. The NT-Xent of this ' +
          'experiment pairs rows i and i + 12, which are always of different classes, so that it ' +
          'has to rise when classes form.',
      },
      {
        kind: 'text',
        text:
          `Two further runs from the same start: ${count(triplets.losses.length)} triplets at the same ` +
          'learning rate with the full gradient, which moves all three points; and NT-Xent, ' +
          `minimized by Adam in ${count(contrast.losses.length)} steps, with pairs of the same class.`,
      },
      {
        kind: 'figure',
        panels: [curvePanel(triplets.losses), contrastPanel(contrast.losses)],
        caption:
          `The triplet loss ends at ${fixed(mean(triplets.losses.slice(-200)))} (mean of ` +
          `the last 200), NT-Xent goes from ${fixed(contrast.losses[0] as number)} to ` +
          `${fixed(contrast.losses.at(-1) as number)}. Its value where each class is one point is ` +
          `${fixed(bestNtXent())}: the other six points of the same class count as negatives.`,
      },
      program('contrast', 'Minimizes NT-Xent by Adam.'),
      {
        kind: 'figure',
        panels: [
          scatter('Start', pca(start())),
          scatter('After the triplet gradient', pca(triplets.final)),
          scatter('After NT-Xent and Adam', pca(contrast.final)),
        ],
        caption:
          'The same 24 points by PCA. Two components explain ' +
          `${explained(pca(start()))} of the variance at the start, ` +
          `${explained(pca(triplets.final))} after the triplets and ` +
          `${explained(pca(contrast.final))} after NT-Xent. The nearest neighbor is of the same class ` +
          `for ${percent(byTriplets.neighbors, 0)} of the points after the triplets and for ` +
          `${percent(byContrast.neighbors, 0)} after NT-Xent.`,
      },
      { kind: 'table', table: separations },
    ],
  };
}

type Pair = [string, Separation];

/** Returns the fraction of the variance that the first two components explain. */
function explained(fitted: Pca): string {
  const [first = 0, second = 0] = fitted.explainedVarianceRatio;
  return percent(first + second, 0);
}

/** Compares our numbers with NumPy's. */
function compare({ losses, final, ntXentBefore, ntXentAfter, pca: fitted }: Repeated): Table {
  const { singularValues } = recorded;
  const variances = singularValues.map((value) => (value * value) / (final.rows - 1));
  const [first = 0, second = 0] = fitted.explainedVariance;
  const coordinates = fitted.projected.data;
  const expected = alignSigns(recorded.pca, coordinates);
  const size = (values: ArrayLike<number>): number => mean(Array.from(values, Math.abs));
  return {
    head: ['', 'NumPy (f64)', 'nearfar (f32)', 'largest difference'],
    rows: [
      compareRow('mean of the 200 losses', mean, recorded.losses, losses),
      compareRow('mean of the final embeddings', mean, recorded.final, final.data),
      compareRow('NT-Xent before', mean, [recorded.ntXentInitial], [ntXentBefore]),
      compareRow('NT-Xent after', mean, [recorded.ntXentFinal], [ntXentAfter]),
      compareRow('variance of component 1', mean, variances.slice(0, 1), [first]),
      compareRow('variance of component 2', mean, variances.slice(1, 2), [second]),
      compareRow('mean magnitude of the PCA scores', size, expected, coordinates),
    ],
    caption:
      'Recorded from NumPy and computed here. For a mean, the difference is the largest of any of ' +
      'the numbers. Components of PCA are compared up to their sign.',
  };
}

/** Compares two lists by a summary of each and their largest difference. */
function compareRow(
  name: string,
  summary: (values: ArrayLike<number>) => number,
  expected: ArrayLike<number>,
  got: ArrayLike<number>,
): string[] {
  const difference = tiny(maxDifference(expected, got));
  return [name, fixed(summary(expected), 6), fixed(summary(got), 6), difference];
}

/** Flips the sign of each component to agree with another PCA. */
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
      'NT-Xent,\nrows i, i\u00A0+\u00A012',
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
      'Separation of the classes: fraction of points whose nearest neighbor is of their class, ' +
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
    title: 'Triplet loss, full gradient',
    x: 'triplet',
    y: 'loss (mean of 50)',
    series: [{ name: 'loss', color: 0, points: thinned(losses, losses.length / 50) }],
  };
}

function contrastPanel(losses: readonly number[]): LinePanel {
  return {
    kind: 'lines',
    title: 'NT-Xent, Adam',
    x: 'step',
    y: 'loss, nats',
    series: [{ name: 'loss', color: 0, points: steps(losses) }],
    reference: { y: bestNtXent(), label: 'each class at one point' },
  };
}

function scatter(title: string, { projected }: Pca): ScatterPanel {
  return {
    kind: 'scatter',
    title,
    x: 'first principal component',
    y: 'second principal component',
    groups: ['class 0', 'class 1', 'class 2'],
    points: Array.from({ length: projected.rows }, (_, row) => ({
      x: projected.data[2 * row] as number,
      y: projected.data[2 * row + 1] as number,
      group: classOf(row),
    })),
    marks: 'dots',
  };
}
