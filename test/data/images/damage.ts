/** Files damaged as disks, downloads and attackers do it, by a seed. */

import { Random } from '../../../src/core/random.js';

/** Returns a damaged copy of a file. */
export function damaged(file: Uint8Array, seed: number): Uint8Array {
  const random = new Random(seed + 1);
  const any = (below: number): number => random.integer(Math.max(1, below));
  const copy = file.slice();
  switch (seed % 6) {
    case 0:
      for (let i = 0; i <= any(8); i++) {
        const at = any(copy.length);
        copy[at] = (copy[at] as number) ^ (1 << any(8));
      }
      return copy;
    case 1:
      return copy.subarray(0, any(copy.length));
    case 2: {
      // A length or a size, near the start where most of them are.
      const view = new DataView(copy.buffer);
      const at = any(Math.min(copy.length - 4, seed % 4 === 0 ? 64 : copy.length - 4));
      if (any(2) === 0) view.setUint16(at, any(65536));
      else view.setUint32(at, any(2) === 0 ? 0xffffffff - any(4) : any(2 ** 31));
      return copy;
    }
    case 3: {
      const at = any(copy.length);
      copy.fill(any(256), at, at + any(200));
      return copy;
    }
    case 4: {
      // A part twice, or left out.
      const [from, to] = [any(copy.length), any(copy.length)];
      return new Uint8Array([...copy.subarray(0, from), ...copy.subarray(to)]);
    }
    default:
      for (let i = 0; i <= any(40); i++) copy[any(Math.min(200, copy.length))] = any(256);
      copy.set(file.subarray(0, 4));
      return copy;
  }
}
