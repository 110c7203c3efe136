/** The digits in words, tables and figures: what training without labels is worth. */

import { type Matrix, normalize, ntXent, pca } from '../../index.js';
import { pngAddress } from '../png.js';
import type { ImagePanel, LinePanel, ScatterPanel, Table } from '../report/types.js';
import { augment, PIXELS, SIDE } from './augment.js';
import {
  BATCH,
  loadDigits,
  type Pictures,
  picture,
  pixels,
  TEMPERATURE,
  train,
  viewRandom,
} from './digits.js';
import { Encoder } from './encoder.js';
import { type Accuracy, accuracyByLabels, type Embedded } from './neighbours.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';

const HELD_OUT = 1000;
const STEPS = 600;
const FULL_STEPS = 3000;
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200];
/** The number of labels a class that counts as few. */
const FEW = 10;
/** Points of a scatter: more would hide each other. */
const SHOWN = 500;
const SHEET_VIEWS = 4;

export const digits: Section = {
  name: 'digits',
  title: 'Handwritten digits, learned without labels',
  run,
};

async function run({ seed, full, terminal }: SectionContext): Promise<SectionResult> {
  const { training, heldOut } = loadDigits(HELD_OUT);
  const encoder = new Encoder(seed);
  const accuracy = (embed: (pictures: Pictures) => Matrix): Accuracy[] => {
    const embedded: Embedded = { known: embed(training), heldOut: embed(heldOut) };
    return accuracyByLabels(embedded, training.labels, heldOut.labels, COUNTS, seed);
  };
  const encode = ({ data }: Pictures): Matrix => encoder.encode(data);
  const raw = accuracy(pixels);
  const untrained = accuracy(encode);
  const before = scatter('Before training', encode(heldOut), heldOut.labels);

  const total = full ? FULL_STEPS : STEPS;
  const progress = terminal.progress('digits', total);
  const losses = await train(encoder, training, { seed, steps: total, report: progress.step });
  progress.end();

  const trained = accuracy(encode);
  const after = scatter('After training', encode(heldOut), heldOut.labels);
  const results: Results = { raw, untrained, trained };
  const table = accuracyTable(results);
  const first = losses[0] as number;
  const last = meanOfLast(losses);
  const metrics = {
    loss: last,
    knnAccuracy: all(trained).mean,
    knnAccuracyRaw: all(raw).mean,
    knnAccuracyUntrained: all(untrained).mean,
    knnAccuracyFewLabels: few(trained).mean,
    knnAccuracyFewLabelsRaw: few(raw).mean,
    knnAccuracyFewLabelsUntrained: few(untrained).mean,
  };
  terminal.event('eval', { section: 'digits', step: total, ...metrics });
  return {
    metrics,
    tables: [table],
    blocks: [
      {
        kind: 'text',
        text:
          `The same loss on real input: ${count(training.rows)} digits of MNIST to learn from and ` +
          `${count(heldOut.rows)} others to be judged by. In each step, two random views are drawn of each ` +
          `of ${BATCH} digits, and a small network (two convolutions and a linear layer, 64 ` +
          'numbers out) learns by NT-Xent that the two belong together and all others don’t. ' +
          'What digit it is, nobody tells it.',
      },
      {
        kind: 'figure',
        panels: [contactSheet(training, seed)],
        caption:
          'First row: ten digits as they are. Below: four random views of each, moved, turned, ' +
          'stretched and slanted, with a rectangle wiped out. Two such views are a pair.',
      },
      {
        kind: 'figure',
        panels: [lossPanel(losses), accuracyPanel(results)],
        caption:
          `First panel: NT-Xent at temperature ${TEMPERATURE} over ${total} steps, from ${fixed(first)} to ` +
          `${fixed(last)} (mean of the last 50); the dashed line is what it would be if all ` +
          `embeddings were equal. Second: with ${FEW} labels a digit, the nearest labelled neighbour ` +
          `names ${percent(few(trained).mean)} of the held-out digits, against ` +
          `${percent(few(raw).mean)} by raw pixels, which ${labelsNeeded(raw, few(trained).mean)}.`,
      },
      {
        kind: 'figure',
        panels: [before, after],
        caption:
          `The first ${SHOWN} held-out digits along the two main directions of their embeddings, ` +
          'each drawn as what it is. Two of 64 dimensions can’t show all ten apart, but what was ' +
          'one heap before training is groups after.',
      },
      { kind: 'table', table },
    ],
  };
}

