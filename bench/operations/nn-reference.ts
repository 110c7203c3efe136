/** Arrays of any number of axes in f64, for the references of what works on tensors: to be read, not fast. */

import type { Numbers } from './operation.js';

export interface Nd {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

export function nd({ data, rows, cols, shape = [rows, cols] }: Numbers): Nd {
  return { data, shape };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, extent) => size * extent, 1);
}

/** The array whose element at each index is f of it. */
export function build(shape: readonly number[], f: (index: readonly number[]) => number): Nd {
  const index = shape.map(() => 0);
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    data[i] = f(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return { data, shape };
}

/** An element; axes of extent 1 and axes that are missing in front repeat, as NumPy has it. */
export function at({ data, shape }: Nd, index: readonly number[]): number {
  const extra = index.length - shape.length;
  let offset = 0;
  for (const [axis, extent] of shape.entries()) {
    offset = offset * extent + (extent === 1 ? 0 : (index[axis + extra] as number));
  }
  return data[offset] as number;
}

export function map(x: Nd, f: (value: number) => number): Nd {
  return { data: Float64Array.from(x.data, f), shape: x.shape };
}

/** f of two arrays, repeated to a common shape. */
export function both(a: Nd, b: Nd, f: (x: number, y: number) => number): Nd {
  const shape = broadcast(a.shape, b.shape);
  return build(shape, (index) => f(at(a, index), at(b, index)));
}

export const add = (a: Nd, b: Nd): Nd => both(a, b, (x, y) => x + y);

export function transpose(x: Nd, axes: readonly number[]): Nd {
  return build(
    axes.map((axis) => x.shape[axis] as number),
    (index) =>
      at(
        x,
        x.shape.map((_, axis) => index[axes.indexOf(axis)] as number),
      ),
  );
}

/** f of the numbers along axes, which become 1 long. */
export function reduce(x: Nd, axes: readonly number[], f: (values: number[]) => number): Nd {
  const groups = new Map<string, number[]>();
  const key = (index: readonly number[]): string =>
    String(index.map((i, axis) => (axes.includes(axis) ? 0 : i)));
  build(x.shape, (index) => {
    const group = groups.get(key(index)) ?? [];
    groups.set(key(index), group);
    return group.push(at(x, index));
  });
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  return build(kept, (index) => f(groups.get(key(index)) as number[]));
}

/** Applies f to each row, the last axis. */
export function mapRows(x: Nd, f: (row: number[], r: number) => ArrayLike<number>): Nd {
  const cols = x.shape.at(-1) as number;
  const rows = Array.from({ length: x.data.length / cols }, (_, r) =>
    f(
      Array.from({ length: cols }, (_, c) => x.data[r * cols + c] as number),
      r,
    ),
  );
  const data = rows.flatMap((row) => Array.from(row));
  return { data, shape: [...x.shape.slice(0, -1), data.length / rows.length] };
}

/** The shape that two shapes broadcast to. */
function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const extent = (shape: readonly number[], axis: number): number =>
    shape[axis - rank + shape.length] ?? 1;
  return Array.from({ length: rank }, (_, axis) => Math.max(extent(a, axis), extent(b, axis)));
}

/** a (…, m, k) times b (…, k, n). */
export function matmul(a: Nd, b: Nd): Nd {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return build([...batch, m, b.shape.at(-1) as number], (index) => {
    let sum = 0;
    for (let i = 0; i < k; i++) {
      const x = at(a, [...index.slice(0, -1), i]);
      sum += x * at(b, [...index.slice(0, -2), i, index.at(-1) as number]);
    }
    return sum;
  });
}

/** x (…, in) times the transpose of weight (out, in), plus bias. */
export function linear(x: Nd, weight: Nd, bias?: Nd): Nd {
  const [outputs, inputs] = weight.shape as [number, number];
  return mapRows(x, (row) => {
    const y = new Float64Array(outputs);
    for (let o = 0; o < outputs; o++) {
      let sum = bias === undefined ? 0 : (bias.data[o] as number);
      for (let i = 0; i < inputs; i++) {
        sum += (row[i] as number) * (weight.data[o * inputs + i] as number);
      }
      y[o] = sum;
    }
    return y;
  });
}

export function layerNorm(x: Nd, weight?: Nd, bias?: Nd, eps = 1e-5): Nd {
  return mapRows(x, (row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    const scale = 1 / Math.sqrt(variance + eps);
    return row.map((value, c) => {
      const normal = (value - mean) * scale;
      return normal * (weight?.data[c] ?? 1) + (bias?.data[c] ?? 0);
    });
  });
}

/** erf(x) = 2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)): no term has another's sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

export function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

export function geluByTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

export interface AttentionReference {
  causal?: boolean;
  lengths?: ArrayLike<number> | undefined;
  /** Tells if query t of a sample's head may look at key s (default true). */
  mask?: (b: number, h: number, t: number, s: number) => boolean;
  /** Factor of the probability of key s for query t of a sample's head (default 1). */
  kept?: (head: number, t: number, s: number) => number;
}

/** Attention of many heads over qkv (B, T, 3C). */
export function attention(
  qkv: Nd,
  heads: number,
  { causal = false, lengths, mask = () => true, kept = () => 1 }: AttentionReference = {},
): Nd {
  const [batch, steps, triple] = qkv.shape as [number, number, number];
  const channels = triple / 3;
  const width = channels / heads;
  const part = (b: number, t: number, from: number): number[] =>
    Array.from(
      { length: width },
      (_, i) => qkv.data[(b * steps + t) * triple + from + i] as number,
    );
  const y = new Float64Array(batch * steps * channels);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const all = Array.from({ length: steps }, (_, t) =>
        [0, 1, 2].map((number) => part(b, t, number * channels + h * width)),
      );
      for (let t = 0; t < steps; t++) {
        const q = all[t]?.[0] as number[];
        const seen = Math.min(lengths?.[b] ?? steps, causal ? t + 1 : steps);
        const weights = all.slice(0, seen).map((row, s) => {
          if (!mask(b, h, t, s)) return 0;
          const k = row[1] as number[];
          return Math.exp(
            q.reduce((sum, v, i) => sum + v * (k[i] as number), 0) / Math.sqrt(width),
          );
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let i = 0; i < width; i++) {
          const mixed = weights.reduce(
            (sum, weight, s) =>
              sum + weight * kept(b * heads + h, t, s) * (all[s]?.[2]?.[i] as number),
            0,
          );
          y[(b * steps + t) * channels + h * width + i] = total === 0 ? 0 : mixed / total;
        }
      }
    }
  }
  return { data: y, shape: [batch, steps, channels] };
}
