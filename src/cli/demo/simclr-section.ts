/** The demo's section on SimCLR: an image encoder trained without labels. */

import { type Matrix, normalize, ntXent, pca } from '../../index.js';
import {
  type EmbeddingDiagnostics,
  embeddingDiagnostics,
  type FewShotAccuracy,
  type ImageDataset,
} from '../../models/index.js';
import { tidy } from '../../nn/index.js';
import { contactSheet, pngAddress } from '../../report/png.js';
import type { ImagePanel, LinePanel, ScatterPanel, Table } from '../../report/types.js';
import { viewsSheet } from '../output/views.js';
import { columns } from './clip.js';
import { count, fixed, mean, percent, steps, thinned } from './numbers.js';
import { program } from './programs.js';
import type { Section, SectionContext, SectionResult } from './section.js';
import {
  COUNTS,
  type Digits,
  FEW,
  lastLoss,
  loadDigits,
  NEAREST,
  type SimClrRun,
  trainSimClr,
} from './simclr.js';

/** The section. */
export const simclr: Section = {
  name: 'simclr',
  title: 'Contrastive learning of images: SimCLR',
  duration: 17,
  sources: ['MNIST by LeCun and Cortes (CC BY-SA 3.0)'],
  run,
};

/** Points of a scatter plot: more would hide each other. */
const SHOWN = 500;
const SHEET_VIEWS = 7;

async function run(context: SectionContext): Promise<SectionResult> {
  const digits = loadDigits();
  const { training, heldOut } = digits;
  const result = await trainSimClr(digits, context);
  const { model, losses, raw, untrained, trained } = result;
  const { first, second } = model.views(heldOut);
  const diagnostics = embeddingDiagnostics(first, second);
  const table = accuracyTable(result);
  const metrics = {
    loss: lastLoss(losses),
    ...diagnostics,
    probeAccuracyFewLabels: few(trained).probe,
    probeAccuracyFewLabelsUntrained: few(untrained).probe,
    probeAccuracyFewLabelsPixels: few(raw).probe,
    propagatedAccuracyFewLabels: mean(result.propagated.trained),
    propagatedAccuracyFewLabelsPixels: mean(result.propagated.raw),
  };
  context.terminal.event('eval', { section: 'simclr', step: losses.length, ...metrics });
  const { temperature, projection } = model.config;
  const labels = heldOut.labels as Int32Array;
  const blocks: SectionResult['blocks'] = [
    {
      kind: 'text',
      text:
        'SimCLR augments each image of a batch twice, and trains the network to find, among all ' +
        `${2 * result.batch} views, the other view of the same image. Here: ${count(training.count)} digits of ` +
        `MNIST without their labels; ${count(heldOut.count)} others are held out.`,
    },
    {
      kind: 'figure',
      panels: [sheetPanel(model, training)],
      caption:
        'Ten digits, and seven random views of each: translated, scaled, rotated and sheared, with a ' +
        'cutout. Two views of the same digit are a positive pair.',
    },
    program('views', 'Makes two views of each digit, and their embeddings.'),
    {
      kind: 'figure',
      panels: [lossPanel(result), accuracyPanel(result)],
      caption:
        `First panel: NT-Xent at temperature ${temperature} over ${count(losses.length)} steps; the dashed ` +
        'line is its value if all embeddings were equal. Second panel: with ' +
        `${FEW} labels per class, a linear classifier on the embeddings has an accuracy of ` +
        `${percent(few(trained).probe)} on the held-out digits, on raw pixels ${percent(few(raw).probe)}` +
        `${labelsNeeded(raw, few(trained).probe)}.`,
    },
    program('simclr', 'Trains the encoder without labels, and a probe on ten labels per class.'),
    {
      kind: 'figure',
      panels: [
        scatter('Before training', result.before, labels),
        scatter('After training', result.after, labels),
      ],
      caption:
        `The first ${SHOWN} held-out digits by PCA of their embeddings. Two of ${count(result.after.cols)} ` +
        'dimensions do not separate all ten classes.',
    },
    { kind: 'table', table },
    {
      kind: 'figure',
      panels: [neighborsPanel(result, digits)],
      caption: neighborsVerdict(result),
    },
    program('neighbors', 'Finds the nearest digits of a held-out one.'),
    {
      kind: 'text',
      text:
        `Diagnostics of the embedding: the cosine similarity of two views of a digit is ` +
        `${fixed(diagnostics.positiveSimilarity, 2)}, of two digits ${fixed(diagnostics.negativeSimilarity, 2)}; ` +
        `the effective rank of the ${projection}-dimensional projections is ` +
        `${fixed(diagnostics.effectiveRank, 0)}. ${collapseVerdict(diagnostics)}`,
    },
  ];
  model.dispose();
  return { metrics, tables: [table], blocks };
}

