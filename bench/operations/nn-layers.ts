/** Rows of the table: the layers of `nearfar/nn`, their state as they name it. */

import type { Random } from '../../src/core/random.js';
import type { Module, Tensor } from '../../src/nn/index.js';
import { array, type Nn, onTensors } from './nn.js';
import * as reference from './nn-reference.js';
import { add, map, type Nd } from './nn-reference.js';
import { integers, type Numbers, type Operation, type Sizes } from './operation.js';

type State = Record<string, Numbers>;
const shapeOf = (weight: Numbers | undefined): [number, number] => [
  ...((weight as Numbers).shape as [number, number]),
];
type Arrays = Record<string, Nd>;

/** A linear layer's state, with weights small enough for depth. */
function linear(random: Random, path: string, inputs: number, outputs: number): State {
  return {
    [`${path}.weight`]: array(random, [outputs, inputs], 0.5),
    [`${path}.bias`]: array(random, [outputs], 0.5),
  };
}

function norm(random: Random, path: string, width: number): State {
  return { [`${path}.weight`]: array(random, [width]), [`${path}.bias`]: array(random, [width]) };
}

const throughLinear = (x: Nd, state: Arrays, path: string): Nd =>
  reference.linear(x, state[`${path}.weight`] as Nd, state[`${path}.bias`]);
const throughNorm = (x: Nd, state: Arrays, path: string): Nd =>
  reference.layerNorm(x, state[`${path}.weight`], state[`${path}.bias`]);

function block(random: Random, width: number): State {
  return {
    ...norm(random, 'norm1', width),
    ...linear(random, 'attention.qkv', width, 3 * width),
    ...linear(random, 'attention.output', width, width),
    ...norm(random, 'norm2', width),
    ...linear(random, 'mlp.up', width, 4 * width),
    ...linear(random, 'mlp.down', 4 * width, width),
  };
}

const activations = {
  gelu: reference.gelu,
  gelu_new: reference.geluByTanh,
  relu: (x: number) => Math.max(0, x),
  tanh: Math.tanh,
};

const mlps = (Object.keys(activations) as (keyof typeof activations)[]).map((activation) =>
  onTensors<State>({
    name: `Mlp ${activation}`,
    sizes: [
      { N: 1, C: 1, H: 1, M: 1 },
      { N: 3, C: 5, H: 7, M: 2 },
    ],
    large: activation === 'gelu' ? [{ N: 768, C: 128, H: 512, M: 128 }] : [],
    inputs: ({ N = 1, C = 1, H = 1, M = 1 }, random) => ({
      x: array(random, [N, C]),
      ...linear(random, 'up', C, H),
      ...linear(random, 'down', H, M),
    }),
    layer(nn, { x, 'up.bias': up, 'down.bias': down }) {
      const outputs = down?.cols as number;
      return new nn.Mlp(x?.shape?.[1] as number, up?.cols as number, { outputs, activation });
    },
    forward: (_, { x }, __, layer) => (layer as InstanceType<Nn['Mlp']>).forward(x as Tensor),
    reference({ x, ...state }) {
      const middle = map(throughLinear(x as Nd, state, 'up'), activations[activation]);
      return throughLinear(middle, state, 'down');
    },
  }),
);

const SEQUENCES: readonly Sizes[] = [
  { B: 1, T: 1, C: 6 },
  { B: 2, T: 5, C: 10 },
];

const lengthsOf = (random: Random, batch: number, steps: number): Numbers => ({
  ...integers(random, batch, steps),
  data: Float32Array.from({ length: batch }, (_, b) => 1 + ((b + 2) % steps)),
});

type OnSequences = Module & { forward(x: Tensor, lengths?: ArrayLike<number>): Tensor };

function onSequences(
  name: string,
  parameters: (random: Random, width: number) => State,
  layer: (nn: Nn, width: number) => Module,
  padded: boolean,
  expected: (x: Nd, state: Arrays, lengths: ArrayLike<number> | undefined) => Nd,
): Operation {
  return onTensors<State>({
    name,
    sizes: SEQUENCES,
    large: [{ B: 12, T: 64, C: 128 }],
    inputs: ({ B = 1, T = 1, C = 1 }, random) => ({
      x: array(random, [B, T, C]),
      lengths: lengthsOf(random, B, T),
      ...parameters(random, C),
    }),
    layer: (nn, { x }) => layer(nn, x?.shape?.[2] as number),
    forward: (_, { x }, { lengths }, layer) =>
      (layer as OnSequences).forward(x as Tensor, padded ? lengths?.data : undefined),
    reference: ({ x, lengths, ...state }) =>
      expected(x as Nd, state, padded ? lengths?.data : undefined),
    rtol: 2e-5,
  });
}

