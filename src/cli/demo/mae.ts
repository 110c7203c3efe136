/**
 * A masked autoencoder on the digits that come with the package: trained, watched while it reconstructs masked patches, and compared with a mean, an interpolation and raw pixels.
 */

import { pixelRows } from '../../data/images/pixel-rows.js';
import type { DecodedImage } from '../../data/images/resize.js';
import type { Matrix } from '../../index.js';
import {
  type FewShotAccuracy,
  type ImageDataset,
  imagesToTensor,
  MAE,
  type ReconstructionErrors,
  reconstructionErrors,
  train,
} from '../../models/index.js';
import { manualSeed, noGrad, tidy } from '../../nn/index.js';
import { evaluateEncoder } from '../models/embeddings.js';
import { reconstructionSheet } from '../output/reconstructions.js';
import type { SectionContext } from './section.js';
import type { Digits } from './simclr.js';

/** Two thirds of the default width, which takes half the time. */
const SIZES = { hidden: 64, heads: 4 };
const STEPS = 120;
const FULL_STEPS = 3000;
/** Points of the validation curve. */
const VALIDATIONS = 4;
/** Images on a sheet, and images that the encoder is timed on. */
const SHOWN = 10;
const TIMED = 64;
const ROUNDS = 5;
/** Labels per class. */
export const COUNTS = [10, 100];

/** Results of a run. */
export interface MaeRun {
  model: MAE;
  losses: number[];
  /** Loss on held-out digits by step. */
  validation: [step: number, loss: number][];
  sheets: { before: DecodedImage; after: DecodedImage };
  errors: ReconstructionErrors;
  /** Milliseconds that the encoder takes for all patches and for the visible ones. */
  times: { all: number; visible: number };
  /** Accuracies of probes, after long training only. */
  probes?: { raw: FewShotAccuracy[]; trained: FewShotAccuracy[] };
}

/** Trains on the digits and evaluates on held-out ones. */
export async function trainMae(
  { training, heldOut }: Digits,
  { seed, full, terminal }: SectionContext,
): Promise<MaeRun> {
  manualSeed(seed);
  const model = new MAE({ ...heldOut.shape, ...SIZES });
  const steps = full ? FULL_STEPS : STEPS;
  const losses: number[] = [];
  const validation: MaeRun['validation'] = [[0, model.evaluate(heldOut)]];
  const before = reconstructionSheet(model, heldOut, SHOWN);
  const progress = terminal.progress('mae', steps);
  for await (const { step, loss } of train(model, training, { steps, seed })) {
    losses.push(loss);
    await progress.step(step, loss);
    if (step % Math.floor(steps / VALIDATIONS) !== 0) continue;
    validation.push([step, model.evaluate(heldOut)]);
  }
  progress.end();
  const evaluate = (encode: (images: ImageDataset) => Matrix): FewShotAccuracy[] =>
    evaluateEncoder(encode, training, heldOut, COUNTS, { seed });
  return {
    model,
    losses,
    validation,
    sheets: { before, after: reconstructionSheet(model, heldOut, SHOWN) },
    errors: reconstructionErrors(model, heldOut),
    times: encoderTimes(model, heldOut),
    ...(full
      ? { probes: { raw: evaluate(pixelRows), trained: evaluate((part) => model.encode(part)) } }
      : {}),
  };
}

/** Times the encoder on all patches and on the visible ones, alternately. */
function encoderTimes(model: MAE, images: ImageDataset): MaeRun['times'] {
  const { pixels } = images.read(Array.from({ length: TIMED }, (_, row) => row));
  const { visible } = model.mask(TIMED, { seed: 0, step: 0 });
  const time = (shown: Int32Array | undefined): number =>
    tidy(() => {
      const batch = imagesToTensor(pixels, images.shape);
      const start = performance.now();
      noGrad(() => model.encoder.forward(batch, shown));
      return performance.now() - start;
    });
  const rounds = Array.from({ length: ROUNDS }, () => [time(undefined), time(visible)] as const);
  const min = (which: 0 | 1): number => Math.min(...rounds.map((round) => round[which]));
  return { all: min(0), visible: min(1) };
}
