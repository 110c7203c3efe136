/** Products of matrices in WASM memory, over packed slivers (assembly/core/gemm.ts). */

import { kernels } from './kernels.js';
import { type Pointer, scoped } from './memory.js';

/** Maximum floats of b that are packed at a time: 16 MiB. */
const MAX_PACKED_FLOATS = 1 << 22;

/** Number of steps of k that are packed at a time for n columns: whole blocks of the kernel's KC. */
function packedDepth(n: number): number {
  const block = kernels().KC.value;
  return Math.max(block, Math.floor(MAX_PACKED_FLOATS / n / block) * block);
}

/**
 * General matrix product: c (m, n) = or += a b, all of them row-major and dense.
 *
 * @param a (m, k), or (k, m) if transposed
 * @param b (k, n), or (n, k) if transposed
 * @param accumulate whether the product is added to what is there
 * @param bias n numbers that every row gets added, if not 0
 */
export function gemm(
  c: Pointer,
  a: Pointer,
  b: Pointer,
  m: number,
  n: number,
  k: number,
  transposeA: boolean,
  transposeB: boolean,
  accumulate: boolean,
  bias: Pointer = 0,
): void {
  scoped((scope) => {
    const core = kernels();
    const nr = core.NR.value;
    const steps = n * k <= MAX_PACKED_FLOATS ? k : packedDepth(n);
    const scratchBytes = core.gemmScratch();
    // One allocation instead of two: a small product takes hardly longer than allocating.
    const scratch = scope.bytes(scratchBytes + 4 * core.packedLength(n, Math.min(k, steps), nr));
    const packedB = scratch + scratchBytes;
    const [aRow, aDepth] = transposeA ? [1, m] : [k, 1];
    const [bRow, bDepth] = transposeB ? [k, 1] : [1, n];
    for (let k0 = 0; k0 < k; k0 += steps) {
      const depth = Math.min(steps, k - k0);
      const adds = accumulate || k0 > 0;
      core.packBlocks(packedB, b + 4 * k0 * bDepth, n, depth, bRow, bDepth, nr, 0, n);
      core.gemmRows(
        c,
        a + 4 * k0 * aDepth,
        packedB,
        m,
        n,
        depth,
        aRow,
        aDepth,
        adds,
        k0 + depth < k ? 0 : bias,
        scratch,
        0,
        n,
      );
    }
  });
}
