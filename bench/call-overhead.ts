/**
 * Measures the overhead of a call at small sizes: checks, copies and calls into WASM. A call of a
 * loss is timed against the kernels that it calls, repeated with the same arguments. Needs the
 * kernels themselves, so it works only where the benchmark is bundled from the sources.
 */

import { compiledKernels } from '../src/core/kernels.js';
import { Random } from '../src/core/random.js';

import { candidate, timeInterleaved } from './interleave.js';
import { losses } from './operations/losses.js';
import type { Result } from './results.js';
import type { Package } from './workloads.js';

type Kernel = (...args: number[]) => unknown;
type Table = Record<string, Kernel>;

const SIZES = { N: 32, C: 64 };

/** Returns the kernel calls that a function makes, in order, to be repeated. */
function recordKernelCalls(call: () => void): (() => void)[] {
  const tables = compiledKernels() as unknown as Table[];
  const calls: (() => void)[] = [];
  const before = tables.map((table) => ({ ...table }));
  for (const table of tables) {
    for (const [name, kernel] of Object.entries(table)) {
      if (typeof kernel !== 'function') continue;
      table[name] = (...args) => {
        calls.push(() => kernel(...args));
        return kernel(...args);
      };
    }
  }
  try {
    call();
  } finally {
    tables.forEach((table, i) => {
      Object.assign(table, before[i]);
    });
  }
  return calls;
}

/** Times each loss at 32 × 64 against its kernels, which are the first candidate. */
export async function* measureCallOverhead({ api }: Package): AsyncGenerator<Result, void, void> {
  for (const row of losses) {
    const inputs = row.inputs(SIZES, new Random(1));
    const { gradient } = row;
    const calls = [
      { operation: row.name, call: () => row.run(api, inputs) },
      ...(gradient
        ? [{ operation: `${row.name}, gradient`, call: () => gradient.run(api, inputs) }]
        : []),
    ];
    for (const { operation, call } of calls) {
      call();
      const kernelCalls = recordKernelCalls(call);
      const timings = await timeInterleaved([
        candidate('kernels', () => {
          for (const kernelCall of kernelCalls) kernelCall();
          return {};
        }),
        candidate('call', call),
      ]);
      yield { operation, sizes: SIZES, timings };
    }
  }
}
