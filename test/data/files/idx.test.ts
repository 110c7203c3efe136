/** IDX files, the format of MNIST. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { IdxError, readIdx } from '../../../src/data/files/idx.js';
import { check, same, suite } from '../../harness.js';

const test = suite('idx files');

test('the packed digits are 3,000, balanced, with their license', () => {
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
  const license = readFileSync('dist/samples/digits/LICENSE.txt', 'utf8');
  check(/MNIST/.test(license) && /MIT License/.test(license), 'the license is not there');
});

test('other bytes than an IDX file are rejected', () => {
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
