/** Modes of modules: whatever runs a model leaves every module in the mode it was in. */

import { noGrad } from './grad-mode.js';
import type { Module } from './module.js';
import { tidy } from './tidy.js';

/**
 * Runs a function with every module of a model in training or in evaluation mode, and restores each
 * module's own mode afterwards.
 *
 * @param training true for training mode
 * @param body synchronous function
 */
export function withMode<T>(model: Module, training: boolean, body: () => T): T {
  const modes = [...model.modules()].map((module) => [module, module.training] as const);
  for (const [module] of modes) module.training = training;
  try {
    return body();
  } finally {
    for (const [module, mode] of modes) module.training = mode;
  }
}

/**
 * Runs a model in evaluation mode without a graph, restores every module's mode, and frees all
 * tensors that were made but those in the result.
 *
 * @param body synchronous function
 */
export function inference<T>(model: Module, body: () => T): T {
  return withMode(model, false, () => tidy(() => noGrad(body)));
}
