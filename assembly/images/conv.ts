/**
 * Convolution as a product with patches, which are never stored as a whole: a block of them goes
 * straight into the slivers of the packed product (gemm.ts), or comes out of it.
 *
 * With k = (channel, row, column) a tap of the filter and p a pixel of the output, both in order,
 *
 *   y[o][p] = bias[o] + sum over k of weight[o][k] x[tap k of the patch at p],
 *
 * one product a sample. A tap is a fixed distance from the patch's first number, so that a patch
 * at p is read at start(p) + taps[k]; for that, samples are copied into a border of zeros first
 * where there is padding. Sums run over k, or over the outputs or pixels, in blocks as in gemm.ts.
 */

import { MR, NR, multiplyPacked, multiplyRows } from '../core/gemm';
import { storeColumns } from '../core/lanes';
import { KC, pack, packRows, padded } from '../core/pack';

/** Taps whose patches, or whose gradients, are in scratch at a time. */
const TAPS: i32 = 128;

/** Pixels of the output in a block: whole rows of it, about as many. */
const PIXELS: i32 = 128;

/** Sizes of a convolution, as i32 in this order. */
@unmanaged
export class Convolution {
  channels: i32;
  height: i32;
  width: i32;
  outputs: i32;
  kernelHeight: i32;
  kernelWidth: i32;
  stride: i32;
  padding: i32;

  @inline
  get taps(): i32 {
    return this.channels * this.kernelHeight * this.kernelWidth;
  }
  @inline
  get borderedHeight(): i32 {
    return this.height + 2 * this.padding;
  }
  @inline
  get borderedWidth(): i32 {
    return this.width + 2 * this.padding;
  }
  /** Floats of a sample within its border. */
  @inline
  get bordered(): i32 {
    return this.channels * this.borderedHeight * this.borderedWidth;
  }
  @inline
  get rows(): i32 {
    return (this.borderedHeight - this.kernelHeight) / this.stride + 1;
  }
  @inline
  get columns(): i32 {
    return (this.borderedWidth - this.kernelWidth) / this.stride + 1;
  }
  /** Rows of the output whose pixels make a block. */
  @inline
  get blockRows(): i32 {
    return min(this.rows, max(1, PIXELS / this.columns));
  }
}

/** Floats of scratch that each of the passes needs. */
export function conv2dScratch(geometry: usize): i32 {
  const g = changetype<Convolution>(geometry);
  const pixels = g.blockRows * g.columns;
  const forward = padded(g.outputs, MR) * g.taps + padded(pixels, NR) * min(KC, g.taps);
  const ofInput =
    padded(g.taps, MR) * g.outputs + padded(pixels, NR) * g.outputs + TAPS * pixels;
  const ofWeight = (padded(g.outputs, MR) + TAPS) * pixels;
  // Behind the sample and the list of taps, each rounded up to whole vectors, and one tile.
  const shared = padded(g.bordered, 4) + padded(g.taps, 4) + MR * NR;
  return shared + max(forward, max(ofInput, ofWeight));
}

/** The distance in bytes of each tap from its patch's first number. */
function listTaps(taps: usize, g: Convolution): void {
  for (let c = 0; c < g.channels; c++) {
    for (let i = 0; i < g.kernelHeight; i++) {
      const row = (c * g.borderedHeight + i) * g.borderedWidth;
      for (let j = 0; j < g.kernelWidth; j++, taps += 4) store<i32>(taps, (row + j) << 2);
    }
  }
}

/** The distance in bytes of the patch at pixel p from the sample's first number. */
@inline
function patchStart(p: i32, columns: i32, stride: i32, rowWidth: i32): usize {
  const row = p / columns;
  return <usize>((row * rowWidth + (p - row * columns)) * stride) << 2;
}

