/** What is timed: the rows of the table of operations on their large sizes, and a training step. */

import { GPT, train } from 'nearfar/models';
import { cosineSchedule, saveSafetensors } from 'nearfar/nn';
import { Random } from '../src/random.js';
import { operations } from './operations/index.js';
import type { Numbers, Outputs, Sizes } from './operations/operation.js';
import { api } from './package.js';
import { type Contestant, contestant } from './race.js';

export interface Work {
  name: string;
  sizes: Sizes;
  /** Floating-point operations of one call, where that has a meaning. */
  flops: number | undefined;
  /** Calls before results are compared (default 1). */
  steps?: number;
  /** What everybody works on, made when it is asked for. */
  inputs(): Inputs;
  ours(inputs: Inputs): Contestant;
}

/** Matrices by name; of the training step, what its own peers read. */
export type Inputs = Record<string, Numbers | unknown>;

const OURS = 'nearfar';

export function allWork(): Work[] {
  return [...operations.flatMap(worksOf), training];
}

function worksOf(row: (typeof operations)[number]): Work[] {
  const { name, large, gradient, flops } = row;
  return large.flatMap((sizes) => {
    const inputs = (): Inputs => row.inputs(sizes, new Random(1));
    type Given = Parameters<typeof row.run>[1];
    const work = (
      title: string,
      what: 'value' | 'gradient',
      run: (given: Given) => Outputs,
      rate?: number,
    ): Work => ({
      name: title,
      sizes,
      flops: rate,
      inputs,
      ours(given) {
        const outputs = (): Outputs => run(given as Given);
        const resident = row.resident?.(api, given as Given);
        if (resident === undefined) return contestant(OURS, outputs);
        const call = (): Outputs => {
          resident[what]();
          return {};
        };
        return { ...contestant(OURS, call), outputs };
      },
    });
    const value = work(name, 'value', (given) => row.run(api, given), flops?.(sizes));
    if (!gradient) return [value];
    return [value, work(`${name}, gradient`, 'gradient', (given) => gradient.run(api, given))];
  });
}

/** How many batches a peer is given; it begins anew after them. */
const BATCHES = 64;
const STEPS = 100_000;

/** nanoGPT's setting for a CPU: the whole step, from the batch to the optimiser. */
const training: Work = {
  name: 'GPT training step',
  sizes: { layers: 4, heads: 4, C: 128, T: 64, B: 12, V: 65 },
  flops: undefined,
  // Two steps before the one that is compared: gradients, clipping and the optimiser count.
  steps: 3,
  inputs() {
    const characters = Array.from({ length: 65 }, (_, i) => String.fromCharCode(48 + i));
    const random = new Random(1);
    const drawn = Array.from({ length: 20_000 }, () => characters[random.integer(65)] as string);
    const text = characters.join('') + drawn.join('');
    const model = new GPT(text);
    const { batch, betas, weightDecay, learningRate: peak, warmup } = model.defaults;
    const at = model.batches(text, { batch, seed: 0 });
    const batches = Array.from({ length: BATCHES }, (_, step) => at(step));
    const rate = cosineSchedule({ peak, steps: STEPS, warmup });
    return {
      model,
      text,
      weights: Buffer.from(saveSafetensors(model.parameters())).toString('base64'),
      ids: batches.flatMap(({ inputs }) => Array.from(inputs)),
      targets: batches.flatMap(({ targets }) => Array.from(targets)),
      rates: Array.from({ length: 1000 }, (_, step) => rate(step)),
      betas,
      weightDecay,
    };
  },
  ours({ model, text }) {
    const steps = train(model as GPT, text as string, { steps: STEPS });
    return contestant(OURS, async () => {
      const { value } = await steps.next();
      return { loss: value?.loss ?? Number.NaN };
    });
  },
};
