/**
 * Rows of the table for `nearfar/nn`: what an operation or a layer makes of tensors. The scalar
 * that gradients are of is the sum of the result's elements, each with a weight of its own, so
 * that no element's gradient can hide behind another's.
 */

import type { Random } from '../../src/core/random.js';
import type { Module, Tensor } from '../../src/nn/index.js';
import { type Nd, nd } from './nn-reference.js';
import {
  type Api,
  type Numbers,
  normal,
  type Operation,
  type Outputs,
  operation,
  type Sizes,
} from './operation.js';

export type Nn = Api['nn'];

export interface TensorRow<I extends Record<string, Numbers>> {
  name: string;
  sizes: readonly Sizes[];
  large?: readonly Sizes[];
  inputs(sizes: Sizes, random: Random): I;
  /** A layer, whose state is the inputs of the same names. */
  layer?(nn: Nn, inputs: I): Module;
  forward(nn: Nn, x: { [K in keyof I]: Tensor }, inputs: I, layer: Module): Tensor;
  /** Computes it in f64. */
  reference(x: { [K in keyof I]: Nd }, inputs: I): Nd;
  rtol?: number;
  /** Step of the finite differences (default 1e-4). */
  step?: number;
  flops?(sizes: Sizes): number;
  /** Leave the gradient to another row (default true). */
  gradient?: boolean;
}

const weight = (i: number): number => (((i * 7) % 11) - 4) / 8;

/** Tensors of a row's inputs, or a layer with them as its state. */
function materialize<I extends Record<string, Numbers>>(row: TensorRow<I>, { nn }: Api, inputs: I) {
  nn.manualSeed(1);
  const layer = row.layer?.(nn, inputs);
  const tensors = new Map<string, Tensor>();
  let weights: Float32Array | undefined;
  for (const [name, { data, rows, cols, shape = [rows, cols], constant }] of Object.entries(
    inputs,
  )) {
    tensors.set(name, constant ? nn.tensor(data, shape) : nn.parameter(data, shape));
  }
  if (layer !== undefined) {
    const state = layer.stateDict();
    const given = [...tensors].filter(([name]) => state.has(name));
    layer.loadStateDict(new Map(given));
    for (const [name, tensor] of given) {
      tensor.dispose();
      tensors.set(name, state.get(name) as Tensor);
    }
  }
  const x = Object.fromEntries(tensors) as { [K in keyof I]: Tensor };
  return {
    tensors,
    forward: (): Tensor => row.forward(nn, x, inputs, layer as Module),
    scalar(y: Tensor): Tensor {
      weights ??= Float32Array.from({ length: y.size }, (_, i) => weight(i));
      return nn.sum(nn.mul(y, nn.tensor(weights, y.shape)));
    },
    dispose(): void {
      for (const tensor of tensors.values()) tensor.dispose();
      layer?.dispose();
    },
  };
}

/** A row on tensors as a row of the table. */
export function onTensors<I extends Record<string, Numbers>>(row: TensorRow<I>): Operation {
  const { name, sizes, large = [], inputs, rtol = 1e-5, step, flops } = row;
  const arrays = (given: I): { [K in keyof I]: Nd } =>
    Object.fromEntries(Object.entries(given).map(([key, numbers]) => [key, nd(numbers)])) as {
      [K in keyof I]: Nd;
    };
  const run = (api: Api, given: I): Outputs => {
    const made = materialize(row, api, given);
    try {
      return api.nn.tidy(() =>
        api.nn.noGrad(() => {
          const y = made.forward();
          return { y: y.toArray(), loss: made.scalar(y).item() };
        }),
      );
    } finally {
      made.dispose();
    }
  };
  const gradient = (api: Api, given: I): Outputs & { loss: number } => {
    const made = materialize(row, api, given);
    try {
      const loss = api.nn.tidy(() => {
        const scalar = made.scalar(made.forward());
        scalar.backward();
        return scalar.item();
      });
      const wanted = [...made.tensors].filter(([key]) => !given[key]?.constant);
      const grads = wanted.map(([key, { grad }]) => {
        if (grad === undefined) throw new Error(`${name}: ${key} has no gradient`);
        return [key, grad.toArray()] as const;
      });
      return { loss, ...Object.fromEntries(grads) };
    } finally {
      made.dispose();
    }
  };
  return operation<I>({
    name: `nn.${name}`,
    sizes,
    large,
    inputs,
    run,
    reference(given) {
      const { data } = row.reference(arrays(given), given);
      const y = Array.from(data);
      return { y, loss: y.reduce((sum, value, i) => sum + value * weight(i), 0) };
    },
    rtol,
    ...(row.gradient === false
      ? {}
      : { gradient: { run: gradient, ...(step === undefined ? {} : { step }) } }),
    prepared(api, given) {
      const made = materialize(row, api, given);
      return {
        value: () => api.nn.tidy(() => void api.nn.noGrad(made.forward)),
        gradient: () => api.nn.tidy(() => void made.scalar(made.forward()).backward()),
      };
    },
    ...(flops === undefined ? {} : { flops }),
  });
}

/** Numbers as if normally distributed, of any shape. */
export function array(random: Random, shape: readonly number[], scale = 1): Numbers {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { ...normal(random, 1, size, scale), shape };
}

/** Numbers uniform in [low, high), of any shape. */
export function between(
  random: Random,
  shape: readonly number[],
  low: number,
  high: number,
): Numbers {
  const numbers = array(random, shape);
  return { ...numbers, data: numbers.data.map(() => random.uniform(low, high)) };
}
