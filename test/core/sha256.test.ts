/** SHA-256 versus Node's. */

import { createHash } from 'node:crypto';
import { sha256 } from '../../src/core/sha256.js';
import { same, suite } from '../harness.js';

const test = suite('sha256');

test("the hash is Node's at every length around a block's end", () => {
  const bytes = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 2654435761) >>> 11);
  for (const length of [...Array.from({ length: 200 }, (_, i) => i), 4096, bytes.length - 3]) {
    // Not aligned.
    const part = bytes.subarray(3, 3 + length);
    same(sha256(part), createHash('sha256').update(part).digest('hex'), `of ${length} bytes`);
  }
});