const attentions = [true, false].map((causal) =>
  onSequences(
    causal ? 'MultiHeadAttention causal' : 'MultiHeadAttention with padding',
    (random, width) => ({
      ...linear(random, 'qkv', width, 3 * width),
      ...linear(random, 'output', width, width),
    }),
    (nn, width) => new nn.MultiHeadAttention(width, 2, { causal }),
    !causal,
    (x, state, lengths) => {
      const mixed = reference.attention(throughLinear(x, state, 'qkv'), 2, { causal, lengths });
      return throughLinear(mixed, state, 'output');
    },
  ),
);

const blocks = (['pre', 'post'] as const).map((kind) => {
  const causal = kind === 'pre';
  return onSequences(
    `TransformerBlock, ${kind}-norm${causal ? ', causal' : ' with padding'}`,
    block,
    (nn, width) => new nn.TransformerBlock(width, 2, { causal, norm: kind }),
    !causal,
    (x, state, lengths) => {
      const attn = (y: Nd): Nd => {
        const qkv = throughLinear(y, state, 'attention.qkv');
        return throughLinear(
          reference.attention(qkv, 2, { causal, lengths }),
          state,
          'attention.output',
        );
      };
      const mlp = (y: Nd): Nd =>
        throughLinear(map(throughLinear(y, state, 'mlp.up'), reference.gelu), state, 'mlp.down');
      if (kind === 'pre') {
        const middle = add(x, attn(throughNorm(x, state, 'norm1')));
        return add(middle, mlp(throughNorm(middle, state, 'norm2')));
      }
      const middle = throughNorm(add(x, attn(x)), state, 'norm1');
      return throughNorm(add(middle, mlp(middle)), state, 'norm2');
    },
  );
});

export const nnLayers: readonly Operation[] = [
  onTensors<State>({
    name: 'Linear',
    sizes: [
      { N: 1, C: 1, M: 1 },
      { N: 3, C: 5, M: 7 },
    ],
    large: [{ N: 768, C: 128, M: 512 }],
    inputs: ({ N = 1, C = 1, M = 1 }, random) => ({
      x: array(random, [N, C]),
      weight: array(random, [M, C]),
      bias: array(random, [M]),
    }),
    layer: (nn, { weight }) => new nn.Linear(...(shapeOf(weight).reverse() as [number, number])),
    forward: (_, { x }, __, layer) => (layer as InstanceType<Nn['Linear']>).forward(x as Tensor),
    reference: ({ x, weight, bias }) => reference.linear(x as Nd, weight as Nd, bias),
  }),
  onTensors<State>({
    name: 'LayerNorm',
    sizes: [
      { N: 1, C: 1 },
      { N: 3, C: 9 },
    ],
    large: [{ N: 768, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      x: array(random, [N, C]),
      weight: array(random, [C]),
      bias: array(random, [C]),
    }),
    layer: (nn, { weight }) => new nn.LayerNorm(weight?.cols as number, { eps: 1e-3 }),
    forward: (_, { x }, __, layer) => (layer as InstanceType<Nn['LayerNorm']>).forward(x as Tensor),
    reference: ({ x, weight, bias }) => reference.layerNorm(x as Nd, weight, bias, 1e-3),
  }),
  onTensors<State>({
    name: 'Embedding',
    sizes: [
      { N: 1, C: 1 },
      { N: 5, C: 3 },
    ],
    large: [{ N: 768, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      weight: array(random, [N, C]),
      indices: integers(random, 4, N),
    }),
    layer: (nn, { weight }) => new nn.Embedding(...shapeOf(weight)),
    forward: (_, __, { indices }, layer) =>
      (layer as InstanceType<Nn['Embedding']>).forward(indices?.data as Float32Array, [2, 2]),
    reference: ({ weight, indices }) =>
      reference.build([2, 2, weight?.shape[1] as number], ([i = 0, j = 0, c = 0]) => {
        const row = indices?.data[2 * i + j] as number;
        return weight?.data[row * (weight.shape[1] as number) + c] as number;
      }),
  }),
  onTensors<State>({
    name: 'Sequential',
    sizes: [
      { N: 1, C: 1, H: 1 },
      { N: 3, C: 5, H: 7 },
    ],
    inputs: ({ N = 1, C = 1, H = 1 }, random) => ({
      x: array(random, [N, C]),
      ...linear(random, '0', C, H),
      ...norm(random, '2', H),
    }),
    layer(nn, { '0.weight': weight }) {
      const [hidden, width] = shapeOf(weight);
      return new nn.Sequential(new nn.Linear(width, hidden), nn.tanh, new nn.LayerNorm(hidden));
    },
    forward: (_, { x }, __, layer) =>
      (layer as InstanceType<Nn['Sequential']>).forward(x as Tensor),
    reference: ({ x, ...state }) =>
      throughNorm(map(throughLinear(x as Nd, state, '0'), Math.tanh), state, '2'),
  }),
  ...mlps,
  ...attentions,
  ...blocks,
];
