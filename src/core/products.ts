/** Products of matrices in WASM memory, over packed slivers (assembly/core/gemm.ts). */

import { kernels } from './kernels.js';
import { type Pointer, scoped } from './memory.js';

/** Floats of the right side that are packed at a time: 16 MiB. */
const PACKED = 1 << 22;

/** How many steps of n columns are packed at a time: whole blocks of the kernel's. */
function stepsOf(n: number): number {
  const block = kernels().KC.value;
  return Math.max(block, Math.floor(PACKED / n / block) * block);
}

/**
 * c (m, n) = or += a b, all of them row-major and dense.
 *
 * @param a (m, k), or (k, m) if transposed
 * @param b (k, n), or (n, k) if transposed
 * @param accumulate whether the product is added to what is there
 */
export function multiply(
  c: Pointer,
  a: Pointer,
  b: Pointer,
  m: number,
  n: number,
  k: number,
  transposeA: boolean,
  transposeB: boolean,
  accumulate: boolean,
): void {
  scoped((scope) => {
    const core = kernels();
    const nr = core.NR.value;
    const steps = n * k <= PACKED ? k : stepsOf(n);
    const scratchBytes = core.gemmScratch();
    // One block: small products feel every other thing that is done beside them.
    const scratch = scope.bytes(scratchBytes + 4 * core.packedLength(n, Math.min(k, steps), nr));
    const right = scratch + scratchBytes;
    const [aRow, aDepth] = transposeA ? [1, m] : [k, 1];
    const [bRow, bDepth] = transposeB ? [k, 1] : [1, n];
    for (let k0 = 0; k0 < k; k0 += steps) {
      const depth = Math.min(steps, k - k0);
      const adds = accumulate || k0 > 0;
      core.packBlocks(right, b + 4 * k0 * bDepth, n, depth, bRow, bDepth, nr, 0, n);
      core.gemmRows(c, a + 4 * k0 * aDepth, right, m, n, depth, aRow, aDepth, adds, scratch, 0, n);
    }
  });
}
