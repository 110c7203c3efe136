/**
 * The pre-trained masked autoencoder on held-out digits: its reconstructions next to a mean and an
 * interpolation, and its encoder next to raw pixels and to the network before training.
 */

import { pixelRows } from '../../data/images/pixel-rows.js';
import type { DecodedImage } from '../../data/images/resize.js';
import type { Matrix } from '../../index.js';
import {
  type FewShotAccuracy,
  type ImageDataset,
  imagesToTensor,
  loadMae,
  MAE,
  type ReconstructionErrors,
  reconstructionErrors,
} from '../../models/index.js';
import { manualSeed, noGrad, tidy } from '../../nn/index.js';
import { evaluateEncoder } from '../models/embeddings.js';
import { reconstructionSheet } from '../output/reconstructions.js';
import { type Pretrained, readPretrained } from './pretrained.js';
import type { SectionContext } from './section.js';
import type { Digits } from './simclr.js';

/** Images on a sheet, and images that the encoder is timed on. */
const SHOWN = 10;
const TIMED = 64;
const ROUNDS = 5;
/** Fractions of hidden patches that are shown next to the one of the training. */
const OTHER_RATIOS = [0.5, 0.9];
/** Labels per class. */
export const COUNTS = [10, 100];
const DRAWS = 3;
const FULL_DRAWS = 10;

/** A sheet of reconstructions. */
export interface Sheet {
  title: string;
  image: DecodedImage;
}

/** Results of a run. */
export interface MaeRun {
  stored: Pretrained;
  model: MAE;
  /** Before training, after it, and with other fractions of hidden patches. */
  sheets: { before: Sheet; after: Sheet; others: Sheet[] };
  errors: ReconstructionErrors;
  /** Milliseconds that the encoder takes for all patches and for the visible ones. */
  times: { all: number; visible: number };
  probes: { raw: FewShotAccuracy[]; untrained: FewShotAccuracy[]; trained: FewShotAccuracy[] };
}

/** Reconstructs held-out digits, and fits linear classifiers on few labels. */
export function evaluateMae(
  { training, heldOut }: Digits,
  { seed, full, terminal }: SectionContext,
): MaeRun {
  const stored = readPretrained('mae');
  const model = loadMae(stored.files);
  manualSeed(seed);
  const fresh = new MAE(model.config);
  const draws = full ? FULL_DRAWS : DRAWS;
  const evaluate = (encode: (images: ImageDataset) => Matrix): FewShotAccuracy[] =>
    evaluateEncoder(encode, training, heldOut, COUNTS, { seed, draws });
  const sheet = (network: MAE, when: string, ratio: number): Sheet => ({
    title: `${when}${Math.round(100 * ratio)} % masked`,
    image: reconstructionSheet(network, heldOut, SHOWN, ratio),
  });
  const { maskRatio } = model.config;
  terminal.transient('mae: reconstructs held-out digits');
  const sheets = {
    before: sheet(fresh, 'Before training, ', maskRatio),
    after: sheet(model, 'Pre-trained, ', maskRatio),
    others: OTHER_RATIOS.map((ratio) => sheet(model, 'Pre-trained, ', ratio)),
  };
  const errors = reconstructionErrors(model, heldOut);
  const times = encoderTimes(model, heldOut);
  terminal.transient('mae: linear classifiers on few labels');
  const probes = {
    raw: evaluate(pixelRows),
    untrained: evaluate((part) => fresh.encode(part)),
    trained: evaluate((part) => model.encode(part)),
  };
  fresh.dispose();
  return { stored, model, sheets, errors, times, probes };
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