/** Some channels of a sample within a border of zeros, or all as they are without padding. */
function withBorder(room: usize, x: usize, c0: i32, c1: i32, g: Convolution): usize {
  if (g.padding == 0) return x;
  const plane = <usize>(g.borderedHeight * g.borderedWidth) << 2;
  memory.fill(room + <usize>c0 * plane, 0, <usize>(c1 - c0) * plane);
  const length = <usize>g.width << 2;
  x += <usize>(c0 * g.height) * length;
  for (let c = c0; c < c1; c++) {
    for (let r = 0; r < g.height; r++, x += length) {
      const row = (c * g.borderedHeight + r + g.padding) * g.borderedWidth + g.padding;
      memory.copy(room + (<usize>row << 2), x, length);
    }
  }
  return room;
}

/** Takes a sample out of its border. */
function withoutBorder(x: usize, room: usize, g: Convolution): void {
  const length = <usize>g.width << 2;
  for (let c = 0; c < g.channels; c++) {
    for (let r = 0; r < g.height; r++, x += length) {
      const row = (c * g.borderedHeight + r + g.padding) * g.borderedWidth + g.padding;
      memory.copy(x, room + (<usize>row << 2), length);
    }
  }
}

/** Right side of the forward: `count` pixels from p0 on in slivers, over `depth` taps. */
function packPatches(
  y: usize, x: usize, taps: usize, p0: i32, count: i32, depth: i32, g: Convolution,
): void {
  const end = taps + (<usize>depth << 2);
  const columns = g.columns, stride = g.stride, rowWidth = g.borderedWidth;
  const last = count - 1;
  for (let r = 0; r < padded(count, NR); r += 4) {
    let to = y + ((<usize>(r & ~(NR - 1)) * <usize>depth + <usize>(r & (NR - 1))) << 2);
    // Lanes past the last pixel repeat it: what comes of them is not stored.
    const whole = r + 3 <= last;
    const o0 = patchStart(p0 + min(r, last), columns, stride, rowWidth);
    const o1 = patchStart(p0 + min(r + 1, last), columns, stride, rowWidth);
    const o2 = patchStart(p0 + min(r + 2, last), columns, stride, rowWidth);
    const o3 = patchStart(p0 + min(r + 3, last), columns, stride, rowWidth);
    if (whole && o3 - o0 == 12) {
      const from = x + o0;
      for (let tap = taps; tap < end; tap += 4, to += NR << 2) {
        v128.store(to, v128.load(from + load<u32>(tap)));
      }
    } else if (whole && stride == 2 && o3 - o0 == 24) {
      const from = x + o0;
      for (let tap = taps; tap < end; tap += 4, to += NR << 2) {
        const at = from + load<u32>(tap);
        // The second load ends with the last of the four.
        v128.store(to, v128.shuffle<f32>(v128.load(at), v128.load(at, 12), 0, 2, 5, 7));
      }
    } else {
      const x0 = x + o0, x1 = x + o1, x2 = x + o2, x3 = x + o3;
      for (let tap = taps; tap < end; tap += 4, to += NR << 2) {
        const at = load<u32>(tap);
        let v = v128.load32_zero(x0 + at);
        v = v128.load_lane<f32>(x1 + at, v, 1);
        v = v128.load_lane<f32>(x2 + at, v, 2);
        v = v128.load_lane<f32>(x3 + at, v, 3);
        v128.store(to, v);
      }
    }
  }
}

/** y (B x O x pixels) = bias + weight x patches of x (B x C x H x W); bias may be 0. */
export function conv2d(
  y: usize, x: usize, weight: usize, bias: usize, batch: i32, geometry: usize, scratch: usize,
): void {
  const g = changetype<Convolution>(geometry);
  const depth = g.taps, outputs = g.outputs, columns = g.columns, pixels = g.rows * columns;
  const block = g.blockRows * columns;
  const taps = scratch + (<usize>padded(g.bordered, 4) << 2);
  const edge = taps + (<usize>padded(depth, 4) << 2);
  const left = edge + ((MR * NR) << 2);
  const right = left + ((<usize>padded(outputs, MR) * <usize>depth) << 2);
  listTaps(taps, g);
  packRows(left, weight, outputs, depth, MR);
  for (let b = 0; b < batch; b++) {
    const sample = withBorder(scratch, x, 0, g.channels, g);
    startWith(y, bias, outputs, pixels);
    for (let p = 0; p < pixels; p += block) {
      const count = min(block, pixels - p);
      for (let k = 0; k < depth; k += KC) {
        const kc = min(KC, depth - k);
        packPatches(right, sample, taps + (<usize>k << 2), p, count, kc, g);
        multiplyPacked(
          y + (<usize>p << 2), left + ((<usize>k * <usize>padded(outputs, MR)) << 2), right,
          outputs, count, kc, pixels, true, false, edge,
        );
      }
    }
    x += (<usize>g.channels * <usize>(g.height * g.width)) << 2;
    y += (<usize>outputs * <usize>pixels) << 2;
  }
}

