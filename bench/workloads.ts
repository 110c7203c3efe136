/** The workloads that are timed: the table of operations at its large sizes, and training steps. */

import { Random } from '../src/core/random.js';
import type { GPT, ImageDataset, SimCLR } from '../src/models/index.js';
import type { setThreads } from '../src/threads/index.js';
import { adapterWorkloads } from './adapter-workload.js';
import { encoderSteps } from './encoder-workload.js';
import { type EncoderFolder, encodingWorkloads } from './encoding.js';
import { type Candidate, candidate } from './interleave.js';
import { loadingWorkloads } from './loading.js';
import { operations } from './operations/index.js';
import type { Api, Numbers, Outputs } from './operations/operation.js';
import { staticQuery } from './static-query.js';
import type { Inputs, Workload } from './workload.js';

export type { Inputs, Workload } from './workload.js';

/** The package, imported from wherever it is. */
export interface Package {
  api: Api;
  setThreads: typeof setThreads;
}

const OURS = 'nearfar';

/** Lists all workloads: operations first, training steps, loading and encoding with encoders. */
export function allWorkloads(api: Api, encoders: readonly EncoderFolder[] = []): Workload[] {
  return [
    ...operations.flatMap((row) => workloadsOf(api, row)),
    gptStep(api),
    simClrStep(api),
    ...adapterWorkloads(api),
    ...encoderSteps(api),
    ...loadingWorkloads(api, encoders),
    staticQuery(api),
    ...encoders.flatMap((folder) => encodingWorkloads(api, folder)),
  ];
}

function workloadsOf(api: Api, row: (typeof operations)[number]): Workload[] {
  const { name, large, gradient, flops } = row;
  return large.flatMap((sizes) => {
    const inputs = (): Inputs => row.inputs(sizes, new Random(1));
    type Given = Parameters<typeof row.run>[1];
    const workload = (
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
        const prepared = row.prepared?.(api, given as Given);
        if (prepared === undefined) return candidate(OURS, outputs);
        const call = (): Outputs => {
          prepared[what]();
          return {};
        };
        return { ...candidate(OURS, call), outputs };
      },
    });
    const value = workload(name, 'value', (given) => row.run(api, given), flops?.(sizes));
    if (!gradient) return [value];
    return [value, workload(`${name}, gradient`, 'gradient', (given) => gradient.run(api, given))];
  });
}

/** Number of batches that a peer gets; after the last one it starts over. */
const BATCHES = 64;
/** Number of batches of image views, which are large. */
const VIEW_BATCHES = 8;
/** Results are compared after so many steps, so that gradients, clipping and optimizer count. */
const COMPARED_STEPS = 3;
const STEPS = 100_000;
/** Number of learning rates that a peer gets; it stays at the last. */
const RATES = 1000;

/** Initial weights, schedule and optimizer settings, for peers to train the same way. */
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

/** GPT in nanoGPT's setting for a CPU: the whole step, from the batch to the optimizer. */
const gptStep = ({ nn, models }: Api): Workload => ({
  name: 'GPT training step',
  sizes: { layers: 4, heads: 4, C: 128, T: 64, B: 12, V: 65 },
  flops: undefined,
  steps: COMPARED_STEPS,
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
    return trainingCandidate(models.train(model as GPT, text as string, { steps: STEPS }));
  },
});

/**
 * SimCLR with its defaults on grayscale images: from the augmented views to the optimizer. Peers
 * get the views ready-made; ours makes them at each step.
 */
const simClrStep = ({ nn, models }: Api): Workload => {
  const sizes = { B: 128, H: 28, W: 28, C: 1 };
  const { B: batch, H: height, W: width, C: channels } = sizes;
  return {
    name: 'SimCLR training step',
    sizes,
    flops: undefined,
    steps: COMPARED_STEPS,
    inputs() {
      const random = new Random(1);
      const pixels = Uint8Array.from({ length: 4 * batch * height * width * channels }, () =>
        random.integer(256),
      );
      const images = models.imagesFrom(pixels, { height, width, channels });
      nn.manualSeed(1);
      const model = new models.SimCLR({ height, width, channels });
      return {
        model,
        images,
        ...initialState(nn, model),
        views: viewsOf(nn, model, images, batch),
        groups: model.encoder.norms.map(({ groups }) => groups),
        temperature: model.config.temperature,
      };
    },
    ours({ model, images }) {
      const training = { batchSize: batch, steps: STEPS };
      return trainingCandidate(models.train(model as SimCLR, images as ImageDataset, training));
    },
  };
};

/** Views of the first steps, one per row: for each step the first views, then the second ones. */
function viewsOf(nn: Api['nn'], model: SimCLR, images: ImageDataset, batch: number): Numbers {
  const at = model.batches(images, { batchSize: batch, seed: 0 });
  const steps = Array.from({ length: VIEW_BATCHES }, (_, step) => at(step));
  const views = steps.flatMap(({ pixels, seed, step }) =>
    [0, 1].map((view) =>
      nn.tidy(() => model.augmentation.views(pixels, { seed, step, view }).toArray()),
    ),
  );
  const data = Float32Array.from(views.flatMap((each) => Array.from(each)));
  const rows = 2 * VIEW_BATCHES * batch;
  return { data, rows, cols: data.length / rows };
}

/** Makes a candidate whose every call is the next training step. */
function trainingCandidate(training: AsyncGenerator<{ loss: number }, void, void>): Candidate {
  return candidate(OURS, async () => {
    const { value } = await training.next();
    return { loss: value?.loss ?? Number.NaN };
  });
}
