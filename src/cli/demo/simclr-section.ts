/** SimCLR in words, tables and figures: what training without labels is worth. */

import { type Matrix, normalize, ntXent, pca } from '../../index.js';
import {
  embeddingDiagnostics,
  type FewShotAccuracy,
  type ImageDataset,
} from '../../models/index.js';
import { pngAddress } from '../../report/png.js';
import type { ImagePanel, LinePanel, ScatterPanel, Table } from '../../report/types.js';
import { viewsSheet } from '../output/views.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';
import { COUNTS, lastLoss, loadDigits, type SimClrRun, trainSimClr } from './simclr.js';

export const simclr: Section = {
  name: 'simclr',
  title: 'SimCLR: two views of one picture',
  duration: 140,
  sources: ['MNIST by LeCun and Cortes (CC BY-SA 3.0)'],
  run,
};

/** The number of labels a class that counts as few. */
const FEW = 10;
/** Points of a scatter: more would hide each other. */
const SHOWN = 500;
const SHEET_VIEWS = 7;

async function run(context: SectionContext): Promise<SectionResult> {
  const digits = loadDigits();
  const { training, heldOut } = digits;
  const one = await trainSimClr(digits, context);
  const { model, losses, raw, untrained, trained } = one;
  const { first, second } = model.views(heldOut);
  const health = embeddingDiagnostics(first, second);
  const table = accuracyTable(one);
  const metrics = {
    loss: lastLoss(losses),
    ...health,
    probeAccuracy: best(trained).probe,
    knnAccuracy: best(trained).knn,
    probeAccuracyFewLabels: few(trained).probe,
    probeAccuracyFewLabelsUntrained: few(untrained).probe,
    probeAccuracyFewLabelsPixels: few(raw).probe,
  };
  context.terminal.event('eval', { section: 'simclr', step: losses.length, ...metrics });
  const { temperature, projection } = model.config;
  const labels = heldOut.labels as Int32Array;
  const blocks: SectionResult['blocks'] = [
    {
      kind: 'text',
      text:
        'Two random views of one picture show the same thing; views of two pictures mostly don’t. ' +
        `So a network is asked, of ${2 * one.batch} views in a batch, which other one was made from ` +
        `the same picture. ${count(training.count)} digits of MNIST to learn from, ` +
        `${count(heldOut.count)} others to be judged by; what digit it is, nobody tells it.`,
    },
    {
      kind: 'figure',
      panels: [sheetPanel(model, training)],
      caption:
        'What the network sees: ten digits as they are, and seven random views of each, moved, ' +
        'stretched, turned and slanted, with a hole in it. Two such views are a pair.',
    },
    {
      kind: 'figure',
      panels: [lossPanel(one), accuracyPanel(one)],
      caption:
        `First panel: NT-Xent at temperature ${temperature} over ${count(losses.length)} steps; the dashed ` +
        'line is what it would be if all embeddings were equal. Second: a linear classifier on ' +
        `what the network makes of ${FEW} labelled digits a class names ${percent(few(trained).probe)} of ` +
        `the held-out ones, on raw pixels ${percent(few(raw).probe)}` +
        `${labelsNeeded(raw, few(trained).probe)}.`,
    },
    {
      kind: 'figure',
      panels: [
        scatter('Before training', one.before, labels),
        scatter('After training', one.after, labels),
      ],
      caption:
        `The first ${SHOWN} held-out digits along the two main directions of their embeddings, each ` +
        `drawn as what it is. Two of ${one.after.cols} dimensions can’t show all ten apart.`,
    },
    { kind: 'table', table },
    {
      kind: 'text',
      text:
        `Is the embedding sound? Two views of a digit have a cosine of ` +
        `${fixed(health.positiveSimilarity, 2)}, two digits ${fixed(health.negativeSimilarity, 2)}; the ` +
        `${projection} numbers that the loss sees make use of about ` +
        `${fixed(health.effectiveRank, 0)} directions. Had all pictures become alike, the loss would ` +
        'stand still at the dashed line: that is the collapse that the negatives prevent.',
    },
  ];
  model.dispose();
  return { metrics, tables: [table], blocks };
}

function few(list: readonly FewShotAccuracy[]): FewShotAccuracy {
  return list.find(({ perClass }) => perClass === FEW) as FewShotAccuracy;
}

function best(list: readonly FewShotAccuracy[]): FewShotAccuracy {
  return list.at(-1) as FewShotAccuracy;
}

/** What raw pixels need to be as good: in words. */
function labelsNeeded(raw: readonly FewShotAccuracy[], accuracy: number): string {
  const enough = raw.find(({ probe }) => probe >= accuracy);
  if (enough !== undefined && enough.perClass <= FEW) return '';
  if (enough !== undefined) return `, which need ${enough.perClass} labels a digit for as much`;
  return `, which don’t reach that with ${best(raw).perClass} labels a digit`;
}

function accuracyTable({ raw, untrained, trained, supervised }: SimClrRun): Table {
  const row = (name: string, list: readonly FewShotAccuracy[]): string[] => {
    const { probe, draws } = few(list);
    const spread = `${fixed(100 * Math.min(...draws), 1)}–${percent(Math.max(...draws))}`;
    return [
      name,
      `${percent(probe)} (${spread})`,
      percent(few(list).knn),
      percent(best(list).probe),
    ];
  };
  const alone = supervised.at(-1);
  return {
    head: ['', `probe, ${FEW}\nlabels a digit`, `k-NN, ${FEW}`, `probe, ${COUNTS.at(-1)}`],
    rows: [
      row('raw pixels', raw),
      row('network, untrained', untrained),
      row('network, SimCLR', trained),
    ],
    caption:
      'Share of held-out digits that are named rightly: by a linear probe (logistic regression) and ' +
      'by the nearest labelled neighbours, the mean of five draws of the labelled digits, with the ' +
      `range of them. The same network taught by labels alone: ${percent(alone?.probe ?? 0)} with ` +
      `${alone?.perClass} labels a digit.`,
  };
}

function lossPanel({ losses, model, batch }: SimClrRun): LinePanel {
  const same = Array.from({ length: 2 * batch }, () => [1]);
  const { temperature } = model.config;
  return {
    kind: 'lines',
    title: 'NT-Xent without labels',
    x: 'step',
    y: 'loss',
    series: [
      { name: 'loss of a batch', color: 0, points: steps(losses), faint: true },
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
    title: 'Held-out digits named rightly, by labels',
    x: 'labels a digit',
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
    y: 'second',
    groups: Array.from({ length: 10 }, (_, digit) => String(digit)),
    points: Array.from({ length: SHOWN }, (_, row) => ({
      x: projected.data[2 * row] as number,
      y: projected.data[2 * row + 1] as number,
      group: labels[row] as number,
    })),
    marks: 'names',
  };
}

/** Ten digits, each beside random views of it, white on black. */
function sheetPanel({ augmentation }: SimClrRun['model'], pictures: ImageDataset): ImagePanel {
  const rows = Array.from({ length: 10 }, (_, digit) => pictures.labels?.indexOf(digit) as number);
  const sheet = viewsSheet(augmentation, pictures, rows, SHEET_VIEWS);
  return {
    kind: 'image',
    ink: true,
    title: `Ten digits and ${SHEET_VIEWS} views of each`,
    source: pngAddress(sheet),
    width: sheet.width,
    height: sheet.height,
    alternative:
      'A grid of handwritten digits 0 to 9: each in the first column as it is, in the others ' +
      'moved, stretched, turned and slanted, with a part wiped out.',
  };
}