/** Each output's pixels = its bias, or 0. */
function startWith(y: usize, bias: usize, outputs: i32, pixels: i32): void {
  for (let o = 0; o < outputs; o++) {
    const value = bias == 0 ? <f32>0 : load<f32>(bias + (<usize>o << 2));
    for (const end = y + (<usize>pixels << 2); y < end; y += 4) store<f32>(y, value);
  }
}

/** dx = weight' x dy, each patch's part added where the patch was read. */
export function conv2dInputBackward(
  dx: usize, dy: usize, weight: usize, batch: i32, geometry: usize, scratch: usize,
): void {
  const g = changetype<Convolution>(geometry);
  const depth = g.taps, outputs = g.outputs, columns = g.columns, pixels = g.rows * columns;
  const block = g.blockRows * columns;
  const taps = scratch + (<usize>padded(g.bordered, 4) << 2);
  const edge = taps + (<usize>padded(depth, 4) << 2);
  const left = edge + ((MR * NR) << 2);
  const right = left + ((<usize>padded(depth, MR) * <usize>outputs) << 2);
  const part = right + ((<usize>padded(block, NR) * <usize>outputs) << 2);
  listTaps(taps, g);
  packColumns(left, weight, depth, outputs, depth, MR);
  const sampleSize = (<usize>g.channels * <usize>(g.height * g.width)) << 2;
  for (let b = 0; b < batch; b++) {
    const sample = g.padding == 0 ? dx : scratch;
    memory.fill(sample, 0, <usize>g.bordered << 2);
    for (let p = 0; p < pixels; p += block) {
      const count = min(block, pixels - p);
      packColumns(right, dy + (<usize>p << 2), count, outputs, pixels, NR);
      for (let k = 0; k < depth; k += TAPS) {
        const end = min(k + TAPS, depth);
        multiplyRows(
          part, left, right, k, end, 0, count, depth, count, outputs, count, false, edge,
        );
        addPatches(sample, part, taps + (<usize>k << 2), end - k, p / columns, count, g);
      }
    }
    if (g.padding > 0) withoutBorder(dx, scratch, g);
    dx += sampleSize;
    dy += (<usize>outputs * <usize>pixels) << 2;
  }
}

/** Packs columns of a row-major matrix, `ld` floats per row, as packRows does rows. */
function packColumns(y: usize, x: usize, columns: i32, depth: i32, ld: i32, width: i32): void {
  for (let k = 0; k < depth; k += KC) {
    const at = (<usize>k * <usize>padded(columns, width)) << 2;
    const from = x + ((<usize>k * <usize>ld) << 2);
    pack(y + at, from, columns, min(KC, depth - k), 1, ld, width);
  }
}

/** x += rows of `count` pixels, of `depth` taps, each pixel where its patch's tap was read. */
function addPatches(
  x: usize, part: usize, taps: usize, depth: i32, row: i32, count: i32, g: Convolution,
): void {
  const columns = g.columns, step = <usize>g.stride << 2;
  const down = <usize>g.borderedWidth * step, length = <usize>columns << 2;
  const start = x + <usize>row * down;
  for (const end = taps + (<usize>depth << 2); taps < end; taps += 4) {
    let line = start + load<u32>(taps);
    for (const last = part + (<usize>count << 2); part < last; part += length, line += down) {
      let i: usize = 0, to = line;
      if (step == 4) {
        for (; i + 16 <= length; i += 16, to += 16) {
          v128.store(to, f32x4.add(v128.load(to), v128.load(part + i)));
        }
      }
      for (; i < length; i += 4, to += step) {
        store<f32>(to, load<f32>(to) + load<f32>(part + i));
      }
    }
  }
}

