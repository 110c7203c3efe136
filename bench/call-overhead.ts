/**
 * What the border costs at small sizes, checks, copies and calls: a call of a loss, beside the
 * kernels that it called, called again with the same arguments. Needs the kernels themselves, so it
 * is there where the benchmark is bundled from the sources.
 */

import { Random } from '../src/core/random.js';
import { allKernels } from '../src/threads/shared.js';
import { candidate, timeInterleaved } from './interleave.js';
import { losses } from './operations/losses.js';
import type { Package, Result } from './run.js';

type Kernel = (...args: number[]) => unknown;
type Table = Record<string, Kernel>;

const SIZES = { N: 32, C: 64 };

/** What a call asks of the kernels, in order. */
function recordKernelCalls(call: () => void): (() => void)[] {
  const tables = allKernels() as unknown as Table[];
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

/** Each loss of 32 × 64 beside its kernels, which come first. */
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
      const own = recordKernelCalls(call);
      const timings = await timeInterleaved([
        candidate('kernels', () => {
          for (const each of own) each();
          return {};
        }),
        candidate('call', call),
      ]);
      yield { operation, sizes: SIZES, timings };
    }
  }
}
