/**
 * nearfar/nn against float64 PyTorch (golden/nn.py, golden/vision.py): operations, layers, and five
 * steps of small networks and of a GPT.
 */

import { readFileSync } from 'node:fs';
import { GPT } from 'nearfar/models';
import * as nn from 'nearfar/nn';
import { check, close, same, suite } from '../harness.js';

const test = suite('nn golden');
type Tensor = nn.Tensor;

interface Packed {
  shape: number[];
  f32: string;
}
type PackedMap = Record<string, Packed>;

interface Case {
  name: string;
  function: string;
  inputs: Packed[];
  arguments: unknown[];
  tensorsFirst: number;
  /** The tensors are one argument, an array. */
  list?: boolean;
  /** Name of the option that the other tensor is. */
  option?: string;
  dy: Packed;
  y: Packed;
  gradients: Packed[];
}

interface Layer {
  name: string;
  layer: string;
  arguments: unknown[];
  state: PackedMap;
  x: Packed;
  lengths: number[] | null;
  dy: Packed;
  y: Packed;
  dx: Packed;
  gradients: PackedMap;
}

interface Training {
  name: string;
  optimizer: { kind: 'AdamW' | 'Adam' | 'Sgd'; decay?: number; options: object };
  schedule?: nn.ScheduleOptions;
  clip: number | null;
  state: PackedMap;
  losses: number[];
  lengths: number[];
  gradients: PackedMap;
  after: PackedMap;
}

interface Indices {
  name: string;
  function: string;
  input: Packed;
  arguments: unknown[];
  indices: number[];
}

interface Network extends Training {
  arguments: [number, number, object];
  inputs: Packed[];
  targets: Packed[];
}

interface LanguageModel extends Training {
  letters: string;
  config: object;
  ids: number[][][];
}

