/** SHA-256 (FIPS 180-4), for runtimes and pages without the Web Crypto API, and for short texts. */

/** Fractions of the cube roots of the first 64 primes, 32 bits each. */
const ROUNDS =
  '428a2f9871374491b5c0fbcfe9b5dba53956c25b59f111f1923f82a4ab1c5ed5' +
  'd807aa9812835b01243185be550c7dc372be5d7480deb1fe9bdc06a7c19bf174' +
  'e49b69c1efbe47860fc19dc6240ca1cc2de92c6f4a7484aa5cb0a9dc76f988da' +
  '983e5152a831c66db00327c8bf597fc7c6e00bf3d5a7914706ca635114292967' +
  '27b70a852e1b21384d2c6dfc53380d13650a7354766a0abb81c2c92e92722c85' +
  'a2bfe8a1a81a664bc24b8b70c76c51a3d192e819d6990624f40e3585106aa070' +
  '19a4c1161e376c082748774c34b0bcb5391c0cb34ed8aa4a5b9cca4f682e6ff3' +
  '748f82ee78a5636f84c878148cc7020890befffaa4506cebbef9a3f7c67178f2';
/** Fractions of the square roots of the first 8 primes. */
const START = '6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19';

function words(hex: string): Uint32Array {
  return Uint32Array.from(hex.match(/.{8}/g) ?? [], (word) => Number.parseInt(word, 16));
}

/**
 * Computes the hash of bytes.
 *
 * @returns 64 hexadecimal digits
 */
export function sha256(bytes: Uint8Array): string {
  const k = words(ROUNDS);
  const state = words(START);
  const schedule = new Uint32Array(64);
  const whole = bytes.length & ~63;
  const remaining = bytes.length - whole;
  // The end of the message: a bit, zeros, the length in bits.
  const end = new Uint8Array(remaining < 56 ? 64 : 128);
  end.set(bytes.subarray(whole));
  end[remaining] = 0x80;
  const endView = new DataView(end.buffer);
  endView.setUint32(end.length - 8, Math.floor(bytes.length / 2 ** 29));
  endView.setUint32(end.length - 4, bytes.length << 3);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += 64) compress(state, schedule, k, view, at);
  for (let at = 0; at < end.length; at += 64) compress(state, schedule, k, endView, at);
  return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
}

function compress(
  state: Uint32Array,
  w: Uint32Array,
  k: Uint32Array,
  view: DataView,
  at: number,
): void {
  const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
  for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [
    ...[number, number, number, number],
    ...[number, number, number, number],
  ];
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (k[i] as number) + (w[i] as number)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => {
    state[i] = (state[i] as number) + value;
  });
}
