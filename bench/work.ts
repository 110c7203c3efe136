/** What is timed: the rows of the table of operations on their large sizes, and training steps. */

import { Random } from '../src/core/random.js';
import type { GPT, ImageDataset, SimCLR } from '../src/models/index.js';
import { type Candidate, candidate } from './interleave.js';
import { operations } from './operations/index.js';
import type { Api, Numbers, Outputs, Sizes } from './operations/operation.js';

export interface Workload {
  name: string;
  sizes: Sizes;
  /** Floating-point operations of one call, where that has a meaning. */
  flops: number | undefined;
  /** Calls before results are compared (default 1). */
  steps?: number;
  /** What everybody works on, made when it is asked for. */
  inputs(): Inputs;
  ours(inputs: Inputs): Candidate;
}

/** Matrices by name; of the training step, what its own peers read. */
export type Inputs = Record<string, Numbers | unknown>;

const OURS = 'nearfar';

export function allWorkloads(api: Api): Workload[] {
  return [...operations.flatMap((row) => workloadsOf(api, row)), gptStep(api), simClrStep(api)];
}

function workloadsOf(api: Api, row: (typeof operations)[number]): Workload[] {
  const { name, large, gradient, flops } = row;
  return large.flatMap((sizes) => {
    const inputs = (): Inputs => row.inputs(sizes, new Random(1));
    type Given = Parameters<typeof row.run>[1];
    const work = (
      title: string,
      what: 'value' | 'gradient',
      run: (given: Given) => Outputs,
      rate?: number,
    ): Workload => ({
      name: title,
      sizes,
      flops: rate,
      inputs,
      ours(given) {
        const outputs = (): Outputs => run(given as Given);
        const resident = row.resident?.(api, given as Given);
        if (resident === undefined) return candidate(OURS, outputs);
        const call = (): Outputs => {
          resident[what]();
          return {};
        };
        return { ...candidate(OURS, call), outputs };
      },
    });
    const value = work(name, 'value', (given) => row.run(api, given), flops?.(sizes));
    if (!gradient) return [value];
    return [value, work(`${name}, gradient`, 'gradient', (given) => gradient.run(api, given))];
  });
}

/** How many batches a peer is given; it begins anew after them. */
const BATCHES = 64;
/** The same of views of pictures, which are large. */
const VIEWS = 8;
/** Steps before the one that is compared count, too: gradients, clipping and the optimiser. */
const COMPARED = 3;
const STEPS = 100_000;
/** Rates that a peer is given; it stays at the last. */
const RATES = 1000;

/** Where a training begins and how it steps, for peers to do the same. */
function initialState(nn: Api['nn'], model: GPT | SimCLR): Inputs {
  const { betas, weightDecay, gradClip, learningRate: peak, warmup } = model.defaults;
  const rate = nn.cosineSchedule({ peak, steps: STEPS, warmup });
  return {
    weights: nn.saveSafetensors(model.parameters()),
    rates: Array.from({ length: RATES }, (_, step) => rate(step)),
    betas,
    weightDecay,
    gradClip,
  };
}

/** nanoGPT's setting for a CPU: the whole step, from the batch to the optimiser. */
const gptStep = ({ nn, models }: Api): Workload => ({
  name: 'GPT training step',
  sizes: { layers: 4, heads: 4, C: 128, T: 64, B: 12, V: 65 },
  flops: undefined,
  steps: COMPARED,
  inputs() {
    const characters = Array.from({ length: 65 }, (_, i) => String.fromCharCode(48 + i));
    const random = new Random(1);
    const drawn = Array.from({ length: 20_000 }, () => characters[random.integer(65)] as string);
    const text = characters.join('') + drawn.join('');
    nn.manualSeed(1);
    const model = new models.GPT(text);
    const at = model.batches(text, { batchSize: model.defaults.batchSize, seed: 0 });
    const batches = Array.from({ length: BATCHES }, (_, step) => at(step));
    return {
      model,
      text,
      ...initialState(nn, model),
      ids: batches.flatMap(({ inputs }) => Array.from(inputs)),
      targets: batches.flatMap(({ targets }) => Array.from(targets)),
    };
  },
  ours({ model, text }) {
    return steps(models.train(model as GPT, text as string, { steps: STEPS }));
  },
});

/**
 * SimCLR with its defaults on grey pictures: from views of pictures to the optimiser. Peers are
 * given the views, which ours makes anew at each step.
 */
const simClrStep = ({ nn, models }: Api): Workload => {
  const sizes = { B: 128, H: 28, W: 28, C: 1 };
  const { B: batch, H: height, W: width, C: channels } = sizes;
  return {
    name: 'SimCLR training step',
    sizes,
    flops: undefined,
    steps: COMPARED,
    inputs() {
      const random = new Random(1);
      const pixels = Uint8Array.from({ length: 4 * batch * height * width * channels }, () =>
        random.integer(256),
      );
      const pictures = models.imagesFrom(pixels, { height, width, channels });
      nn.manualSeed(1);
      const model = new models.SimCLR({ height, width, channels });
      return {
        model,
        pictures,
        ...initialState(nn, model),
        views: viewsOf(nn, model, pictures, batch),
        groups: model.encoder.norms.map(({ groups }) => groups),
        temperature: model.config.temperature,
      };
    },
    ours({ model, pictures }) {
      const training = { batch, steps: STEPS };
      return steps(models.train(model as SimCLR, pictures as ImageDataset, training));
    },
  };
};

/** Views that the first steps see, one a row: first and second ones of a step, step by step. */
function viewsOf(nn: Api['nn'], model: SimCLR, pictures: ImageDataset, batch: number): Numbers {
  const at = model.batches(pictures, { batchSize: batch, seed: 0 });
  const steps = Array.from({ length: VIEWS }, (_, step) => at(step));
  const views = steps.flatMap(({ pixels, seed, step }) =>
    [0, 1].map((view) =>
      nn.tidy(() => model.augmentation.views(pixels, { seed, step, view }).toArray()),
    ),
  );
  const data = Float32Array.from(views.flatMap((each) => Array.from(each)));
  const rows = 2 * VIEWS * batch;
  return { data, rows, cols: data.length / rows };
}

/** Each call is the next step of a training. */
function steps(training: AsyncGenerator<{ loss: number }, void, void>): Candidate {
  return candidate(OURS, async () => {
    const { value } = await training.next();
    return { loss: value?.loss ?? Number.NaN };
  });
}
