/** The demo's section on MAE: digits from a quarter of their patches. */

import type { FewShotAccuracy } from '../../models/index.js';
import { pngAddress } from '../../report/png.js';
import type { ImagePanel, Table } from '../../report/types.js';
import { SHEET_ROWS } from '../output/reconstructions.js';
import { COUNTS, evaluateMae, type MaeRun, type Sheet } from './mae.js';
import { count, fixed, percent } from './numbers.js';
import { dataOf, stepsOf, storedPanel } from './pretrained.js';
import { program } from './programs.js';
import type { Section, SectionContext, SectionResult } from './section.js';
import { loadDigits } from './simclr.js';

/** The section. */
export const mae: Section = {
  name: 'mae',
  title: 'Masked image modeling: MAE',
  duration: 10,
  sources: ['MNIST by LeCun and Cortes (CC BY-SA 3.0)'],
  run,
};

async function run(context: SectionContext): Promise<SectionResult> {
  const result = evaluateMae(loadDigits(), context);
  const { stored, model, errors, times, sheets, probes } = result;
  const { record } = stored;
  const { patch, maskRatio, layers, decoderLayers, hidden, decoderHidden } = model.config;
  const { patches } = model.encoder;
  const seen = Math.max(1, Math.floor(patches * (1 - maskRatio)));
  const speedup = times.all / times.visible;
  const metrics = {
    reconstructionLoss: errors.reconstruction,
    meanFillLoss: errors.meanFill,
    interpolationLoss: errors.interpolation,
    encoderSpeedup: speedup,
    probeAccuracyFewLabels: few(probes.trained),
    probeAccuracyFewLabelsUntrained: few(probes.untrained),
    probeAccuracyFewLabelsPixels: few(probes.raw),
    pretrainingSteps: stepsOf(record),
  };
  context.terminal.event('eval', { section: 'mae', ...metrics });
  const tables = [errorTable(result), accuracyTable(probes)] as const;
  model.dispose();
  return {
    metrics,
    tables: [...tables],
    blocks: [
      {
        kind: 'text',
        text:
          'A masked autoencoder cuts each image into patches ' +
          `(here ${patches} of ${patch} × ${patch} pixels) and masks ${percent(maskRatio, 0)} of them at random. ` +
          `The encoder (${layers} layers, width ${hidden}) sees only the ${seen} visible ones; a light decoder ` +
          `(${decoderLayers} layers, width ${decoderHidden}) reconstructs the masked ones, and is not used after ` +
          `training. This one was pre-trained for ${count(stepsOf(record))} steps on ${dataOf(record)}.`,
      },
      {
        kind: 'figure',
        origin: 'stored',
        panels: [
          {
            ...storedPanel(stored, {
              ...{ title: 'Masked patches of digits', y: 'mean squared error' },
              reference: { y: errors.interpolation, label: 'interpolation' },
            }),
            series: [
              { name: 'training', color: 0, points: record.losses },
              // The first point, before training, is so high that it hides all others.
              { name: 'held out', color: 1, points: record.validation.slice(1) },
            ],
          },
        ],
        caption:
          'Mean squared error of masked pixels, −1 being black and 1 white; before training it was ' +
          `${fixed(record.validation[0]?.[1] ?? Number.NaN)}.`,
      },
      program('mae', 'Trains this network again, and measures it.'),
      {
        kind: 'figure',
        panels: [sheetPanel(sheets.before), sheetPanel(sheets.after)],
        caption:
          'Held-out digits. The visible patches are kept in the reconstruction. ' +
          `The encoder takes ${fixed(times.visible, 1)} ms for the visible patches of 64 digits and ` +
          `${fixed(times.all, 1)} ms for all patches: ${fixed(speedup, 1)}×.`,
      },
      {
        kind: 'figure',
        panels: sheets.others.map(sheetPanel),
        caption:
          `The same network with fewer and with more patches masked than the ${percent(maskRatio, 0)} ` +
          'that it was trained with. Where few patches remain, they do not tell which digit it was, ' +
          'and the network draws another one, or a blur of several.',
      },
      program('reconstruct', 'Reconstructs digits, and shows one as text.'),
      { kind: 'table', table: tables[0] },
      { kind: 'text', text: errorVerdict(errors) },
      { kind: 'table', table: tables[1] },
      { kind: 'text', text: probeVerdict(probes) },
    ],
  };
}

/** Compares the reconstruction with the baselines, by the numbers of the run. */
function errorVerdict({ reconstruction, interpolation, meanFill }: MaeRun['errors']): string {
  const best = Math.min(interpolation, meanFill);
  const change = percent(Math.abs(1 - reconstruction / best), 0);
  return reconstruction < best
    ? `The squared error of the network is ${change} below that of the better baseline: strokes go on where the visible patches leave off.`
    : `The squared error of the network is ${change} above that of the better baseline.`;
}

function few(list: readonly FewShotAccuracy[]): number {
  return (list[0] as FewShotAccuracy).probe;
}

/** Says what pre-training was worth for a linear classifier, by the numbers of the run. */
function probeVerdict({ raw, untrained, trained }: MaeRun['probes']): string {
  const points = (than: readonly FewShotAccuracy[]): string => {
    const gain = 100 * (few(trained) - few(than));
    return `${fixed(Math.abs(gain), 1)} points ${gain >= 0 ? 'above' : 'below'}`;
  };
  return (
    `With ${COUNTS[0]} labels per class, a linear classifier on the pre-trained encoder is ` +
    `${points(untrained)} that on the same network before training, and ${points(raw)} that on raw ` +
    'pixels.'
  );
}

function sheetPanel({ title, image }: Sheet): ImagePanel {
  return {
    kind: 'image',
    ink: true,
    title,
    source: pngAddress(image),
    width: image.width,
    height: image.height,
    rows: SHEET_ROWS,
    alternative: `${title}: ten digits, their visible patches, and the reconstructions`,
  };
}

function errorTable({ errors, stored }: MaeRun): Table {
  return {
    head: ['masked pixels are', 'squared error'],
    rows: [
      ['the mean of the visible ones', fixed(errors.meanFill)],
      ['interpolated from the visible ones', fixed(errors.interpolation)],
      [`reconstructed, after ${count(stepsOf(stored.record))} steps`, fixed(errors.reconstruction)],
    ],
    caption: 'Mean squared error over the masked pixels of held-out digits.',
  };
}

function accuracyTable({ raw, untrained, trained }: MaeRun['probes']): Table {
  const row = (name: string, list: readonly FewShotAccuracy[]): string[] => [
    name,
    ...list.map(({ probe }) => percent(probe)),
  ];
  return {
    head: ['linear classifier on', ...COUNTS.map((labels) => `${labels} labels\nper class`)],
    rows: [
      row('raw pixels', raw),
      row('the encoder, untrained', untrained),
      row('the encoder, pre-trained', trained),
    ],
    caption: `Accuracy on held-out digits: the mean of ${trained[0]?.draws.length} draws of the labeled digits.`,
  };
}
