/** Weights under the names and in the layouts of Hugging Face's files, and back. */

import { rangeError } from '../../core/validation.js';
import {
  type LayerNorm,
  type Linear,
  reshape,
  slice,
  type Tensor,
  tensor,
  transpose,
} from '../../nn/index.js';

/** One tensor of a file, and where its numbers are with us. */
export interface Entry {
  name: string;
  /** Ours, or none: then zeros of this shape are written, and what is there is not read. */
  own: Tensor | readonly number[];
  /** In the file it is (in, out), the transpose of ours. */
  transposed?: boolean;
  /** In the file it is ours in this shape, and then with its axes in this order, if there is one. */
  layout?: { shape: readonly number[]; axes?: readonly number[] };
  /** Only these rows of ours. */
  rows?: readonly [from: number, to: number];
  /** A file may lack it: ours stays as it is. */
  optional?: boolean;
}

/** A linear layer's weight and bias; of all its rows or some. */
export function linearEntries(
  name: string,
  { weight, bias }: Linear,
  rest: Omit<Entry, 'name' | 'own'> = {},
): Entry[] {
  const { transposed: _, ...plain } = rest;
  return [
    { name: `${name}.weight`, own: weight, ...rest },
    { name: `${name}.bias`, own: bias ?? [weight.shape[0] as number], ...plain },
  ];
}

export function normEntries(name: string, { weight, bias }: LayerNorm, optional = false): Entry[] {
  return [
    { name: `${name}.weight`, own: weight, optional },
    { name: `${name}.bias`, own: bias ?? [weight.size], optional },
  ];
}

/** What a file holds; call it inside `tidy`. */
export function writeEntries(entries: readonly Entry[]): Map<string, Tensor> {
  return new Map(
    entries.map(({ name, own, transposed, layout, rows }) => {
      if (Array.isArray(own)) return [name, tensor(new Float32Array(own[0]), own)];
      const whole = (own as Tensor).detach();
      const part = rows === undefined ? whole : slice(whole, 0, ...rows);
      const turned = transposed ? transpose(part) : part;
      return [name, layout === undefined ? turned : toFileLayout(turned, layout)];
    }),
  );
}

type Layout = NonNullable<Entry['layout']>;

function toFileLayout(own: Tensor, { shape, axes }: Layout): Tensor {
  const shaped = reshape(own, shape);
  return axes === undefined ? shaped : transpose(shaped, axes);
}

/** The inverse of `laidOut`, for a tensor of the shape that it gives. */
function fromFileLayout(
  loader: string,
  name: string,
  found: Tensor,
  own: readonly number[],
  { shape, axes }: Layout,
): Tensor {
  const order = axes ?? shape.map((_, axis) => axis);
  checkShape(
    loader,
    name,
    found,
    order.map((axis) => shape[axis] as number),
  );
  return reshape(
    transpose(
      found,
      order.map((_, axis) => order.indexOf(axis)),
    ),
    own,
  );
}

/**
 * Puts a file's tensors into ours; call it inside `tidy`.
 * @param others names that older files have instead
 * @throws RangeError if one is missing or of another shape
 */
export function readEntries(
  loader: string,
  entries: readonly Entry[],
  weights: ReadonlyMap<string, Tensor>,
  others: (name: string) => readonly string[],
): void {
  for (const { name, own, transposed, layout, rows, optional } of entries) {
    const found = findWeight(weights, name, others);
    if (found === undefined && optional) continue;
    if (found === undefined) rangeError(loader, 'model.safetensors', `with ${name}`, 'none');
    if (Array.isArray(own)) continue;
    const to = own as Tensor;
    const flat =
      layout === undefined ? found : fromFileLayout(loader, name, found, to.shape, layout);
    const turned = transposed ? transpose(flat) : flat;
    const [from, end] = rows ?? [0, to.shape[0] ?? 1];
    const shape = rows === undefined ? to.shape : [end - from, ...to.shape.slice(1)];
    checkShape(loader, name, turned, shape);
    to.data.set(turned.data, from * (to.size / (to.shape[0] ?? 1)));
  }
}

export function findWeight(
  weights: ReadonlyMap<string, Tensor>,
  name: string,
  others: (name: string) => readonly string[],
): Tensor | undefined {
  const known = [name, ...others(name)].find((candidate) => weights.has(candidate));
  return known === undefined ? undefined : weights.get(known);
}

export function checkShape(
  loader: string,
  name: string,
  found: Tensor | undefined,
  shape: readonly number[],
): void {
  if (found === undefined) rangeError(loader, 'model.safetensors', `with ${name}`, 'none');
  if (String(found.shape) !== String(shape)) {
    rangeError(loader, name, `of shape [${shape}]`, `[${found.shape}]`);
  }
}
