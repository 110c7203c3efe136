/** How time and memory of a loss grow with the number of rows and with their width. */

import { Random } from '../src/random.js';
import { normal } from './operations/operation.js';
import { contestant, type Middle, race } from './race.js';
import type { Package } from './run.js';

export interface GrowthPoint {
  size: number;
  /** Milliseconds of one call. */
  time: Middle;
  /** Bytes of WASM memory beyond the rows and their gradient. */
  bytes?: number;
}

export interface Growth {
  operation: string;
  /** Which size grows, `N` rows or `d` columns, and how large the other stays. */
  letter: 'N' | 'd';
  other: number;
  points: GrowthPoint[];
  /** Time grows with the size to the power of this: the slope of a line through all points. */
  exponent: number;
}

const ROWS = [256, 512, 1024, 2048, 4096, 8192, 16384];
const WIDTHS = [32, 64, 128, 256, 512, 1024];
const WIDTH = 128;
const FEW_ROWS = 1024;

/** To which power of the size time grows: the slope of the straight line through logarithms. */
export function slope(points: readonly Pick<GrowthPoint, 'size' | 'time'>[]): number {
  const xs = points.map(({ size }) => Math.log(size));
  const ys = points.map(({ time }) => Math.log(time.median));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  const across = xs.reduce((sum, value, i) => sum + (value - x) * ((ys[i] as number) - y), 0);
  return across / xs.reduce((sum, value) => sum + (value - x) ** 2, 0);
}

type Call = (z: ReturnType<typeof normal>) => { loss: number };

/**
 * NT-Xent and its gradient, on one thread. Memory never shrinks, so that only who is the first to
 * need more of it can tell how much: the gradient, rows ascending, before anything else has run.
 */
export async function* measureGrowth({ api }: Package): AsyncGenerator<Growth, void, void> {
  const forward: Call = (z) => ({ loss: api.ntXent(z) });
  const backward: Call = (z) => api.ntXentGrad(z);
  const point = async (call: Call, rows: number, cols: number): Promise<GrowthPoint> => {
    const z = normal(new Random(1), rows, cols);
    const [standing] = await race([contestant('nearfar', () => ({ loss: call(z).loss }))]);
    return { size: 0, time: (standing as NonNullable<typeof standing>).time };
  };
  const points: GrowthPoint[] = [];
  for (const size of ROWS) {
    const before = api.nn.memoryBytes();
    const measured = await point(backward, size, WIDTH);
    const after = api.nn.memoryBytes();
    const bytes = after - api.nn.bytesInUse() - 2 * 4 * size * WIDTH;
    points.push({ ...measured, size, ...(after > before && { bytes }) });
  }
  yield growth('ntXent, gradient', 'N', WIDTH, points);
  const others = [
    { operation: 'ntXent', call: forward, letter: 'N', sizes: ROWS, other: WIDTH },
    { operation: 'ntXent, gradient', call: backward, letter: 'd', sizes: WIDTHS, other: FEW_ROWS },
    { operation: 'ntXent', call: forward, letter: 'd', sizes: WIDTHS, other: FEW_ROWS },
  ] as const;
  for (const { operation, call, letter, sizes, other } of others) {
    const points: GrowthPoint[] = [];
    for (const size of sizes) {
      const measured = await (letter === 'N' ? point(call, size, other) : point(call, other, size));
      points.push({ ...measured, size });
    }
    yield growth(operation, letter, other, points);
  }
}

function growth(
  operation: string,
  letter: Growth['letter'],
  other: number,
  points: GrowthPoint[],
): Growth {
  return { operation, letter, other, points, exponent: slope(points) };
}
