/** Parts of the command line by themselves: the layer's gradient, files, the judge of embeddings. */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { IdxError, readIdx } from '../../src/data/files/idx.js';
import { physicalCores } from '../../src/terminal/cores.js';
import { check, same, suite } from '../harness.js';

const test = suite('cli parts');

test('the packed digits are 3,000, balanced, with their licence', () => {
  const read = (name: string) =>
    readIdx(gunzipSync(readFileSync(`dist/samples/digits/digits-${name}-ubyte.gz`)));
  const images = read('images-idx3');
  const labels = read('labels-idx1');
  same(images.shape, [3000, 28, 28]);
  same(labels.shape, [3000]);
  same(
    [...labels.data],
    Array.from({ length: 3000 }, (_, row) => row % 10),
  );
  check(images.data.includes(255), 'no pixel is white');
  const licence = readFileSync('dist/samples/digits/LICENSE.txt', 'utf8');
  check(/MNIST/.test(licence) && /MIT License/.test(licence), 'the licence is not there');
});

test('cores that two threads of the processor share count once', () => {
  const cpuInfo = (pairs: [socket: number, core: number][]): string =>
    pairs
      .map(
        ([socket, core], i) =>
          `processor\t: ${i}\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`,
      )
      .join('\n');
  const usable = availableParallelism();
  same(
    physicalCores(
      cpuInfo([
        [0, 0],
        [0, 0],
      ]),
    ),
    1,
  );
  same(
    physicalCores(
      cpuInfo([
        [0, 0],
        [0, 1],
        [0, 0],
        [0, 1],
      ]),
    ),
    Math.min(2, usable),
  );
  same(
    physicalCores(
      cpuInfo([
        [0, 0],
        [1, 0],
      ]),
    ),
    Math.min(2, usable),
  );
  same(physicalCores('processor\t: 0\n'), usable, 'without a word about cores');
});

test('what is no IDX file is refused', () => {
  const good = [0, 0, 8, 1, 0, 0, 0, 2, 5, 6];
  same([...readIdx(Uint8Array.from(good)).data], [5, 6]);
  for (const bad of [[], [0, 0, 8], [...good, 7], good.slice(0, -1), [1, ...good.slice(1)]]) {
    let error: unknown;
    try {
      readIdx(Uint8Array.from(bad));
    } catch (thrown) {
      error = thrown;
    }
    check(error instanceof IdxError, `${JSON.stringify(bad)}: ${String(error)}`);
  }
});
