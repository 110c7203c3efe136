/** Rows of the table: optimizers, clipping, schedules and moving averages of `nearfar/nn`. */

import type { Tensor } from '../../src/nn/index.js';
import type { Nn } from './nn.js';
import { type Numbers, normal, type Operation, operation, type Sizes } from './operation.js';

const LENGTHS: readonly Sizes[] = [{ N: 1 }, { N: 3 }, { N: 33 }];
const LARGE: readonly Sizes[] = [{ N: 1 << 20 }];
const STEPS = 3;

interface Optimizer {
  step(): void;
  zeroGrad(): void;
  dispose(): void;
}

/** Sets a parameter's gradient by way of a loss that has it. */
function setGrad(nn: Nn, parameter: Tensor, gradient: ArrayLike<number>): void {
  nn.tidy(() => nn.sum(nn.mul(parameter, nn.tensor(gradient, parameter.shape))).backward());
}

const row = ({ data, cols }: Numbers, r: number): number[] =>
  Array.from(data.subarray(r * cols, (r + 1) * cols));

/** Three steps of two parameters, one with weight decay and one without. */
function optimizer(
  name: string,
  make: (nn: Nn, decayed: Tensor, free: Tensor) => Optimizer,
  update: (
    gradient: number,
    moments: number[],
    value: number,
    decay: number,
    step: number,
  ) => number,
): Operation {
  return operation({
    name: `nn.${name}`,
    sizes: LENGTHS,
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({
      start: normal(random, 1, N),
      gradients: normal(random, STEPS, N),
    }),
    run({ nn }, { start, gradients }) {
      const parameters = [nn.parameter(start.data), nn.parameter(start.data)] as const;
      const optimizer = make(nn, ...parameters);
      for (let step = 0; step < STEPS; step++) {
        optimizer.zeroGrad();
        for (const parameter of parameters) setGrad(nn, parameter, row(gradients, step));
        optimizer.step();
      }
      const [decayed, free] = parameters.map((parameter) => parameter.toArray());
      optimizer.dispose();
      for (const parameter of parameters) parameter.dispose();
      return { decayed: decayed as Float32Array, free: free as Float32Array };
    },
    reference({ start, gradients }) {
      const run = (decay: number): number[] =>
        Array.from(start.data, (value, i) => {
          const moments = [0, 0];
          let x = value;
          for (let step = 0; step < STEPS; step++) {
            x = update(
              gradients.data[step * start.cols + i] as number,
              moments,
              x,
              decay,
              step + 1,
            );
          }
          return x;
        });
      return { decayed: run(0.5), free: run(0) };
    },
  });
}

const sgds = [false, true].map((nesterov) =>
  optimizer(
    nesterov ? 'Sgd with Nesterov momentum' : 'Sgd with momentum',
    (nn, decayed, free) =>
      new nn.Sgd([{ params: [decayed], weightDecay: 0.5 }, { params: [free] }], {
        learningRate: 0.1,
        momentum: 0.9,
        nesterov,
      }),
    (gradient, moments, value, decay, step) => {
      const grad = gradient + decay * value;
      const velocity = step === 1 ? grad : 0.9 * (moments[0] as number) + grad;
      moments[0] = velocity;
      return value - 0.1 * (nesterov ? grad + 0.9 * velocity : velocity);
    },
  ),
);

/** Adam's mean and root mean square of the gradient at a step, without their bias. */
function adamMoments(gradient: number, moments: number[], step: number): [number, number] {
  const first = 0.9 * (moments[0] as number) + 0.1 * gradient;
  const second = 0.99 * (moments[1] as number) + 0.01 * gradient ** 2;
  moments.splice(0, 2, first, second);
  return [first / (1 - 0.9 ** step), Math.sqrt(second / (1 - 0.99 ** step)) + 1e-8];
}

