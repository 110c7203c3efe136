/** Measures the peak of one core: multiplications and additions where memory doesn't matter. */

import { fromBase64 } from '../src/core/base64.js';
import { candidate, timeInterleaved } from './interleave.js';
import text from './peak.wasm';

interface Exports {
  peak(turns: number, factor: number, summand: number): number;
  flops(turns: number): number;
}

const TURNS = 10_000;

/**
 * Measures GFLOP/s of 128-bit vectors on one core, the best of many rounds: noise only slows down.
 *
 * @returns undefined where a host refuses to compile bytes, as workerd does
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