/** Tells whether the embedding has collapsed, by the numbers of the run. */
function collapseVerdict({ collapsed }: EmbeddingDiagnostics): string {
  return collapsed === 0
    ? 'It has not collapsed: in a collapse, all embeddings become equal and the loss stays at the dashed line.'
    : 'It has collapsed: nearly all embeddings are equal. Try another seed or `--full`.';
}

/** Formats the least and the largest of some accuracies. */
function range(draws: readonly number[]): string {
  return `${fixed(100 * Math.min(...draws), 1)}–${percent(Math.max(...draws))}`;
}

function few(list: readonly FewShotAccuracy[]): FewShotAccuracy {
  return list.find(({ perClass }) => perClass === FEW) as FewShotAccuracy;
}

function best(list: readonly FewShotAccuracy[]): FewShotAccuracy {
  return list.at(-1) as FewShotAccuracy;
}

/** Describes how many labels raw pixels need for the same accuracy. */
function labelsNeeded(raw: readonly FewShotAccuracy[], accuracy: number): string {
  const enough = raw.find(({ probe }) => probe >= accuracy);
  if (enough !== undefined && enough.perClass <= FEW) return '';
  if (enough !== undefined) return `, which need ${enough.perClass} labels per class for the same`;
  return `, which do not reach that with ${best(raw).perClass} labels per class either`;
}

function accuracyTable({ raw, untrained, trained, propagated, supervised }: SimClrRun): Table {
  const row = (name: string, list: readonly FewShotAccuracy[]): string[] => {
    const { probe, draws } = few(list);
    return [
      name,
      `${percent(probe)} (${range(draws)})`,
      percent(few(list).knn),
      percent(best(list).probe),
    ];
  };
  const spreadRow = (name: string, draws: readonly number[]): string[] => [
    name,
    '–',
    `${percent(mean(draws))} (${range(draws)})`,
    '–',
  ];
  const alone = supervised.at(-1);
  return {
    head: [
      '',
      `probe, ${FEW} labels\nper class`,
      `k-NN, ${FEW} labels\nper class`,
      `probe, ${COUNTS.at(-1)} labels\nper class`,
    ],
    rows: [
      row('raw pixels', raw),
      row('network, untrained', untrained),
      row('network, SimCLR', trained),
      spreadRow('pixels, labels propagated', propagated.raw),
      spreadRow('SimCLR, labels propagated', propagated.trained),
    ],
    caption:
      'Accuracy on held-out digits of a linear probe (logistic regression) and of k-NN: the mean of ' +
      `${few(trained).draws.length} draws of the labeled digits, with their range. "Labels propagated": ` +
      `first, the ${FEW} labels per class spread over a graph of nearest neighbors to all digits to train on ` +
      '(Zhou et al., 2004; bench/studies/few-images/propagate.ts of the repository). The same network ' +
      `trained on labels alone: ${percent(alone?.probe ?? 0)} with ${alone?.perClass} labels per class.`,
  };
}

