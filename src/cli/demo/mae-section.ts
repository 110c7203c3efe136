/** The masked autoencoder in words, pictures and tables. */

import type { DecodedImage } from '../../data/images/decode.js';
import { pngAddress } from '../../report/png.js';
import type { ImagePanel, LinePanel, Table } from '../../report/types.js';
import { COUNTS, type MaeRun, trainMae } from './mae.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';
import { loadDigits } from './simclr.js';

export const mae: Section = {
  name: 'mae',
  title: 'MAE: three quarters of a picture from the rest',
  duration: 60,
  sources: ['MNIST by LeCun and Cortes (CC BY-SA 3.0)'],
  run,
};

async function run(context: SectionContext): Promise<SectionResult> {
  const digits = loadDigits();
  const one = await trainMae(digits, context);
  const { model, losses, errors, times, sheets, probes } = one;
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
        'A picture is its own teacher, too: cover most of it, and what was there is known. A masked ' +
        `autoencoder cuts each digit into ${patches} patches of ${patch} × ${patch} pixels and hides ` +
        `${percent(maskRatio, 0)} of them at random. The encoder (${layers} layers, ${hidden} numbers a patch) ` +
        `is given the ${seen} that are left and nothing else; a light decoder (${decoderLayers} layers, ` +
        `${decoderHidden} numbers) has to say what the hidden ones look like, and is thrown away afterwards. ` +
        `${count(digits.training.count)} digits to learn from, ${count(digits.heldOut.count)} others to be judged by.`,
    },
    {
      kind: 'figure',
      panels: [
        sheetPanel('Before training', sheets.before),
        sheetPanel(`After ${count(losses.length)} steps`, sheets.after),
      ],
      caption:
        'Held-out digits: as they are, what the encoder sees of them, and what it makes of that. ' +
        'Visible patches are kept as they are.',
    },
    {
      kind: 'figure',
      panels: [lossPanel(one)],
      caption:
        'Mean squared error of hidden pixels, −1 being black and 1 white. The dashed line is what ' +
        'interpolation gives that makes every hidden pixel the mean of its neighbours: ' +
        `${fixed(errors.interpolation)}. The encoder takes ${fixed(times.visible, 1)} ms for the visible patches of ` +
        `64 digits and ${fixed(times.all, 1)} ms for all: ${fixed(speedup, 1)} times as long.`,
    },
    { kind: 'table', table: errorTable(one) },
    ...(probes ? [{ kind: 'table' as const, table: accuracyTable(probes) }] : []),
  ];
  model.dispose();
  return { metrics, tables: [errorTable(one)], blocks };
}

function sheetPanel(title: string, sheet: DecodedImage): ImagePanel {
  return {
    kind: 'image',
    ink: true,
    title,
    source: pngAddress(sheet),
    width: sheet.width,
    height: sheet.height,
    alternative: `${title}: ten digits, the patches that are seen of them, and what is made of those`,
  };
}

function lossPanel({ losses, judged, errors }: MaeRun): LinePanel {
  return {
    kind: 'lines',
    title: 'Hidden patches of digits',
    x: 'step',
    y: 'squared error',
    series: [
      { name: 'loss of a batch', color: 0, points: steps(losses), faint: true },
      { name: 'training', color: 0, points: thinned(losses, 40) },
      { name: 'held out', color: 1, points: judged },
    ],
    reference: { y: errors.interpolation, label: 'interpolation' },
  };
}

function errorTable({ errors, losses }: MaeRun): Table {
  return {
    head: ['hidden pixels are', 'squared error'],
    rows: [
      ['the mean of the visible ones', fixed(errors.meanFill)],
      ['interpolated from the visible ones', fixed(errors.interpolation)],
      [`made up, after ${count(losses.length)} steps`, fixed(errors.reconstruction)],
    ],
    caption: 'Mean squared error over the hidden pixels of held-out digits.',
  };
}

function accuracyTable({ raw, trained }: NonNullable<MaeRun['probes']>): Table {
  return {
    head: ['linear classifier on', ...COUNTS.map((labels) => `${labels} labels a class`)],
    rows: [
      ['raw pixels', ...raw.map(({ probe }) => percent(probe))],
      ['the encoder’s vectors', ...trained.map(({ probe }) => percent(probe))],
    ],
    caption:
      'Held-out digits named rightly. To make pixels up, strokes must be understood, not which ' +
      'digit they make: vectors of a masked autoencoder come into their own with long training ' +
      'and fine-tuning.',
  };
}
