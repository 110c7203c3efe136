/**
 * Study: what gradients in bf16 cost in accuracy. SimCLR on the digits of the package and GPT on
 * Moby-Dick, each trained from the same seeds with gradients in f32 and in bf16; any number of ranks has
 * the same bits, so one does.
 *
 *   npm run bf16                            prints
 *   npm run bf16 -- --write                 writes bench/results/bf16.json
 *   npm run bf16 -- --seeds 1 --steps 20    shorter
 */

import { readFileSync } from 'node:fs';
import { joinRanks, shareRanks, trainRanks } from 'nearfar/distributed';
import { augmentationFor, fewShotAccuracy, GPT, SimCLR, type Trainable } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { Terminal } from '../../../src/terminal/progress.js';
import { studyCommand, writeResults } from '../../results-file.js';
import { readArguments, readInt } from '../arguments.js';
import { readDataset } from '../few-images/data.js';
import { meanStd } from '../mean-std.js';

const { values } = readArguments(['npm run bf16 -- [--seeds <n>] [--steps <n>] [--write]'], {
  options: {
    seeds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '200' },
    write: { type: 'boolean', default: false },
  },
});
const seeds = readInt('--seeds', values.seeds);
const steps = readInt('--steps', values.steps);

const FORMATS = ['f32', 'bf16'] as const;
type Format = (typeof FORMATS)[number];

const { training, heldOut } = readDataset('dist/samples/digits');
const book = readFileSync('dist/samples/moby-dick/moby-dick.txt', 'utf8').slice(0, 200_000);
const split = Math.floor(0.9 * book.length);
const [text, validation] = [book.slice(0, split), book.slice(split)];

/** Models; each with what is measured at the end. */
const SYSTEMS = {
  /** Accuracy of a linear probe on held-out digits. */
  simclr(seed: number) {
    const model = new SimCLR({ ...training.shape, augmentation: augmentationFor(training) });
    const measure = (): number => {
      const [trainLabels, testLabels] = [training.labels, heldOut.labels] as [
        Int32Array,
        Int32Array,
      ];
      const [train, test] = [model.encode(training), model.encode(heldOut)];
      const data = { train, trainLabels, test, testLabels };
      const options = { seed, draws: 1 };
      return fewShotAccuracy(data, [Number.POSITIVE_INFINITY], options)[0]?.probe ?? Number.NaN;
    };
    return { model, data: training, batchSize: 128, measure };
  },
  /** Loss of the last tenth of the text, in nats per character. */
  gpt() {
    const model = new GPT(book, { layers: 2, heads: 4, width: 64, context: 64 });
    return { model, data: text, batchSize: 32, measure: () => model.evaluate(validation) };
  },
};
type System = keyof typeof SYSTEMS;

const terminal = new Terminal(false);
const systems = Object.keys(SYSTEMS) as System[];
const progress = terminal.progress('bf16', seeds * systems.length * FORMATS.length * steps);
let done = 0;

/** Trains a model and measures it. */
async function train(system: System, seed: number, gradients: Format): Promise<number> {
  manualSeed(seed);
  const { model, data, batchSize, measure } = SYSTEMS[system](seed);
  const communicator = joinRanks(shareRanks(1), 0);
  const options = { steps, seed, batchSize, communicator, gradients };
  for await (const { loss } of trainRanks(model as Trainable<unknown, unknown>, data, options)) {
    await progress.step(++done, loss, { what: `${system} ${gradients}, seed ${seed}` });
  }
  const measured = measure();
  model.dispose();
  return measured;
}

const found: Record<string, Record<Format | 'difference', object>> = {};
for (const system of systems) {
  const measured: Record<Format, number[]> = { f32: [], bf16: [] };
  for (let seed = 1; seed <= seeds; seed++) {
    for (const format of FORMATS) measured[format].push(await train(system, seed, format));
  }
  const differences = measured.bf16.map((value, i) => value - (measured.f32[i] as number));
  found[system] = {
    f32: { ...meanStd(measured.f32), values: measured.f32 },
    bf16: { ...meanStd(measured.bf16), values: measured.bf16 },
    difference: { ...meanStd(differences), values: differences },
  };
}
progress.end();
for (const [system, own] of Object.entries(found))
  terminal.line(`${system} ${JSON.stringify(own)}`);
if (values.write) writeResults('bf16', studyCommand('bf16'), { seeds, steps, ...found });
