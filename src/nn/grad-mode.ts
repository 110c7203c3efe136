/** Grad mode: whether operations record the graph that gradients need. */

import { checkCallback } from '../core/validation.js';

let enabled = true;

/** Tells whether operations record a graph now. */
export function isGradEnabled(): boolean {
  return enabled;
}

/**
 * Runs a function without recording a graph, as for evaluation.
 *
 * @param body function to run
 * @returns what the function returned
 * @throws {TypeError} if it is not a function
 * @example const predictions = noGrad(() => model.forward(x));
 */
export function noGrad<T>(body: () => T): T {
  return withGradMode(false, checkCallback<() => T>('noGrad', 'body', body));
}

/** Runs a function with grad mode on or off, whatever it was before. */
export function withGradMode<T>(on: boolean, body: () => T): T {
  const before = enabled;
  enabled = on;
  try {
    return body();
  } finally {
    enabled = before;
  }
}
