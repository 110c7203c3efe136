/**
 * Philox 4x32-10 (Salmon et al., 2011), four blocks side by side: random words as a function of
 * seed, stream, step, sample and index. The numbers are those of `new Random(seed, stream, step,
 * sample)` in src/core/random.ts, which counts the blocks of four words in the first word of its
 * counter and hands out each block's words from the last to the first.
 */

// Each constant fills one vector: TABLE + 16 * index.
// prettier-ignore
const TABLE = memory.data<u32>([
  0xd2511f53, 0xd2511f53, 0xd2511f53, 0xd2511f53, //   0 multipliers
  0xcd9e8d57, 0xcd9e8d57, 0xcd9e8d57, 0xcd9e8d57, //  16
  0x9e3779b9, 0x9e3779b9, 0x9e3779b9, 0x9e3779b9, //  32 what is added to the keys
  0xbb67ae85, 0xbb67ae85, 0xbb67ae85, 0xbb67ae85, //  48
  0, 1, 2, 3, //                                      64
], 16);

/** The upper words of products, from those of lanes 0 and 1 and of lanes 2 and 3. */
@inline
function upper(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(low, high, 1, 3, 5, 7);
}

@inline
function lower(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6);
}

/**
 * Draws n numbers of a sample from one of its blocks on, sixteen a turn. With x = 0 their 32 bits
 * are stored; otherwise y is x times `scale` where the number is at least `limit` 2^-24, and 0
 * elsewhere.
 */
export function draw(
  y: usize, x: usize, n: i32, limit: i32, scale: f32, seedLow: i32, seedHigh: i32, stream: i32,
  step: i32, sample: i32, block: i32,
): void {
  const end = <usize>n << 2;
  for (let i: usize = 0; i < end; i += 64, block += 4) {
    let c0 = i32x4.add(i32x4.splat(block), v128.load(TABLE, 64));
    let c1 = i32x4.splat(stream), c2 = i32x4.splat(step), c3 = i32x4.splat(sample);
    let k0 = i32x4.splat(seedLow), k1 = i32x4.splat(seedHigh);
    for (let round = 0; round < 10; round++) {
      const low0 = i64x2.extmul_low_i32x4_u(c0, v128.load(TABLE));
      const high0 = i64x2.extmul_high_i32x4_u(c0, v128.load(TABLE));
      const low1 = i64x2.extmul_low_i32x4_u(c2, v128.load(TABLE, 16));
      const high1 = i64x2.extmul_high_i32x4_u(c2, v128.load(TABLE, 16));
      c0 = v128.xor(v128.xor(upper(low1, high1), c1), k0);
      c2 = v128.xor(v128.xor(upper(low0, high0), c3), k1);
      c1 = lower(low1, high1);
      c3 = lower(low0, high0);
      k0 = i32x4.add(k0, v128.load(TABLE, 32));
      k1 = i32x4.add(k1, v128.load(TABLE, 48));
    }
    // A lane is a block: turned, so that a vector is one, with its last word first.
    const low32 = v128.shuffle<i32>(c3, c2, 0, 4, 1, 5), low10 = v128.shuffle<i32>(c1, c0, 0, 4, 1, 5);
    const high32 = v128.shuffle<i32>(c3, c2, 2, 6, 3, 7);
    const high10 = v128.shuffle<i32>(c1, c0, 2, 6, 3, 7);
    finish(y, x, i, end, v128.shuffle<i32>(low32, low10, 0, 1, 4, 5), limit, scale);
    finish(y, x, i + 16, end, v128.shuffle<i32>(low32, low10, 2, 3, 6, 7), limit, scale);
    finish(y, x, i + 32, end, v128.shuffle<i32>(high32, high10, 0, 1, 4, 5), limit, scale);
    finish(y, x, i + 48, end, v128.shuffle<i32>(high32, high10, 2, 3, 6, 7), limit, scale);
  }
}

@inline
function finish(
  y: usize, x: usize, i: usize, end: usize, bits: v128, limit: i32, scale: f32,
): void {
  if (i >= end) return;
  let result = bits;
  if (x != 0) {
    const dropped = i32x4.lt_s(i32x4.shr_u(bits, 8), i32x4.splat(limit));
    result = v128.andnot(f32x4.mul(v128.load(x + i), f32x4.splat(scale)), dropped);
  }
  if (i + 16 <= end) {
    v128.store(y + i, result);
    return;
  }
  // What follows belongs to the next row, which another thread may be writing.
  v128.store32_lane(y + i, result, 0);
  if (i + 4 < end) v128.store32_lane(y + i + 4, result, 1);
  if (i + 8 < end) v128.store32_lane(y + i + 8, result, 2);
}

/** The 32 bits of n draws, as u32; y has room for a multiple of 16. */
export function fillBits(
  y: usize, n: i32, seedLow: i32, seedHigh: i32, stream: i32, step: i32,
): void {
  draw(y, 0, n, 0, 0, seedLow, seedHigh, stream, step, 0, 0);
}
