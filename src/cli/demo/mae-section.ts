/** The demo's section on MAE: digits from a quarter of their patches. */

import type { DecodedImage } from '../../data/images/resize.js';
import { pngAddress } from '../../report/png.js';
import type { ImagePanel, LinePanel, Table } from '../../report/types.js';
import { COUNTS, type MaeRun, trainMae } from './mae.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import { program } from './programs.js';
import type { Section, SectionContext, SectionResult } from './section.js';
import { loadDigits } from './simclr.js';

/** The section. */
export const mae: Section = {
  name: 'mae',
  title: 'Masked image modeling: MAE',
  duration: 25,
  sources: ['MNIST by LeCun and Cortes (CC BY-SA 3.0)'],
  run,
};

async function run(context: SectionContext): Promise<SectionResult> {
  const digits = loadDigits();
  const result = await trainMae(digits, context);
  const { model, losses, errors, times, sheets, probes } = result;
  const { patch, maskRatio, layers, decoderLayers, hidden, decoderHidden } = model.config;
  const { patches } = model.encoder;
  const seen = Math.max(1, Math.floor(patches * (1 - maskRatio)));
  const speedup = times.all / times.visible;
  const metrics = {
    reconstructionLoss: errors.reconstruction,
    meanFillLoss: errors.meanFill,
    interpolationLoss: errors.interpolation,
    encoderSpeedup: speedup,
    ...(probes && {
      probeAccuracyFewLabels: probes.trained[0]?.probe as number,
      probeAccuracyFewLabelsPixels: probes.raw[0]?.probe as number,
    }),
  };
  context.terminal.event('eval', { section: 'mae', step: losses.length, ...metrics });
  const blocks: SectionResult['blocks'] = [
    {
      kind: 'text',
      text:
        'A masked autoencoder cuts each image into patches ' +
        `(here ${patches} of ${patch} × ${patch} pixels) and masks ${percent(maskRatio, 0)} of them at random. ` +
        `The encoder (${layers} layers, width ${hidden}) sees only the ${seen} visible ones; a light decoder ` +
        `(${decoderLayers} layers, width ${decoderHidden}) reconstructs the masked ones, and is not used after ` +
        `training. ${count(digits.training.count)} digits of MNIST to train on; ` +
        `${count(digits.heldOut.count)} others are held out.`,
    },
    {
      kind: 'figure',
      panels: [
        sheetPanel('Before training', sheets.before),
        sheetPanel(`After ${count(losses.length)} steps`, sheets.after),
      ],
      caption:
        'Held-out digits. Rows: the original, the visible patches, the reconstruction (visible ' +
        'patches are kept).',
    },
    {
      kind: 'figure',
      panels: [lossPanel(result)],
      caption:
        `Mean squared error of masked pixels, −1 being black and 1 white; before training it is ` +
        `${fixed(result.validation[0]?.[1] ?? Number.NaN)}. ${errorVerdict(errors)} ` +
        `The encoder takes ${fixed(times.visible, 1)} ms for the visible patches of 64 digits and ` +
        `${fixed(times.all, 1)} ms for all patches: ${fixed(speedup, 1)}×.`,
    },
    program('mae', 'Trains the autoencoder, measures and reconstructs.'),
    { kind: 'table', table: errorTable(result) },
    ...(probes ? [{ kind: 'table' as const, table: accuracyTable(probes) }] : []),
  ];
  model.dispose();
  return { metrics, tables: [errorTable(result)], blocks };
}

/** Compares the reconstruction with the baselines, by the numbers of the run. */
function errorVerdict({ reconstruction, interpolation, meanFill }: MaeRun['errors']): string {
  const verdict = reconstruction < Math.min(interpolation, meanFill) ? 'lower' : 'not lower';
  return (
    `On held-out digits it ends at ${fixed(reconstruction)}, ${verdict} than interpolation of the ` +
    `visible pixels (dashed, ${fixed(interpolation)}) and their mean (${fixed(meanFill)}).`
  );
}

function sheetPanel(title: string, sheet: DecodedImage): ImagePanel {
  return {
    kind: 'image',
    ink: true,
    title,
    source: pngAddress(sheet),
    width: sheet.width,
    height: sheet.height,
    alternative: `${title}: ten digits, their visible patches, and the reconstructions`,
  };
}

/** The first step of the loss's chart: what comes before is so much higher that it hides all others. */
function firstShown({ validation }: MaeRun): number {
  return validation.length > 2 ? (validation[1]?.[0] ?? 0) : 0;
}

function lossPanel(run: MaeRun): LinePanel {
  const { losses, validation, errors } = run;
  const first = firstShown(run);
  const shown = (points: readonly [number, number][]): [number, number][] =>
    points.filter(([step]) => step >= first);
  return {
    kind: 'lines',
    title: `Masked patches of digits, from step ${first} on`,
    x: 'step',
    y: 'mean squared error',
    series: [
      { name: 'batch', color: 0, points: shown(steps(losses)), faint: true },
      { name: 'training', color: 0, points: shown(thinned(losses, 40)) },
      { name: 'held out', color: 1, points: shown(validation) },
    ],
    reference: { y: errors.interpolation, label: 'interpolation' },
  };
}

function errorTable({ errors, losses }: MaeRun): Table {
  return {
    head: ['masked pixels are', 'squared error'],
    rows: [
      ['the mean of the visible ones', fixed(errors.meanFill)],
      ['interpolated from the visible ones', fixed(errors.interpolation)],
      [`reconstructed, after ${count(losses.length)} steps`, fixed(errors.reconstruction)],
    ],
    caption: 'Mean squared error over the masked pixels of held-out digits.',
  };
}

function accuracyTable({ raw, trained }: NonNullable<MaeRun['probes']>): Table {
  return {
    head: ['linear classifier on', ...COUNTS.map((labels) => `${labels} labels\nper class`)],
    rows: [
      ['raw pixels', ...raw.map(({ probe }) => percent(probe))],
      ['the encoder’s vectors', ...trained.map(({ probe }) => percent(probe))],
    ],
    caption: 'Accuracy on held-out digits.',
  };
}