export const nnTraining: readonly Operation[] = [
  optimizer(
    'AdamW',
    (nn, decayed, free) =>
      new nn.AdamW(
        [
          { params: [decayed], weightDecay: 0.5 },
          { params: [free], weightDecay: 0 },
        ],
        {
          learningRate: 0.1,
          betas: [0.9, 0.99],
        },
      ),
    (gradient, moments, value, decay, step) => {
      const [mean, root] = adamMoments(gradient, moments, step);
      return value * (1 - 0.1 * decay) - (0.1 * mean) / root;
    },
  ),
  optimizer(
    'Adam',
    (nn, decayed, free) =>
      new nn.Adam([{ params: [decayed], weightDecay: 0.5 }, { params: [free] }], {
        learningRate: 0.1,
        betas: [0.9, 0.99],
      }),
    (gradient, moments, value, decay, step) => {
      const [mean, root] = adamMoments(gradient + decay * value, moments, step);
      return value - (0.1 * mean) / root;
    },
  ),
  ...sgds,
  operation({
    name: 'nn.clipGradNorm',
    sizes: LENGTHS,
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({ gradients: normal(random, 2, N) }),
    run({ nn }, { gradients }) {
      const parameters = [0, 1].map((r) => {
        const parameter = nn.parameter(new Float32Array(gradients.cols));
        setGrad(nn, parameter, row(gradients, r));
        return parameter;
      });
      const length = nn.clipGradNorm(parameters, 0.25);
      const clipped = parameters.flatMap(({ grad }) => Array.from((grad as Tensor).data));
      for (const parameter of parameters) parameter.dispose();
      return { length, clipped };
    },
    reference({ gradients: { data } }) {
      const length = Math.sqrt(Array.from(data).reduce((sum, value) => sum + value ** 2, 0));
      const factor = Math.min(1, 0.25 / (length + 1e-6));
      return { length, clipped: Array.from(data, (value) => value * factor) };
    },
  }),
  operation({
    name: 'nn.cosineSchedule',
    sizes: [{ N: 10 }],
    large: [],
    inputs: () => ({}),
    run({ nn }) {
      const rate = nn.cosineSchedule({ peak: 0.3, steps: 40, warmup: 5 });
      return { rates: Array.from({ length: 44 }, (_, step) => rate(step)) };
    },
    reference: () => ({
      rates: Array.from({ length: 44 }, (_, step) => {
        if (step < 5) return (0.3 * (step + 1)) / 6;
        const fraction = Math.min(1, (step - 5) / 35);
        return 0.03 + 0.27 * 0.5 * (1 + Math.cos(Math.PI * fraction));
      }),
    }),
    rtol: 1e-14,
  }),
  operation({
    name: 'nn.emaUpdate',
    sizes: LENGTHS,
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({ target: normal(random, 1, N), online: normal(random, 1, N) }),
    run({ nn }, { target, online }) {
      const [to, from] = [target, online].map(({ data, cols }) => {
        const layer = new nn.LayerNorm(cols, { bias: false });
        layer.weight.set(data);
        return layer;
      }) as [InstanceType<Nn['LayerNorm']>, InstanceType<Nn['LayerNorm']>];
      nn.emaUpdate(to, from, 0.9);
      const weight = to.weight.toArray();
      to.dispose();
      from.dispose();
      return { weight };
    },
    reference: ({ target, online }) => ({
      weight: Array.from(target.data, (value, i) => 0.9 * value + 0.1 * (online.data[i] as number)),
    }),
  }),
  operation({
    name: 'nn.randomNormal',
    sizes: [{ N: 1001 }],
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({ x: normal(random, 1, N) }),
    run({ nn }, { x }) {
      nn.manualSeed(1);
      const drawn = nn.tidy(() => nn.randomNormal([x.data.length], { mean: 1, std: 2 }).toArray());
      const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
      const deviations = drawn.map((value) => (value - mean) ** 2);
      const within = drawn.filter((value) => Math.abs(value - 1) < 2).length / drawn.length;
      const variance = deviations.reduce((sum, value) => sum + value, 0) / drawn.length;
      return { mean, variance, within };
    },
    // What the distribution has; a thousand draws come as near as that.
    reference: () => ({ mean: 1, variance: 4, within: 0.6827 }),
    rtol: 0.15,
  }),
];