function lossPanel({ losses, model, batch }: SimClrRun): LinePanel {
  const same = Array.from({ length: 2 * batch }, () => [1]);
  const { temperature } = model.config;
  return {
    kind: 'lines',
    title: 'NT-Xent without labels',
    x: 'step',
    y: 'loss, nats',
    series: [
      { name: 'batch', color: 0, points: steps(losses), faint: true },
      { name: 'loss', color: 0, points: thinned(losses, 60) },
    ],
    reference: { y: ntXent(same, { temperature }), label: 'all embeddings equal' },
  };
}

function accuracyPanel({ raw, untrained, trained, supervised }: SimClrRun): LinePanel {
  const series = (
    name: string,
    color: number,
    list: readonly { perClass: number; probe: number }[],
  ) => ({
    name,
    color,
    points: list.map(({ perClass, probe }) => [perClass, probe] as const),
  });
  return {
    kind: 'lines',
    title: 'Accuracy on held-out digits',
    x: 'labels per class',
    y: 'accuracy',
    series: [
      series('SimCLR', 0, trained),
      series('pixels', 1, raw),
      series('labels alone', 2, supervised),
      series('untrained', 8, untrained),
    ],
    xScale: 'log',
    percent: true,
    points: true,
  };
}

function scatter(title: string, embeddings: Matrix, labels: Int32Array): ScatterPanel {
  const { projected } = pca(normalize(embeddings));
  return {
    kind: 'scatter',
    title,
    x: 'first principal component',
    y: 'second principal component',
    groups: Array.from({ length: 10 }, (_, digit) => String(digit)),
    points: Array.from({ length: SHOWN }, (_, row) => ({
      x: projected.data[2 * row] as number,
      y: projected.data[2 * row + 1] as number,
      group: labels[row] as number,
    })),
    marks: 'names',
  };
}

/** Compares nearest neighbors by embeddings and by pixels, by the numbers of the run. */
function neighborsVerdict({ neighbors: { sameLabel, sameLabelPixels } }: SimClrRun): string {
  return (
    'A held-out digit in each row, and its nearest digits among those to train on, nearest first. Of all ' +
    `held-out digits, the nearest has the same label for ${percent(sameLabel)} by the embeddings, for ` +
    `${percent(sameLabelPixels)} by pixels.`
  );
}

/** Draws a held-out digit of each class next to its nearest neighbors. */
function neighborsPanel(
  { neighbors: { indices } }: SimClrRun,
  { training, heldOut }: Digits,
): ImagePanel {
  const queries = Array.from(
    { length: 10 },
    (_, digit) => heldOut.labels?.indexOf(digit) as number,
  );
  const found = queries.flatMap((row) => [...indices.subarray(NEAREST * row, NEAREST * (row + 1))]);
  const sheet = tidy(() =>
    contactSheet([...columns(heldOut, queries, 1), ...columns(training, found, NEAREST)]),
  );
  const labels = found.map((row) => training.labels?.[row]);
  return {
    kind: 'image',
    ink: true,
    title: 'Nearest neighbors by the embeddings',
    source: pngAddress(sheet),
    width: sheet.width,
    height: sheet.height,
    alternative:
      'Ten rows of handwritten digits: a held-out digit and its nearest neighbors. Their labels: ' +
      queries
        .map(
          (_, digit) =>
            `${digit}: ${labels.slice(NEAREST * digit, NEAREST * (digit + 1)).join(' ')}`,
        )
        .join('; '),
  };
}

/** Draws ten digits, each next to random views of it, white on black. */
function sheetPanel({ augmentation }: SimClrRun['model'], images: ImageDataset): ImagePanel {
  const rows = Array.from({ length: 10 }, (_, digit) => images.labels?.indexOf(digit) as number);
  const sheet = viewsSheet(augmentation, images, rows, SHEET_VIEWS);
  return {
    kind: 'image',
    ink: true,
    title: `Ten digits and ${SHEET_VIEWS} views of each`,
    source: pngAddress(sheet),
    width: sheet.width,
    height: sheet.height,
    alternative:
      'A grid of handwritten digits 0 to 9: each in the first column as it is, in the others ' +
      'translated, scaled, rotated and sheared, with a part cut out.',
  };
}
