/** PNG: checksums, the filters of rows, samples to bytes, and means of blocks of pixels. */

/** Bytes of the tables that `crc32` needs. */
export function crcTableBytes(): usize {
  return 4096;
}

/** Fills the tables: the CRC of each byte, followed by 0 to 3 bytes of zeros. */
export function makeCrcTable(table: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0xedb88320 : value >> 1;
    store<u32>(table + (byte << 2), value);
  }
  for (let i: usize = 0; i < 768; i++) {
    const value = load<u32>(table + (i << 2));
    store<u32>(table + (i << 2), (value >> 8) ^ load<u32>(table + ((value & 255) << 2)), 1024);
  }
}

/** Goes on with a CRC, which begins and ends inverted: -1 before the first byte. */
export function crc32(table: usize, bytes: usize, length: usize, before: i32): i32 {
  const end = bytes + length;
  let crc = <u32>before;
  for (; bytes + 4 <= end; bytes += 4) {
    crc ^= load<u32>(bytes);
    crc =
      load<u32>(table + ((crc & 255) << 2), 3072) ^
      load<u32>(table + (((crc >> 8) & 255) << 2), 2048) ^
      load<u32>(table + (((crc >> 16) & 255) << 2), 1024) ^
      load<u32>(table + ((crc >> 24) << 2));
  }
  for (; bytes < end; bytes++) {
    crc = (crc >> 8) ^ load<u32>(table + (((crc ^ load<u8>(bytes)) & 255) << 2));
  }
  return <i32>crc;
}

/**
 * Undoes the filter of a row: y from x and the row above, `length` bytes each, `step` bytes a pixel
 * (1 to 8). 16 bytes beyond the end of each can be read and written. False if there is no such filter.
 */
export function unfilterRow(
  filter: i32, y: usize, x: usize, above: usize, length: usize, step: usize,
): bool {
  let a = i64x2.splat(0);
  if (filter == 0) {
    memory.copy(y, x, length);
  } else if (filter == 1) {
    for (let i: usize = 0; i < length; i += step) {
      a = i8x16.add(v128.load_zero<u64>(x + i), a);
      v128.store_lane<u64>(y + i, a, 0);
    }
  } else if (filter == 2) {
    for (let i: usize = 0; i < length; i += 16) {
      v128.store(y + i, i8x16.add(v128.load(x + i), v128.load(above + i)));
    }
  } else if (filter == 3) {
    const one = i8x16.splat(1);
    for (let i: usize = 0; i < length; i += step) {
      const b = v128.load_zero<u64>(above + i);
      // The mean of both, rounded down: the instruction rounds up.
      const mean = i8x16.sub(i8x16.avgr_u(a, b), v128.and(v128.xor(a, b), one));
      a = i8x16.add(v128.load_zero<u64>(x + i), mean);
      v128.store_lane<u64>(y + i, a, 0);
    }
  } else if (filter == 4) {
    const low = i16x8.splat(255);
    let c = i64x2.splat(0);
    for (let i: usize = 0; i < length; i += step) {
      const b = i16x8.extend_low_i8x16_u(v128.load_zero<u64>(above + i));
      const p = i16x8.sub(b, c), q = i16x8.sub(a, c);
      const pa = i16x8.abs(p), pb = i16x8.abs(q), pc = i16x8.abs(i16x8.add(p, q));
      const best = i16x8.min_s(pa, i16x8.min_s(pb, pc));
      const prediction = v128.bitselect(
        a, v128.bitselect(b, c, i16x8.eq(best, pb)), i16x8.eq(best, pa),
      );
      const raw = i16x8.extend_low_i8x16_u(v128.load_zero<u64>(x + i));
      a = v128.and(i16x8.add(raw, prediction), low);
      v128.store_lane<u64>(y + i, i8x16.narrow_i16x8_u(a, a), 0);
      c = b;
    }
  } else {
    return false;
  }
  return true;
}

