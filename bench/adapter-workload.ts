/** Workloads of adapters: one row and 32 adapted, and a step of training on 10,000 pairs. */

import { Random } from '../src/core/random.js';
import { writeSafetensors } from '../src/core/safetensors.js';
import { candidate } from './interleave.js';
import { type Api, type Numbers, normal } from './operations/operation.js';
import type { Workload } from './workload.js';

const OURS = 'nearfar';
const WIDTH = 384;
const PAIRS = 10_000;
const STEPS = 100_000;

/** Rows and pairs to train on. */
function pairData(rows: number): {
  queries: Numbers;
  documents: Numbers;
  pairs: [number, number][];
} {
  const random = new Random(1);
  return {
    queries: normal(random, rows, WIDTH),
    documents: normal(random, rows, WIDTH),
    pairs: Array.from({ length: rows }, (_, i) => [i, i]),
  };
}

/** Forms whose application to one row is timed. */
const FORMS = [
  { name: 'linear', rank: undefined },
  { name: 'rank 48', rank: 48 },
  { name: 'rank 16', rank: 16 },
] as const;

/** Rows of a call: a query, and documents of a batch. */
const ROWS = [1, 32] as const;

/** The file of an adapter with random weights. */
function adapterFile(rank: number | undefined): Uint8Array {
  const shape = { inputWidth: WIDTH, outputWidth: WIDTH, rank, side: 'both', bias: false };
  const matrix = (rows: number, cols: number): { data: Float32Array; shape: number[] } => {
    const data = Float32Array.from(normal(new Random(3), rows, cols, 0.1).data);
    return { data, shape: [rows, cols] };
  };
  const weights =
    rank === undefined
      ? new Map([['weight', matrix(WIDTH, WIDTH)]])
      : new Map([
          ['down', matrix(WIDTH, rank)],
          ['up', matrix(rank, WIDTH)],
        ]);
  return writeSafetensors(weights, { nearfar: 'adapter 1', config: JSON.stringify(shape) });
}

/** Lists the workloads. */
export function adapterWorkloads({ adapt }: Api): Workload[] {
  return [
    ...FORMS.flatMap(({ name, rank }) =>
      ROWS.map(
        (rows): Workload => ({
          name: `Adapter.apply, ${name}, ${rows === 1 ? 'one row' : `${rows} rows`}`,
          sizes: { N: rows, C: WIDTH },
          flops: 2 * rows * WIDTH * (rank === undefined ? WIDTH : 2 * rank),
          inputs: () => ({ x: normal(new Random(2), rows, WIDTH) }),
          ours({ x }) {
            const adapter = adapt.Adapter.load(adapterFile(rank));
            const { data } = x as Numbers;
            const input = rows === 1 ? data : { data, rows, cols: WIDTH };
            return candidate(OURS, () => ({ row: adapter.apply(input).data }));
          },
        }),
      ),
    ),
    {
      name: 'fitAdapter, a step of 128 of 10,000 pairs',
      sizes: { N: 128, C: WIDTH },
      flops: 12 * 128 * WIDTH * WIDTH,
      inputs: () => pairData(PAIRS),
      ours(inputs) {
        const adapter = new adapt.Adapter({ inputWidth: WIDTH });
        const data = inputs as unknown as ReturnType<typeof pairData>;
        const training = adapt.fitAdapter(adapter, data, { steps: STEPS, validation: 0 });
        return candidate(OURS, async () => {
          const { value } = await training.next();
          return { loss: value?.loss ?? Number.NaN };
        });
      },
    },
  ];
}
