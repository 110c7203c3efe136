/** A SimCLR as files: `config.json` and `model.safetensors`, under names of our own. */

import { checkNoOptions } from '../../core/options.js';
import { instanceOf, type NoOptions } from '../../core/validation.js';
import { ConfigReader, MAX_SIDE } from '../files/config.js';
import { type Files, writeJson } from '../files/files.js';
import { loadModel } from '../files/load.js';
import { moduleTensors, writeTensors } from '../files/tensors.js';
import { SIMCLR_DEFAULTS, SimCLR, type SimClrConfig } from './simclr.js';

/** `model_type` of a SimCLR's config.json. */
export const SIMCLR_TYPE = 'nearfar-simclr';

/** Side of the encoder's convolutions. */
const FILTER = 5;

/**
 * Makes the files of a SimCLR, which `loadSimClr` reads.
 * @param model model to save
 * @param options none
 * @returns paths to bytes: config.json, model.safetensors
 * @throws {TypeError} if it is not a SimCLR
 */
export function saveSimClr(model: SimCLR, options?: NoOptions): Files {
  checkNoOptions('saveSimClr', options);
  instanceOf(SimCLR, 'a SimCLR')('saveSimClr', 'model', model);
  return new Map([
    ['config.json', writeJson({ model_type: SIMCLR_TYPE, ...model.config })],
    ['model.safetensors', writeTensors(moduleTensors('', model))],
  ]);
}

/**
 * Loads a SimCLR from its files.
 *
 * @param files paths to bytes
 * @param options none
 * @returns the model, in evaluation mode
 * @throws {TypeError | RangeError} if a file is missing or not valid; nothing stays in memory
 */
export function loadSimClr(files: Files, options?: NoOptions): SimCLR {
  checkNoOptions('loadSimClr', options);
  const reader = ConfigReader.open('loadSimClr', files);
  reader.requireGiven('model_type', SIMCLR_TYPE);
  const { model_type: _, ...config } = reader.values;
  const channels = reader.readInt('channels', { fallback: 1 });
  const features = reader.readInt('features', { fallback: SIMCLR_DEFAULTS.features });
  const hidden = reader.readInt('hidden', { fallback: SIMCLR_DEFAULTS.hidden });
  const projection = reader.readInt('projection', { fallback: SIMCLR_DEFAULTS.projection });
  const limits = { max: MAX_SIDE, fallback: 28 };
  const sides = [reader.readInt('height', limits), reader.readInt('width', limits)];
  const widths = config.widths ?? [];
  if (!Array.isArray(widths)) return reader.refuse('widths', 'an array of whole numbers');
  return loadModel('loadSimClr', files, {
    check(weights) {
      let inputs = channels;
      for (const [i, outputs] of widths.entries()) {
        weights.check(`encoder.convolutions.${i}.weight`, [outputs, inputs, FILTER, FILTER]);
        inputs = outputs;
      }
      if (widths.length > 0) {
        // Each convolution has a stride of 2.
        const [rows, columns] = sides.map((side) =>
          widths.reduce((length: number) => Math.floor((length - FILTER) / 2) + 1, side),
        ) as [number, number];
        weights.check('encoder.output.weight', [features, inputs * rows * columns]);
      }
      weights.check('encoder.output.bias', [features]);
      weights.check('head.up.weight', [hidden, features]);
      weights.check('head.down.weight', [projection, hidden]);
    },
    make: () => new SimCLR(config as SimClrConfig),
    tensors: (model) => moduleTensors('', model),
  });
}
