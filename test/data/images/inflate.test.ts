/** The packed data of PNG files, against zlib: whole, in parts of every size, cut short, damaged. */

import { constants, deflateRawSync, deflateSync, inflateSync } from 'node:zlib';
import { Random } from '../../../src/core/random.js';
import type * as InflateModule from '../../../src/data/images/inflate.js';
import { load } from '../../cli/load.js';
import { check, same, suite } from '../../harness.js';

const test = suite('inflate');
const { unzlib } = await load<typeof InflateModule>('src/data/images/inflate.ts');

const random = new Random(5);
const bytesOf = (length: number, draw: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => draw(i));

/** Data that packs in every way: stored, fixed and own codes, near and far copies, long codes. */
const CASES: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(0),
  'one byte': Uint8Array.of(7),
  zeros: new Uint8Array(700_000),
  'alternating bytes': bytesOf(100_000, (i) => i & 1),
  'seven bytes repeated': bytesOf(100_000, (i) => i % 7),
  noise: bytesOf(300_000, () => random.integer(256)),
  'few values': bytesOf(400_000, () => random.integer(3) * random.integer(3)),
  'rare values': bytesOf(400_000, () => {
    for (let bits = 0; ; bits++) if (random.integer(2) === 0 || bits === 255) return bits;
  }),
  'far copies': bytesOf(300_000, (i) => (i * i * 31 + (i % 32_000)) % 251),
  text: new TextEncoder().encode('near and far, far and near; '.repeat(9000)),
};

const STRATEGIES = {
  usual: {},
  fast: { level: 1 },
  stored: { level: 0 },
  'fixed codes': { strategy: constants.Z_FIXED },
  'codes without copies': { strategy: constants.Z_HUFFMAN_ONLY },
  runs: { strategy: constants.Z_RLE },
  'small blocks': { memLevel: 1 },
};

/** Cuts bytes into parts. */
function inParts(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

for (const [name, plain] of Object.entries(CASES)) {
  test(`${name}: the same bytes as zlib's`, () => {
    for (const [strategy, options] of Object.entries(STRATEGIES)) {
      const packed = new Uint8Array(deflateSync(plain, options));
      for (const size of [packed.length, 1, 7, 8192]) {
        if (size === 1 && packed.length > 50_000) continue;
        const got = unzlib(inParts(packed, size), plain.length);
        check(got !== undefined && Buffer.from(got).equals(plain), `${strategy}, parts of ${size}`);
        check(unzlib(inParts(packed, size), plain.length + 1) === undefined, `${strategy}: more`);
      }
    }
  });
}

/** Unpacks bytes: gives so many of them, or the error. */
function outcome(packed: Uint8Array, length: number): string {
  try {
    const got = unzlib([packed], length);
    return got === undefined ? 'fewer' : Buffer.from(got).toString('hex');
  } catch (error) {
    return (error as Error).message;
  }
}

test('data that are cut short end early, wherever they are cut', () => {
  const plain = CASES.text?.subarray(0, 3000) as Uint8Array;
  for (const options of Object.values(STRATEGIES)) {
    const packed = new Uint8Array(deflateSync(plain, options));
    // The last four bytes are a checksum.
    for (let length = 0; length < packed.length - 4; length++) {
      const got = outcome(packed.subarray(0, length), 3000);
      const short = ['ends within its pixels', 'fewer', 'its pixels are packed in an unknown way'];
      // The last code says only that all is done.
      const whole = length > packed.length - 10 && got === Buffer.from(plain).toString('hex');
      check(whole || short.includes(got), `${length} of ${packed.length}: ${got.slice(0, 40)}`);
    }
  }
});

test('damaged data are refused, or unpack as zlib unpacks them', () => {
  let refused = 0;
  const plain = bytesOf(2000, (i) => (i % 50) * random.integer(2));
  for (const options of Object.values(STRATEGIES)) {
    const packed = new Uint8Array(deflateSync(plain, options));
    for (let round = 0; round < 300; round++) {
      const bad = packed.slice();
      const at = 2 + random.integer(packed.length - 6);
      bad[at] = (bad[at] as number) ^ (1 << random.integer(8));
      let theirs: string;
      try {
        const raw = inflateSync(bad, { finishFlush: constants.Z_SYNC_FLUSH });
        theirs = raw.toString('hex');
      } catch (error) {
        // The checksum alone: the bytes are what they are.
        theirs = (error as Error).message;
      }
      const ours = outcome(bad, 2000);
      refused += Number(/damaged|ends within|fewer/.test(ours));
      if (/^[0-9a-f]*$/.test(theirs) && theirs.length >= 4000)
        check(ours === theirs.slice(0, 4000), ours.slice(0, 40));
    }
  }
  check(refused > 300, `${refused} of 2100 were refused`);
});

test('other formats than zlib are refused', () => {
  const raw = new Uint8Array(deflateRawSync(new Uint8Array(100)));
  for (const bytes of [raw, Uint8Array.of(), Uint8Array.of(0x78), Uint8Array.of(0x78, 0xbb, 1)]) {
    same(outcome(bytes, 100), 'its pixels are packed in an unknown way');
  }
});
