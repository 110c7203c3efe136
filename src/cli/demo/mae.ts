/**
 * A masked autoencoder on the digits that come with the package: trained, watched while it makes
 * hidden patches up, and held against a mean, an interpolation and raw pixels.
 */

import type { DecodedImage } from '../../data/images/decode.js';
import { pixelRows } from '../../data/images/pixel-rows.js';
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

const STEPS = 120;
const FULL_STEPS = 3000;
/** Points of the validation curve. */
const JUDGED = 5;
/** Pictures on a sheet, and pictures that the time of the encoder is taken on. */
const SHOWN = 10;
const TIMED = 64;
const ROUNDS = 5;
/** Labels a class that vectors are tried with. */
export const COUNTS = [10, 100];

export interface MaeRun {
  model: MAE;
  losses: number[];
  /** Loss on held-out digits by step. */
  judged: [step: number, loss: number][];
  sheets: { before: DecodedImage; after: DecodedImage };
  errors: ReconstructionErrors;
  /** Milliseconds that the encoder takes for all patches and for the visible ones. */
  times: { all: number; visible: number };
  /** With long training: before that there is nothing in the vectors yet. */
  probes?: { raw: FewShotAccuracy[]; trained: FewShotAccuracy[] };
}

export async function trainMae(
  { training, heldOut }: Digits,
  { seed, full, terminal }: SectionContext,
): Promise<MaeRun> {
  manualSeed(seed);
  const model = new MAE(heldOut.shape);
  const steps = full ? FULL_STEPS : STEPS;
  const losses: number[] = [];
  const judged: MaeRun['judged'] = [[0, model.evaluate(heldOut)]];
  const before = reconstructionSheet(model, heldOut, SHOWN);
  const progress = terminal.progress('mae', steps);
  for await (const { step, loss } of train(model, training, { steps, seed })) {
    losses.push(loss);
    await progress.step(step, loss);
    if (step % Math.floor(steps / JUDGED) !== 0) continue;
    judged.push([step, model.evaluate(heldOut)]);
  }
  progress.end();
  const judge = (encode: (pictures: ImageDataset) => Matrix): FewShotAccuracy[] =>
    evaluateEncoder(encode, training, heldOut, COUNTS, { seed });
  return {
    model,
    losses,
    judged,
    sheets: { before, after: reconstructionSheet(model, heldOut, SHOWN) },
    errors: reconstructionErrors(model, heldOut),
    times: encoderTimes(model, heldOut),
    ...(full
      ? { probes: { raw: judge(pixelRows), trained: judge((part) => model.encode(part)) } }
      : {}),
  };
}

/** How long the encoder looks at whole pictures, and at their visible patches, in turns. */
function encoderTimes(model: MAE, pictures: ImageDataset): MaeRun['times'] {
  const { pixels } = pictures.read(Array.from({ length: TIMED }, (_, row) => row));
  const { visible } = model.mask(TIMED, { seed: 0, step: 0 });
  const time = (shown: Int32Array | undefined): number =>
    tidy(() => {
      const images = imagesToTensor(pixels, pictures.shape);
      const start = performance.now();
      noGrad(() => model.encoder.forward(images, shown));
      return performance.now() - start;
    });
  const rounds = Array.from({ length: ROUNDS }, () => [time(undefined), time(visible)] as const);
  const least = (which: 0 | 1): number => Math.min(...rounds.map((round) => round[which]));
  return { all: least(0), visible: least(1) };
}
