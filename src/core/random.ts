/**
 * Random numbers as a function of a seed and a position: Philox 4x32-10 (Salmon et al., 2011,
 * "Parallel random numbers: as easy as 1, 2, 3"). Without a state that is carried along, the
 * numbers of (seed, step, sample) are the same in every order of draws and on every runtime.
 * Only integer arithmetic and exact divisions are used.
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;

/** The upper 32 bits of the product of two 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const carried = aLow * bHigh + (middle % 65536);
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carried / 65536);
}

/** One block of Philox 4x32-10: `counter` (4 words) is replaced by 4 random words. */
export function philox(counter: Uint32Array, key0: number, key1: number): void {
  let [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = counter;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIERS[0], c0);
    const low0 = Math.imul(MULTIPLIERS[0], c0);
    const high1 = multiplyHigh(MULTIPLIERS[1], c2);
    const low1 = Math.imul(MULTIPLIERS[1], c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL[0]) >>> 0;
    k1 = (k1 + WEYL[1]) >>> 0;
  }
  counter.set([c0, c1, c2, c3]);
}

/** The stream of random numbers that belongs to a seed and a position of up to three integers. */
export class Random {
  readonly #key: readonly [number, number];
  readonly #position: readonly number[];
  readonly #block = new Uint32Array(4);
  #blocks = 0;
  #left = 0;

  /**
   * @param seed a whole number from 0 to 2^53 - 1
   * @param position what the numbers are for: a stream, a step, a sample
   */
  constructor(seed: number, ...position: readonly number[]) {
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    this.#position = position;
  }

  /** 32 random bits. */
  bits(): number {
    if (this.#left === 0) {
      const [p0 = 0, p1 = 0, p2 = 0] = this.#position;
      this.#block.set([this.#blocks++, p0, p1, p2]);
      philox(this.#block, ...this.#key);
      this.#left = 4;
    }
    return this.#block[--this.#left] as number;
  }

  /** A number in [low, high): a multiple of 2^-24 of the way, so that f32 holds it. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.bits() >>> 8) / 2 ** 24);
  }

  /** A whole number from 0 to n - 1. */
  integer(n: number): number {
    return Math.floor((this.bits() * n) / 2 ** 32);
  }

  /** Puts items in random order, in place. */
  shuffle<List extends unknown[] | Int32Array>(items: List): List {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}
