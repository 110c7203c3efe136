/** The rate of products and sums that one core reaches where memory doesn't matter. */

import { fromBase64 } from '../src/core/base64.js';
import { candidate, timeInterleaved } from './interleave.js';
import text from './peak.wasm';

interface Exports {
  peak(turns: number, factor: number, summand: number): number;
  flops(turns: number): number;
}

const TURNS = 10_000;

/**
 * GFLOP/s of 128-bit vectors on one core, in the best of many rounds: nothing makes it faster than
 * it can be. Undefined where a host compiles no bytes.
 */
export async function measurePeak(): Promise<number | undefined> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  let exports: Exports;
  try {
    const module = new WebAssembly.Module(fromBase64(text) as BufferSource);
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    exports = instance.exports as unknown as Exports;
  } catch {
    return undefined;
  }
  const [timing] = await timeInterleaved([
    candidate('peak', () => ({ sink: exports.peak(TURNS, 0.999, 0.001) })),
  ]);
  return exports.flops(TURNS) / (timing?.time.min as number) / 1e6;
}
