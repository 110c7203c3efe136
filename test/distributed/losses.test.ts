/**
 * Losses of rows that are spread over ranks: the gradient of one machine with the whole batch, to
 * rounding; PyTorch's, within the tolerance of its fixtures; and the same bits on any number of ranks.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import type { SharedLoss } from '../../src/distributed/losses/index.js';
import {
  decodeArguments,
  doubles,
  type Expected,
  type ExpectedArray,
  FORMS,
  type Form,
  fixtures,
  type Row,
} from '../golden/read.js';
import { check, close, same, sameBits, suite } from '../harness.js';
import { labels, largest, type Matrix, matrix, SEED, TEMPERATURE } from '../properties/draw.js';
import { importInternals } from './internals.js';
import type { Group, Sharded } from './sharded.js';

const test = suite('distributed losses');
const { bytesInUse, runSharded } =
  await importInternals<typeof import('./sharded.js')>('sharded.ts');

const SHARDS = 8;
/** Samples: a few for some shards, and more than a tile for others. */
const SAMPLES = fc.oneof(fc.integer({ min: 8, max: 80 }), fc.integer({ min: 81, max: 1200 }));
const COLS = fc.constantFrom(1, 3, 8, 17, 64);
const RUNS = { numRuns: 25 };

/** Computes on 1, 2, 3, 5 and 8 ranks: all must have the same bits. */
function onAllRanks(loss: SharedLoss, groups: readonly Group[], ids?: readonly number[]): Sharded {
  const before = bytesInUse();
  const one = runSharded(loss, groups, ids, SHARDS, 1);
  for (const ranks of [2, 3, 5, 8]) {
    const other = runSharded(loss, groups, ids, SHARDS, ranks);
    same(other.loss, one.loss, `the loss on ${ranks} ranks`);
    for (const [i, grad] of other.grads.entries()) sameBits(grad, one.grads[i] as Float32Array);
  }
  same(bytesInUse(), before, 'bytes in use afterwards');
  return one;
}

function closeTo(found: Sharded, loss: number, grads: readonly Matrix[], scale: number): void {
  close(found.loss, loss, { what: 'loss', rtol: 2e-6, atol: 1e-6 + 4e-7 * scale });
  for (const [i, { data, rows, cols }] of grads.entries()) {
    const limit = 6e-6 * (1 + 0.1 * scale) * largest(Array.from(data));
    const x = found.grads[i] as Float32Array;
    // What cancels is as large as the scale over the number of rows.
    const atol = limit + (1e-6 * scale) / rows;
    check(x.length === rows * cols, 'a gradient for each number');
    close(x, data, { what: `gradient ${i}`, atol });
  }
}

test('ntXent', () => {
  fc.assert(
    fc.property(SAMPLES, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const z = matrix(2 * n, cols + 1, seed);
      const { loss, grad } = nearfar.ntXentGrad(z, { temperature });
      closeTo(onAllRanks({ name: 'ntXent', temperature }, [z]), loss, [grad], 1 / temperature);
    }),
    RUNS,
  );
});

test('supCon', () => {
  const classes = fc.constantFrom(1, 3, 10, 500);
  fc.assert(
    fc.property(SAMPLES, COLS, TEMPERATURE, classes, SEED, (n, cols, temperature, below, seed) => {
      const z = matrix(n, cols + 1, seed);
      const own = labels(n, below, seed);
      const { loss, grad } = nearfar.supConGrad(z, own, { temperature });
      const found = onAllRanks({ name: 'supCon', temperature }, [z], own);
      closeTo(found, loss, [grad], 1 / temperature);
    }),
    RUNS,
  );
});

test('infoNce, with ids and further negatives', () => {
  const drawn = [SAMPLES, COLS, TEMPERATURE, fc.boolean(), fc.nat(60), SEED] as const;
  fc.assert(
    fc.property(...drawn, (n, cols, temperature, symmetric, further, seed) => {
      const [queries, keys] = [matrix(n, cols + 1, seed), matrix(n, cols + 1, seed + 1)];
      const negatives = matrix(Math.max(1, further), cols + 1, seed + 2);
      const ids = seed % 2 === 0 ? labels(n, n, seed) : undefined;
      const given = { temperature, symmetric, ...(ids && { ids }) };
      const name = 'infoNce';
      const settings = { name, temperature, symmetric, ids: ids !== undefined } as const;
      if (further === 0) {
        const { loss, gradQueries, gradKeys } = nearfar.infoNceGrad(queries, keys, given);
        const found = onAllRanks({ ...settings, negatives: false }, [queries, keys], ids);
        closeTo(found, loss, [gradQueries, gradKeys], 1 / temperature);
        return;
      }
      const expected = nearfar.infoNceGrad(queries, keys, { ...given, negatives });
      const { loss, gradQueries, gradKeys, gradNegatives } = expected;
      const groups = [queries, keys, negatives];
      const found = onAllRanks({ ...settings, negatives: true }, groups, ids);
      closeTo(found, loss, [gradQueries, gradKeys, gradNegatives as Matrix], 1 / temperature);
    }),
    RUNS,
  );
});