interface Results {
  raw: Accuracy[];
  untrained: Accuracy[];
  trained: Accuracy[];
}

function few(accuracies: readonly Accuracy[]): Accuracy {
  return accuracies.find(({ labelsPerClass }) => labelsPerClass === FEW) as Accuracy;
}

function all(accuracies: readonly Accuracy[]): Accuracy {
  return accuracies.at(-1) as Accuracy;
}

/** What others need to be as good: in words. */
function labelsNeeded(accuracies: readonly Accuracy[], accuracy: number): string {
  const enough = accuracies.find(({ mean }) => mean >= accuracy);
  if (enough !== undefined) return `need ${enough.labelsPerClass} labels a digit for as much`;
  return `don’t reach that with all ${all(accuracies).labelsPerClass} labels a digit`;
}

function meanOfLast(losses: readonly number[]): number {
  return losses.slice(-50).reduce((sum, loss) => sum + loss, 0) / Math.min(50, losses.length);
}

function accuracyTable({ raw, untrained, trained }: Results): Table {
  const row = (name: string, accuracies: readonly Accuracy[]): string[] => {
    const { mean, range } = few(accuracies);
    const spread = `${fixed(100 * range[0], 1)}–${percent(range[1])}`;
    return [name, `${percent(mean)} (${spread})`, percent(all(accuracies).mean)];
  };
  return {
    head: [
      'nearest neighbour by',
      `${FEW} labels a digit`,
      `all ${all(raw).labelsPerClass} labels`,
    ],
    rows: [
      row('raw pixels', raw),
      row('the network, untrained', untrained),
      row('the network, trained without labels', trained),
    ],
    caption:
      `Share of ${count(HELD_OUT)} held-out digits that the label of their nearest labelled neighbour ` +
      'names rightly, by cosine; with few labels the mean of ten draws, and the range of them.',
  };
}

function lossPanel(losses: readonly number[]): LinePanel {
  const same = Array.from({ length: 2 * BATCH }, () => [1]);
  return {
    kind: 'lines',
    title: 'NT-Xent without labels',
    x: 'step',
    y: 'loss',
    series: [
      { name: 'loss of a batch', color: 0, points: steps(losses), faint: true },
      { name: 'loss', color: 0, points: thinned(losses, 60) },
    ],
    reference: { y: ntXent(same, { temperature: TEMPERATURE }), label: 'all embeddings equal' },
  };
}

function accuracyPanel({ raw, untrained, trained }: Results): LinePanel {
  const series = (name: string, color: number, accuracies: readonly Accuracy[]) => ({
    name,
    color,
    points: accuracies.map(({ labelsPerClass, mean }) => [labelsPerClass, mean] as const),
  });
  return {
    kind: 'lines',
    title: 'Held-out digits named rightly, by labels',
    x: 'labels a digit',
    y: 'accuracy',
    series: [
      series('trained', 0, trained),
      series('raw pixels', 1, raw),
      series('untrained', 8, untrained),
    ],
    xScale: 'log',
    percent: true,
    points: true,
  };
}

function scatter(title: string, embeddings: Matrix, labels: Uint8Array): ScatterPanel {
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

/** Ten digits side by side, each above random views of it, white on black. */
function contactSheet(pictures: Pictures, seed: number): ImagePanel {
  const gap = 2;
  const cell = SIDE + gap;
  const width = 10 * cell + gap;
  const height = (1 + SHEET_VIEWS) * cell + gap;
  const sheet = new Uint8Array(width * height);
  const view = new Float32Array(PIXELS);
  for (let digit = 0; digit < 10; digit++) {
    const original = picture(pictures, pictures.labels.indexOf(digit));
    for (let line = 0; line <= SHEET_VIEWS; line++) {
      if (line === 0) view.set(original);
      else augment(view, original, viewRandom(seed, line, digit));
      const corner = (line * cell + gap) * width + digit * cell + gap;
      for (let i = 0; i < PIXELS; i++) {
        const at = corner + Math.floor(i / SIDE) * width + (i % SIDE);
        sheet[at] = Math.round(255 * (view[i] as number));
      }
    }
  }
  return {
    kind: 'image',
    title: 'Ten digits and four views of each',
    source: pngAddress(sheet, width, height),
    width,
    height,
    alternative:
      'A grid of handwritten digits 0 to 9: each in the first row as it is, in the four rows ' +
      'below moved, turned, stretched, slanted and with a part wiped out.',
  };
}
