/** Tensors under the names and in the layouts of Hugging Face's files, and back. */

import {
  type LayerNorm,
  type Linear,
  type Module,
  reshape,
  saveSafetensors,
  slice,
  type Tensor,
  type TransformerBlock,
  tensor,
  tidy,
  transpose,
} from '../../nn/index.js';
import type { Weights } from './weights.js';

/** One tensor of a file, and the parameter that holds its numbers. */
export interface FileTensor {
  /** Name in the file. */
  name: string;
  /** The parameter, or a shape where there is none: zeros are written, and what is read is dropped. */
  parameter: Tensor | readonly number[];
  /** The file has the transpose of the parameter: (in, out), as GPT-2's. */
  transposed?: boolean;
  /** The file has the parameter reshaped, and then with its axes in this order, if there is one. */
  layout?: { shape: readonly number[]; axes?: readonly number[] };
  /** Rows of the parameter that the tensor holds; all if left out. */
  rows?: readonly [from: number, to: number];
  /** A file may lack it: the parameter stays as it is. */
  optional?: boolean;
}

/** Lists a linear layer's weight and bias; all rows or some. */
export function linearTensors(
  name: string,
  { weight, bias }: Linear,
  options: Omit<FileTensor, 'name' | 'parameter'> = {},
): FileTensor[] {
  const { transposed: _, ...plain } = options;
  return [
    { name: `${name}.weight`, parameter: weight, ...options },
    { name: `${name}.bias`, parameter: bias ?? [weight.shape[0] as number], ...plain },
  ];
}

/** Lists a normalization's weight and bias. */
export function normTensors(
  name: string,
  { weight, bias }: LayerNorm,
  optional = false,
): FileTensor[] {
  return [
    { name: `${name}.weight`, parameter: weight, optional },
    { name: `${name}.bias`, parameter: bias ?? [weight.size], optional },
  ];
}

/** Names of a transformer block's layers in the files of one kind of model. */
export interface BlockNames {
  norm1: string;
  /** One layer for queries, keys and values, or a layer for each. */
  qkv: string | readonly [query: string, key: string, value: string];
  /** Output projection of attention. */
  output: string;
  norm2: string;
  /** The MLP's two layers. */
  up: string;
  down: string;
  /** Linear layers are stored as (in, out). */
  transposed?: boolean;
}

/** Lists all tensors of transformer blocks: block i's names begin with `prefix.i`. */
export function blockTensors(
  prefix: string,
  blocks: readonly TransformerBlock[],
  names: BlockNames,
): FileTensor[] {
  const options = names.transposed ? { transposed: true } : {};
  return blocks.flatMap(({ norm1, attention, norm2, mlp }, i) => {
    const at = (name: string): string => `${prefix}.${i}.${name}`;
    const width = norm1.weight.size;
    const { qkv } = names;
    const projections =
      typeof qkv === 'string'
        ? linearTensors(at(qkv), attention.qkv, options)
        : qkv.flatMap((name, part) => {
            const rows = [part * width, (part + 1) * width] as const;
            return linearTensors(at(name), attention.qkv, { ...options, rows });
          });
    return [
      ...normTensors(at(names.norm1), norm1),
      ...projections,
      ...linearTensors(at(names.output), attention.output, options),
      ...normTensors(at(names.norm2), norm2),
      ...linearTensors(at(names.up), mlp.up, options),
      ...linearTensors(at(names.down), mlp.down, options),
    ];
  });
}

/** Lists all tensors of a module under their own paths. */
export function moduleTensors(prefix: string, module: Module): FileTensor[] {
  return Array.from(module.stateDict(), ([path, parameter]) => ({
    name: `${prefix}${path}`,
    parameter,
  }));
}

/** Encodes the tensors as `model.safetensors`. */
export function writeTensors(tensors: readonly FileTensor[]): Uint8Array {
  return tidy(() => saveSafetensors(new Map(tensors.map((each) => [each.name, written(each)]))));
}

/** A tensor as the file has it. */
function written({ parameter, transposed, layout, rows }: FileTensor): Tensor {
  if (isShape(parameter)) return tensor(new Float32Array(sizeOf(parameter)), parameter);
  const whole = parameter.detach();
  const part = rows === undefined ? whole : slice(whole, 0, ...rows);
  const turned = transposed ? transpose(part) : part;
  return layout === undefined ? turned : toFileLayout(turned, layout);
}

/**
 * Reads a file's tensors into the parameters; call it inside `tidy`.
 * @throws {RangeError} if one is missing or of another shape
 */
export function readTensors(tensors: readonly FileTensor[], weights: Weights): void {
  for (const each of tensors) {
    const { name, parameter, transposed, layout, rows, optional } = each;
    if (optional && !weights.has(name)) continue;
    if (isShape(parameter)) {
      weights.check(name, parameter);
      continue;
    }
    const [from, end] = rows ?? [0, parameter.shape[0] ?? 1];
    const shape = rows === undefined ? parameter.shape : [end - from, ...parameter.shape.slice(1)];
    const plain = transposed ? [...shape].reverse() : shape;
    const found = weights.read(name, layout === undefined ? plain : fileShape(layout));
    const flat = layout === undefined ? found : fromFileLayout(found, plain, layout);
    const { data } = transposed ? transpose(flat) : flat;
    parameter.data.set(data, from * (parameter.size / (parameter.shape[0] ?? 1)));
  }
}

function isShape(parameter: Tensor | readonly number[]): parameter is readonly number[] {
  return Array.isArray(parameter);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

type Layout = NonNullable<FileTensor['layout']>;

/** Shape in the file. */
function fileShape({ shape, axes }: Layout): number[] {
  return (axes ?? shape.map((_, axis) => axis)).map((axis) => shape[axis] as number);
}

function toFileLayout(parameter: Tensor, { shape, axes }: Layout): Tensor {
  const shaped = reshape(parameter, shape);
  return axes === undefined ? shaped : transpose(shaped, axes);
}

/** Inverts `toFileLayout`. */
function fromFileLayout(found: Tensor, own: readonly number[], { shape, axes }: Layout): Tensor {
  const order = axes ?? shape.map((_, axis) => axis);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return reshape(transpose(found, inverse), own);
}
