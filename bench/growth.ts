/** Measures how time and memory of a loss grow with the number of rows and with their width. */

import { Random } from '../src/core/random.js';
import { candidate, type Timing, timeInterleaved } from './interleave.js';
import { normal, type Outputs } from './operations/operation.js';
import type { Growth, GrowthPoint } from './results.js';
import type { Package } from './workloads.js';

const ROWS = [256, 512, 1024, 2048, 4096, 8192, 16384];
const WIDTHS = [32, 64, 128, 256, 512, 1024];
const WIDTH = 128;
const ROWS_FOR_WIDTHS = 1024;

/** Fits the exponent of time ~ size ** exponent: slope of the line through logarithms. */
export function fitExponent(points: readonly Pick<GrowthPoint, 'size' | 'time'>[]): number {
  const xs = points.map(({ size }) => Math.log(size));
  const ys = points.map(({ time }) => Math.log(time.median));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, value, i) => sum + (value - x) * ((ys[i] as number) - y), 0);
  return covariance / xs.reduce((sum, value) => sum + (value - x) ** 2, 0);
}

/**
 * Measures NT-Xent and its gradient on one thread. Memory never shrinks, so only the first call
 * that needs more of it shows how much: the gradient, rows ascending, before anything else has run.
 */
export async function* measureGrowth({ api }: Package): AsyncGenerator<Growth, void, void> {
  const sweeps = [
    { operation: 'ntXent, gradient', letter: 'N', sizes: ROWS, other: WIDTH },
    { operation: 'ntXent', letter: 'N', sizes: ROWS, other: WIDTH },
    { operation: 'ntXent, gradient', letter: 'd', sizes: WIDTHS, other: ROWS_FOR_WIDTHS },
    { operation: 'ntXent', letter: 'd', sizes: WIDTHS, other: ROWS_FOR_WIDTHS },
  ] as const;
  for (const { operation, letter, sizes, other } of sweeps) {
    const points: GrowthPoint[] = [];
    for (const size of sizes) {
      const [rows, cols] = letter === 'N' ? [size, other] : [other, size];
      const z = normal(new Random(1), rows, cols);
      const call = (): Outputs => ({
        loss: operation === 'ntXent' ? api.ntXent(z) : api.ntXentGrad(z).loss,
      });
      const before = api.nn.memoryBytes();
      const [timing] = (await timeInterleaved([candidate('nearfar', call)])) as [Timing];
      const after = api.nn.memoryBytes();
      const bytes = after - api.nn.bytesInUse() - 2 * 4 * rows * cols;
      points.push({ size, time: timing.time, ...(after > before && { bytes }) });
    }
    yield { operation, letter, other, points, exponent: fitExponent(points) };
  }
}
