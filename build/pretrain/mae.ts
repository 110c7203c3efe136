/** MAE on the package's digits, without their labels. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  type ImageDataset,
  imagesFrom,
  loadMae,
  MAE,
  reconstructionErrors,
  saveMae,
  subset,
} from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { readIdx } from '../../src/data/files/idx.js';
import { digitRows } from '../samples/digits-split.js';
import type { Recipe } from './recipe.js';

const SAMPLE = 'dist/samples/digits/digits-images-idx3-ubyte.gz';
/** Two thirds of the default width: half the bytes and half the time, and the same error after as many steps. */
const CONFIG = { hidden: 64, heads: 4 };
const TRAINING = { steps: 2000, batchSize: 64, learningRate: 3e-3 };

export const mae: Recipe<ImageDataset> = {
  name: 'mae',
  training: TRAINING,
  prepare(seed) {
    const { data, shape } = readIdx(gunzipSync(readFileSync(SAMPLE)));
    const [count = 0, height = 0, width = 0] = shape;
    const sizes = { height, width, channels: 1 };
    const all = imagesFrom(data, sizes);
    const rows = digitRows(count);
    const [training, heldOut] = [subset(all, rows.training), subset(all, rows.heldOut)];
    manualSeed(seed);
    const model = new MAE({ ...sizes, ...CONFIG });
    return {
      model,
      data: training,
      description: `${training.count} digits of MNIST, without labels; ${heldOut.count} others are held out`,
      metric: 'reconstructionLoss',
      unit: { name: 'images', perStep: TRAINING.batchSize },
      validate: () => model.evaluate(heldOut),
      files: () => saveMae(model),
      measure(files) {
        const stored = loadMae(files);
        const { reconstruction, interpolation, meanFill } = reconstructionErrors(stored, heldOut);
        stored.dispose();
        return {
          reconstructionLoss: reconstruction,
          interpolationLoss: interpolation,
          meanFillLoss: meanFill,
        };
      },
    };
  },
};
