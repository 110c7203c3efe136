/**
 * A row of a loss, from which both tables come: that of `nearfar`, on matrices, and that of
 * `nearfar/nn`, on tensors. A new loss needs this one row.
 */

import type { Random } from '../../src/core/random.js';
import { onTensors } from './nn.js';
import { type Api, type Numbers, type Operation, operation, type Sizes } from './operation.js';

/** Names of the losses: functions that have a gradient form. */
type LossName = Extract<keyof Api, `${string}Grad`> extends `${infer Name}Grad` ? Name : never;

export interface LossRow<I extends Record<string, Numbers>> {
  /** Function of `nearfar` and of `nearfar/nn`. */
  loss: LossName;
  /** Name of the row (default: the loss). */
  name?: string;
  sizes: readonly Sizes[];
  large?: readonly Sizes[];
  /** Matrices, numbers of shape [], and constants as labels and ids. */
  inputs(sizes: Sizes, random: Random): I;
  /**
   * Arguments of the loss.
   *
   * @param x the inputs as matrices and numbers, or as tensors
   * @param inputs the inputs themselves
   */
  args(x: { [K in keyof I]: unknown }, inputs: I): readonly unknown[];
  /** Computes the loss in f64. */
  reference(inputs: I): number;
  /** Step of the finite differences (default 1e-4). */
  step?: number;
  flops?(sizes: Sizes): number;
  /** Further outputs on matrices: with other options. */
  more?: { run: Operation<I>['run']; reference: Operation<I>['reference'] };
  /** Rows on tensors as far as they differ (default: one that differs in nothing but its sizes). */
  tensors?: readonly Partial<LossRow<I>>[];
}

/** Sizes on tensors, where each operation adds its own work. */
const TENSOR_SIZES: readonly Sizes[] = [
  { N: 1, C: 1 },
  { N: 3, C: 5 },
  { N: 9, C: 17 },
];
const LARGE_TENSORS: readonly Sizes[] = [{ N: 256, C: 128 }];

type Call = (...args: readonly unknown[]) => unknown;

/** A function of an entry, whatever its arguments. */
function functionOf(entry: object, name: string): Call {
  return (entry as Record<string, Call>)[name] as Call;
}

/** Matrices as they are, and the number of what has the shape []. */
function onMatrices<I extends Record<string, Numbers>>(inputs: I): { [K in keyof I]: unknown } {
  const entries = Object.entries(inputs).map(([key, numbers]) => {
    return [key, numbers.shape?.length === 0 ? numbers.data[0] : numbers];
  });
  return Object.fromEntries(entries);
}

/** Finds the gradient of an input in the result of a gradient form. */
function gradOf(result: Record<string, unknown>, input: string): ArrayLike<number> | undefined {
  const name = `grad${input.charAt(0).toUpperCase()}${input.slice(1)}`;
  const grad = (result[name] ?? result.grad) as number | Numbers | undefined;
  return typeof grad === 'number' ? [grad] : grad?.data;
}

/** The row of `nearfar`. */
function matrixRow<I extends Record<string, Numbers>>(row: LossRow<I>): Operation {
  const { loss, name = loss, sizes, large = [], inputs, args, reference, flops, step } = row;
  return operation<I>({
    name,
    sizes,
    large,
    inputs,
    run: (api, given) => ({
      loss: functionOf(api, loss)(...args(onMatrices(given), given)) as number,
      ...row.more?.run(api, given),
    }),
    reference: (given) => ({ loss: reference(given), ...row.more?.reference(given) }),
    gradient: {
      run(api, given) {
        const result = functionOf(api, `${loss}Grad`)(...args(onMatrices(given), given)) as {
          loss: number;
        };
        const wanted = Object.keys(given).filter((key) => !given[key]?.constant);
        const grads = wanted.map((key) => [key, gradOf({ ...result }, key)]);
        return { loss: result.loss, ...Object.fromEntries(grads) };
      },
      ...(step === undefined ? {} : { step }),
    },
    ...(flops === undefined ? {} : { flops }),
  });
}

/** The row of `nearfar/nn`. */
function tensorRow<I extends Record<string, Numbers>>(row: LossRow<I>): Operation {
  const { loss, name = loss, sizes, large = LARGE_TENSORS, inputs, args, reference, step } = row;
  return onTensors<I>({
    name,
    sizes,
    large,
    inputs,
    forward: (nn, x, given) => functionOf(nn, loss)(...args(x, given)) as ReturnType<typeof nn.exp>,
    reference: (_, given) => ({ data: [reference(given)], shape: [] }),
    ...(step === undefined ? {} : { step }),
  });
}

/** Makes the rows of a loss, for both tables. */
export function lossRow<I extends Record<string, Numbers>>(
  row: LossRow<I>,
): { matrices: Operation; tensors: readonly Operation[] } {
  const { tensors = [{}], large: _, ...common } = row;
  // Where a loss needs two samples, a single one is left out here too.
  const minSamples = Math.min(...row.sizes.map(({ N = 1 }) => N));
  const sizes = TENSOR_SIZES.filter(({ N = 1 }) => N >= minSamples);
  return {
    matrices: matrixRow(row),
    tensors: tensors.map((difference) => tensorRow({ ...common, sizes, ...difference })),
  };
}
