/** A SimCLR as files: `config.json` and `model.safetensors`, under names of our own. */

import { rangeError } from '../../core/validation.js';
import { loadSafetensors, saveSafetensors, tidy } from '../../nn/index.js';
import { type Files, readJson, writeJson } from '../files/files.js';
import { SimCLR, type SimClrConfig } from './simclr.js';

export const SIMCLR_TYPE = 'nearfar-simclr';

/** Everything that a folder of a trained SimCLR holds. */
export function saveSimClr(model: SimCLR): Files {
  return new Map([
    ['config.json', writeJson({ model_type: SIMCLR_TYPE, ...model.config })],
    ['model.safetensors', saveSafetensors(model.stateDict())],
  ]);
}

/**
 * A SimCLR from its files.
 * @throws RangeError or TypeError if a file is missing or not sound; nothing stays behind
 */
export function loadSimClr(files: Files): SimCLR {
  const { model_type: type, ...config } = readJson('loadSimClr', files, 'config.json');
  if (type !== SIMCLR_TYPE) {
    rangeError('loadSimClr', "config.json's model_type", `'${SIMCLR_TYPE}'`, type);
  }
  const bytes = files.get('model.safetensors');
  if (bytes === undefined) throw new RangeError('loadSimClr: files must hold model.safetensors');
  const model = new SimCLR(config as SimClrConfig);
  try {
    tidy(() => model.loadStateDict(loadSafetensors(bytes)));
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model.eval();
}