function read<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../golden/fixtures/nn/${name}.json`, import.meta.url), 'utf8'),
  );
}

function numbers({ f32 }: Packed): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(f32, 'base64')).buffer);
}

const tensorOf = (packed: Packed): Tensor => nn.tensor(numbers(packed), packed.shape);

/** As near as f32 gets: a fraction of the largest number. */
function near(actual: Tensor | undefined, expected: Packed, what: string, fraction = 2e-6): void {
  check(actual !== undefined, `${what} is missing`);
  same(actual.shape, expected.shape, `${what}: shape`);
  const wanted = numbers(expected);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  close(actual.toArray(), wanted, { atol: fraction * Math.max(largest, 0.01), what });
}

const weighted = (y: Tensor, dy: Packed): Tensor => nn.sum(nn.mul(y, tensorOf(dy)));

/** A function or class of the module by its name. */
const byName = (name: string): unknown => new Map<string, unknown>(Object.entries(nn)).get(name);

/** Arguments after the first tensors: options may hold the other one. */
function argumentsOf(row: Case, others: Tensor[]): unknown[] {
  if (row.option === undefined) return [...row.arguments, ...others];
  const options = { ...(row.arguments.at(-1) as object), [row.option]: others[0] };
  return [...row.arguments.slice(0, -1), options];
}

for (const row of read<{ indices: Indices[] }>('axes').indices) {
  test(row.name, () =>
    nn.tidy(() => {
      const call = byName(row.function) as (...args: unknown[]) => Int32Array;
      same(Array.from(call(tensorOf(row.input), ...row.arguments)), row.indices);
    }),
  );
}

for (const file of ['operations', 'elementwise', 'axes', 'vision']) {
  for (const row of read<{ cases: Case[] }>(file).cases) {
    test(row.name, () =>
      nn.tidy(() => {
        const inputs = row.inputs.map((input) => nn.parameter(numbers(input), input.shape));
        const call = byName(row.function) as (...args: unknown[]) => Tensor;
        const [first, others] = [inputs.slice(0, row.tensorsFirst), inputs.slice(row.tensorsFirst)];
        const y = call(...(row.list ? [first] : first), ...argumentsOf(row, others));
        near(y, row.y, 'y');
        weighted(y, row.dy).backward();
        for (const [i, input] of inputs.entries()) {
          near(input.grad, row.gradients[i] as Packed, `gradient of input ${i}`);
          input.dispose();
        }
      }),
    );
  }
}

/** Gives a module the state of a fixture, whose names must be its own. */
function load(module: nn.Module, state: PackedMap): void {
  nn.tidy(() =>
    module.loadStateDict(new Map(Object.entries(state).map(([name, x]) => [name, tensorOf(x)]))),
  );
}

function compareAll(
  actual: (name: string) => Tensor | undefined,
  expected: PackedMap,
  what: string,
  fraction: number,
): void {
  for (const [name, packed] of Object.entries(expected)) {
    near(actual(name), packed, `${what} ${name}`, fraction);
  }
}

for (const row of read<{ layers: Layer[] }>('layers').layers) {
  test(row.name, () => {
    type Made = nn.Module & { forward(x: Tensor, lengths?: number[]): Tensor };
    const module = new (byName(row.layer) as new (...args: unknown[]) => Made)(...row.arguments);
    load(module, row.state);
    const x = nn.parameter(numbers(row.x), row.x.shape);
    nn.tidy(() => {
      const y = module.forward(x, row.lengths ?? undefined);
      near(y, row.y, 'y', 5e-6);
      weighted(y, row.dy).backward();
    });
    near(x.grad, row.dx, 'gradient of x', 1e-5);
    const parameters = module.parameters();
    compareAll((name) => parameters.get(name)?.grad, row.gradients, 'gradient of', 1e-5);
    x.dispose();
    module.dispose();
  });
}

/** Trains as the fixture was, and compares on the way. */
function train(model: nn.Module, row: Training, lossAt: (step: number) => Tensor): void {
  load(model, row.state);
  const { kind, decay, options } = row.optimizer;
  const parameters = model.parameters();
  const groups = decay === undefined ? parameters : nn.decayGroups(parameters, decay);
  const Optimizer = { AdamW: nn.AdamW, Adam: nn.Adam, Sgd: nn.Sgd }[kind];
  const optimizer = new Optimizer(groups, options);
  const rate = row.schedule && nn.cosineSchedule(row.schedule);
  row.losses.forEach((expected, step) => {
    optimizer.zeroGrad();
    const loss = nn.tidy(() => {
      const loss = lossAt(step);
      loss.backward();
      return loss.item();
    });
    close(loss, expected, { rtol: 1e-5, what: `loss of step ${step}` });
    if (step === 0) {
      compareAll((name) => parameters.get(name)?.grad, row.gradients, 'gradient of', 1e-5);
    }
    if (row.clip !== null) {
      const length = nn.clipGradNorm(parameters, row.clip);
      close(length, row.lengths[step] as number, { rtol: 1e-5, what: `length of step ${step}` });
    }
    if (rate) optimizer.learningRate = rate(step);
    optimizer.step();
  });
  compareAll((name) => parameters.get(name), row.after, 'after five steps:', 1e-5);
  optimizer.dispose();
  model.dispose();
}

const { networks, languageModels } = read<{ networks: Network[]; languageModels: LanguageModel[] }>(
  'training',
);

for (const row of networks) {
  test(row.name, () => {
    const model = new nn.Mlp(...row.arguments);
    const at = (list: Packed[], step: number): Tensor => tensorOf(list[step] as Packed);
    train(model, row, (step) => nn.mse(model.forward(at(row.inputs, step)), at(row.targets, step)));
  });
}

for (const row of languageModels) {
  test(row.name, () => {
    const model = new GPT(row.letters, row.config);
    train(model, row, (step) => {
      const windows = row.ids[step] as number[][];
      const inputs = Int32Array.from(windows.flatMap((ids) => ids.slice(0, -1)));
      const targets = Int32Array.from(windows.flatMap((ids) => ids.slice(1)));
      return model.loss({ inputs, targets, batch: windows.length });
    });
  });
}
