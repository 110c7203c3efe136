/**
 * Releases what a run has started (servers, browsers, displays), the latest first, whether the run
 * ended well or not. A step that fails or hangs does not keep the next from being taken.
 */

import { within } from './process.js';

/** Registers how to undo a step that was just taken. */
export type Defer = (undo: () => unknown) => void;

export async function withCleanup<T>(work: (defer: Defer) => Promise<T>): Promise<T> {
  const steps: (() => unknown)[] = [];
  let ended = false;
  const defer: Defer = (undo) => {
    // A browser may come up after its run was given up: it goes at once.
    if (ended) void attempt(undo);
    else steps.push(undo);
  };
  try {
    return await work(defer);
  } finally {
    ended = true;
    for (const undo of steps.reverse()) await attempt(undo);
  }
}

async function attempt(undo: () => unknown): Promise<void> {
  try {
    await within(10, 'the clean-up', Promise.resolve(undo()));
  } catch (error) {
    console.warn(`clean-up: ${error}`);
  }
}