/**
 * dWeight = dy x patches', over all samples, for the outputs from o0 to o1 and the taps from k0 to
 * k1.
 */
export function conv2dWeightBackward(
  dWeight: usize, dy: usize, x: usize, batch: i32, o0: i32, o1: i32, k0: i32, k1: i32,
  geometry: usize, scratch: usize,
): void {
  const g = changetype<Convolution>(geometry);
  const depth = g.taps, outputs = o1 - o0, columns = g.columns, pixels = g.rows * columns;
  const block = g.blockRows * columns;
  const taps = scratch + (<usize>padded(g.bordered, 4) << 2);
  const edge = taps + (<usize>padded(depth, 4) << 2);
  const left = edge + ((MR * NR) << 2);
  const right = left + ((<usize>padded(outputs, MR) * <usize>block) << 2);
  const filter = g.kernelHeight * g.kernelWidth;
  const c0 = k0 / filter, c1 = (k1 - 1) / filter + 1;
  listTaps(taps, g);
  dWeight += (<usize>o0 * <usize>depth) << 2;
  dy += (<usize>o0 * <usize>pixels) << 2;
  for (let b = 0; b < batch; b++) {
    const sample = withBorder(scratch, x, c0, c1, g);
    for (let p = 0; p < pixels; p += block) {
      const count = min(block, pixels - p);
      pack(left, dy + (<usize>p << 2), outputs, count, pixels, 1, MR);
      for (let k = k0; k < k1; k += TAPS) {
        const width = min(TAPS, k1 - k);
        packTaps(right, sample, taps + (<usize>k << 2), width, p / columns, count, g);
        multiplyPacked(
          dWeight + (<usize>k << 2), left, right, outputs, width, count, depth, b + p > 0, false,
          edge,
        );
      }
    }
    x += (<usize>g.channels * <usize>(g.height * g.width)) << 2;
    dy += (<usize>g.outputs * <usize>pixels) << 2;
  }
}

/** Right side of the weights' gradient: `width` taps in slivers, over `count` pixels. */
function packTaps(
  y: usize, x: usize, taps: usize, width: i32, row: i32, count: i32, g: Convolution,
): void {
  const columns = g.columns, stride = g.stride, step = <usize>stride << 2;
  const down = <usize>g.borderedWidth * step;
  const start = x + <usize>row * down;
  for (let r = 0; r < padded(width, NR); r += 4) {
    let to = y + ((<usize>(r & ~(NR - 1)) * <usize>count + <usize>(r & (NR - 1))) << 2);
    // Lanes past the last tap repeat it: what comes of them is not stored.
    const last = width - 1;
    let x0 = start + load<u32>(taps + (<usize>min(r, last) << 2));
    let x1 = start + load<u32>(taps + (<usize>min(r + 1, last) << 2));
    let x2 = start + load<u32>(taps + (<usize>min(r + 2, last) << 2));
    let x3 = start + load<u32>(taps + (<usize>min(r + 3, last) << 2));
    for (let p = 0; p < count; p += columns, x0 += down, x1 += down, x2 += down, x3 += down) {
      let at: usize = 0, c = 0;
      if (stride == 1) {
        for (; c + 4 <= columns; c += 4, at += 16, to += NR << 4) {
          const r0 = v128.load(x0 + at), r1 = v128.load(x1 + at);
          const r2 = v128.load(x2 + at), r3 = v128.load(x3 + at);
          storeColumns(to, NR << 2, r0, r1, r2, r3);
        }
      }
      for (; c < columns; c++, at += step, to += NR << 2) {
        let v = v128.load32_zero(x0 + at);
        v = v128.load_lane<f32>(x1 + at, v, 1);
        v = v128.load_lane<f32>(x2 + at, v, 2);
        v = v128.load_lane<f32>(x3 + at, v, 3);
        v128.store(to, v);
      }
    }
  }
}