/**
 * y[i] = table[sample i] for `count` samples of 1 to 8 bits: one byte of each entry of four, or the
 * three of a color. Returns the largest sample.
 */
export function lookUpRow(
  y: usize, x: usize, count: i32, depth: i32, table: usize, channels: i32,
): i32 {
  const mask = (1 << depth) - 1;
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const bit = i * depth;
    const sample = (<i32>load<u8>(x + (bit >> 3)) >> (8 - depth - (bit & 7))) & mask;
    largest = max(largest, sample);
    const entry = load<u32>(table + (<usize>sample << 2));
    store<u8>(y++, <u8>entry);
    if (channels == 3) {
      store<u16>(y, <u16>(entry >> 8));
      y += 2;
    }
  }
  return largest;
}

/** The sample of 8 or 16 bits at an address. */
@inline
function sampleAt(x: usize, wide: bool): u32 {
  return wide ? <u32>bswap<u16>(load<u16>(x)) : <u32>load<u8>(x);
}

/**
 * y (count, colors) from samples of 8 or 16 bits: what alpha or the color `key` (`colors` samples of
 * 16 bits; 0 for none) makes transparent lies on white.
 */
export function samplesToBytes(
  y: usize, x: usize, count: i32, colors: i32, wide: bool, hasAlpha: bool, key: usize,
): void {
  const size: usize = wide ? 2 : 1;
  for (let i = 0; i < count; i++) {
    let alpha: u32 = 255, isKey = key != 0;
    if (hasAlpha) alpha = toByte(sampleAt(x + <usize>colors * size, wide), wide);
    for (let c = 0; isKey && c < colors; c++) {
      isKey = sampleAt(x + <usize>c * size, wide) == load<u16>(key + (<usize>c << 1));
    }
    for (let c = 0; c < colors; c++, x += size) {
      const value = toByte(sampleAt(x, wide), wide);
      const lit = alpha == 255 ? value : (2 * (value * alpha + 255 * (255 - alpha)) + 255) / 510;
      store<u8>(y++, isKey ? 255 : <u8>lit);
    }
    if (hasAlpha) x += size;
  }
}

/** The nearest byte to a sample. */
@inline
function toByte(value: u32, wide: bool): u32 {
  return wide ? (2 * value + 257) / 514 : value;
}

/** sums (blocks, channels) += pixels of a row x, block i from pixel starts[i] to starts[i + 1]. */
export function addBlocks(
  sums: usize, x: usize, starts: usize, blocks: i32, channels: i32,
): void {
  for (let i = 0; i < blocks; i++, starts += 4) {
    const from = load<u32>(starts), to = load<u32>(starts + 4);
    let p = x + from * channels, a: u32 = 0, b: u32 = 0, c: u32 = 0;
    const end = x + to * channels;
    if (channels == 3) {
      for (; p < end; p += 3) {
        a += load<u8>(p);
        b += load<u8>(p + 1);
        c += load<u8>(p + 2);
      }
      store<u32>(sums, load<u32>(sums, 4) + b, 4);
      store<u32>(sums, load<u32>(sums, 8) + c, 8);
    } else {
      for (; p < end; p++) a += load<u8>(p);
    }
    store<u32>(sums, load<u32>(sums) + a);
    sums += <usize>channels << 2;
  }
}

/** y (blocks, channels) = the means of blocks of `height` rows, and sums = 0. */
export function meansOfBlocks(
  y: usize, sums: usize, starts: usize, blocks: i32, channels: i32, height: i32,
): void {
  for (let i = 0; i < blocks; i++, starts += 4) {
    const count = <u64>(load<u32>(starts + 4) - load<u32>(starts)) * height;
    for (let c = 0; c < channels; c++, sums += 4) {
      store<u8>(y++, <u8>((2 * <u64>load<u32>(sums) + count) / (2 * count)));
      store<u32>(sums, 0);
    }
  }
}
