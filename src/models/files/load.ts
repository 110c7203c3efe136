/** The one loader of all models: checks a folder before memory is taken, then reads its tensors. */

import { type Module, tidy } from '../../nn/index.js';
import { type Files, withFileName } from './files.js';
import { type FileTensor, readTensors } from './tensors.js';
import { type Aliases, Weights } from './weights.js';

/** Steps by which one kind of model is made from its files. */
export interface ModelLoader<M extends Module> {
  /** Other names that files have for a tensor. */
  aliases?: Aliases;
  /**
   * Checks that the weights have the shapes that the config promises, so that no number in a config
   * makes more memory than the file itself is large.
   */
  check(weights: Weights): void;
  /** Makes the model with fresh weights. */
  make(): M;
  /** Lists the tensors that the file has for the model's parameters. */
  tensors(model: M): FileTensor[];
}

/**
 * Loads a model, in evaluation mode.
 *
 * @param loader function that messages name
 * @throws {RangeError} if a file is missing or not valid; nothing stays in memory
 */
export function loadModel<M extends Module>(
  loader: string,
  files: Files,
  { aliases, check, make, tensors }: ModelLoader<M>,
): M {
  return tidy(() => {
    const weights = Weights.open(loader, files, aliases);
    check(weights);
    const model = withFileName(loader, 'config.json', make);
    try {
      readTensors(tensors(model), weights);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model.eval();
  });
}