test('clipLoss', () => {
  fc.assert(
    fc.property(SAMPLES, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const [image, text] = [matrix(n, cols + 1, seed), matrix(n, cols + 1, seed + 1)];
      const ids = seed % 2 === 0 ? labels(n, n, seed) : undefined;
      const logitScale = 1 / temperature;
      const given = { logitScale, ...(ids && { ids }) };
      const { loss, gradImage, gradText, gradLogitScale } = nearfar.clipLossGrad(
        image,
        text,
        given,
      );
      const settings = { name: 'clipLoss', logitScale, ids: ids !== undefined } as const;
      const found = onAllRanks(settings, [image, text], ids);
      closeTo(found, loss, [gradImage, gradText], logitScale);
      close(found.scalars[0] as number, gradLogitScale, { rtol: 1e-4, atol: 3e-6 });
    }),
    RUNS,
  );
});

test('sigLipLoss', () => {
  const scales = fc.double({ min: 0.1, max: 60, noNaN: true });
  fc.assert(
    fc.property(SAMPLES, COLS, scales, SEED, (n, cols, logitScale, seed) => {
      const [image, text] = [matrix(n, cols + 1, seed), matrix(n, cols + 1, seed + 1)];
      const ids = seed % 2 === 0 ? labels(n, n, seed) : undefined;
      const given = { logitScale, logitBias: -4, ...(ids && { ids }) };
      const expected = nearfar.sigLipLossGrad(image, text, given);
      const { loss, gradImage, gradText, gradLogitScale, gradLogitBias } = expected;
      const found = onAllRanks(
        { name: 'sigLipLoss', logitScale, logitBias: -4, ids: ids !== undefined },
        [image, text],
        ids,
      );
      closeTo(found, loss, [gradImage, gradText], logitScale);
      close(found.scalars, [gradLogitScale, gradLogitBias], { rtol: 1e-4, atol: 1e-4 });
    }),
    RUNS,
  );
});

/** Arguments of a fixture's row as a shared loss; undefined if it is too small for two shards. */
function sharedCase(row: Row): { loss: SharedLoss; groups: Group[]; ids?: number[] } | undefined {
  const decoded = decodeArguments(row, FORMS['a Matrix'] as Form);
  const options = (row.options ? decoded.pop() : {}) as Record<string, unknown>;
  const given = (key: string, usual: number): number =>
    (options[key] as number | undefined) ?? usual;
  const ids = options.ids === undefined ? undefined : Array.from(options.ids as number[]);
  const [first, second] = decoded as [Group, Group];
  const temperature = (usual: number): number => given('temperature', usual);
  const samples = row.function === 'ntXent' ? first.rows / 2 : first.rows;
  if (samples < 2) return undefined;
  switch (row.function) {
    case 'ntXent':
      return { loss: { name: 'ntXent', temperature: temperature(0.5) }, groups: [first] };
    case 'supCon':
      return {
        loss: { name: 'supCon', temperature: temperature(0.1) },
        groups: [first],
        ids: Array.from(decoded[1] as number[]),
      };
    case 'infoNce': {
      const negatives = options.negatives as Group | undefined;
      const symmetric = options.symmetric === true;
      const settings = { symmetric, ids: ids !== undefined, negatives: negatives !== undefined };
      return {
        loss: { name: 'infoNce', temperature: temperature(0.07), ...settings },
        groups: [first, second, ...(negatives ? [negatives] : [])],
        ...(ids && { ids }),
      };
    }
    case 'clipLoss': {
      const logitScale = given('logitScale', 1 / 0.07);
      const loss = { name: 'clipLoss', logitScale, ids: ids !== undefined } as const;
      return { loss, groups: [first, second], ...(ids && { ids }) };
    }
    case 'sigLipLoss': {
      const [logitScale, logitBias] = [given('logitScale', 10), given('logitBias', -10)];
      const loss = { name: 'sigLipLoss', logitScale, logitBias, ids: ids !== undefined } as const;
      return { loss, groups: [first, second], ...(ids && { ids }) };
    }
    default:
      return undefined;
  }
}

const GRADS: Record<string, readonly string[]> = {
  ntXent: ['grad'],
  supCon: ['grad'],
  infoNce: ['gradQueries', 'gradKeys', 'gradNegatives'],
  clipLoss: ['gradImage', 'gradText'],
  sigLipLoss: ['gradImage', 'gradText'],
};

test("PyTorch's fixtures, on two ranks", () => {
  let cases = 0;
  for (const row of fixtures().flatMap(({ rows }) => rows)) {
    if (GRADS[row.function] === undefined) continue;
    const found = sharedCase(row);
    if (found === undefined) continue;
    cases++;
    const { loss, grads } = runSharded(found.loss, found.groups, found.ids, 2, 2);
    const expected = row.expected as Record<string, Expected>;
    const value = expected.loss as { number: number; within: number };
    const what = `${row.function} ${row.name}`;
    close(loss, value.number, { atol: 2 * value.within, what });
    for (const [i, name] of (GRADS[row.function] as readonly string[]).entries()) {
      const wanted = expected[name] as ExpectedArray | undefined;
      if (wanted === undefined) continue;
      const numbers = doubles(wanted.f64);
      const cols = (found.groups[i] as Group).cols;
      const grad = grads[i] as Float32Array;
      const rows = numbers.length / cols;
      for (let r = 0; r < rows; r++) {
        const within = typeof wanted.within === 'number' ? wanted.within : wanted.within[r];
        const range = [r * cols, (r + 1) * cols] as const;
        const options = { atol: 2 * (within as number), what: `${what}: ${name}, row ${r}` };
        close(grad.subarray(...range), numbers.subarray(...range), options);
      }
    }
  }
  check(cases > 60, `there are ${cases} cases`);
});
