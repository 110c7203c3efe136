/** Gradients of rows: those of `embeddingBag` with `sparse`, and the steps that optimizers take. */

import * as nn from 'nearfar/nn';
import { check, close, same, sameBits, suite } from '../harness.js';

const test = suite('sparse gradients');

const ROWS = 9;
/** Row 4 and 8 are in no bag, row 2 is in several. */
const IDS = [2, 0, 2, 7, 1, 3, 2, 5, 6];
const OFFSETS = [0, 3, 3, 7];

/** A table of odd and even widths. */
function tableOf(cols: number): nn.Tensor {
  const numbers = Float32Array.from({ length: ROWS * cols }, (_, i) => ((i * 37) % 23) / 11 - 1);
  return nn.parameter(numbers, [ROWS, cols]);
}

/** Adds a loss's gradients to those of the table. */
function backward(table: nn.Tensor, sparse: boolean, weights?: number[]): number {
  return nn.tidy(() => {
    const options = weights === undefined ? { sparse } : { mode: 'sum' as const, weights, sparse };
    const bags = nn.embeddingBag(table, IDS, OFFSETS, options);
    const loss = nn.sum(nn.mul(bags, nn.mul(bags, bags)));
    loss.backward();
    return loss.item();
  });
}

/** The gradient of the table, whatever it is kept as. */
function gradOf(table: nn.Tensor): Float32Array {
  const cols = table.shape[1] as number;
  const all = table.grad?.toArray() ?? new Float32Array(table.size);
  table.rowGrad?.rows.forEach((row, i) => {
    const values = table.rowGrad?.values.data.subarray(i * cols, (i + 1) * cols) ?? [];
    values.forEach((value, c) => {
      all[row * cols + c] = (all[row * cols + c] as number) + value;
    });
  });
  return all;
}

for (const cols of [1, 3, 4, 7, 16, 35, 80]) {
  for (const weights of [undefined, IDS.map((_, i) => 0.5 + i / 4)]) {
    test(`${cols} columns${weights ? ', weighted' : ''}: gradients are the dense ones`, () => {
      const [sparse, dense] = [tableOf(cols), tableOf(cols)];
      for (let pass = 0; pass < 2; pass++) {
        backward(sparse, true, weights);
        backward(dense, false, weights);
        check(sparse.grad === undefined, 'a sparse table has no grad');
        same([...(sparse.rowGrad?.rows ?? [])].sort(), [0, 1, 2, 3, 5, 6, 7], 'rows');
        sameBits(gradOf(sparse), gradOf(dense));
      }
      for (const table of [sparse, dense]) table.dispose();
    });
  }

  for (const mode of ['sum', 'mean', 'weighted'] as const) {
    test(`${cols} columns, ${mode}: bags are those of f64`, () => {
      const table = tableOf(cols);
      const numbers = table.toArray();
      const weights = IDS.map((_, i) => 0.5 + i / 4);
      const options = mode === 'weighted' ? { mode: 'sum' as const, weights } : { mode };
      const expected = OFFSETS.flatMap((from, b) => {
        const to = OFFSETS[b + 1] ?? IDS.length;
        return Array.from({ length: cols }, (_, c) => {
          let sum = 0;
          for (let k = from; k < to; k++) {
            const factor = mode === 'weighted' ? (weights[k] as number) : 1;
            sum += factor * (numbers[(IDS[k] as number) * cols + c] as number);
          }
          return mode === 'mean' && to > from ? sum / (to - from) : sum;
        });
      });
      const bags = nn.embeddingBag(table, IDS, OFFSETS, options);
      close(bags.toArray(), Float32Array.from(expected), { rtol: 2e-7, atol: 1e-7 });
      for (const each of [bags, table]) each.dispose();
    });
  }

  test(`${cols} columns: gradients are those of finite differences`, () => {
    const table = tableOf(cols);
    backward(table, true);
    const grad = gradOf(table);
    const numbers = table.toArray();
    const loss = (i: number, by: number): number => {
      const moved = numbers.slice();
      moved[i] = (moved[i] as number) + by;
      table.set(moved);
      return nn.tidy(() => {
        const bags = nn.embeddingBag(table, IDS, OFFSETS);
        return nn.sum(nn.mul(bags, nn.mul(bags, bags))).item();
      });
    };
    const numeric = numbers.map((_, i) => (loss(i, 0.01) - loss(i, -0.01)) / 0.02);
    close(grad, numeric, { rtol: 1e-2, atol: 2e-3 });
    table.dispose();
  });

  test(`${cols} columns: a step changes the rows that have a gradient as a dense one does`, () => {
    const [sparse, dense] = [tableOf(cols), tableOf(cols)];
    const before = sparse.toArray();
    const optimizers = [sparse, dense].map((table) => new nn.AdamW([table], { weightDecay: 0.1 }));
    for (let step = 0; step < 3; step++) {
      for (const optimizer of optimizers) optimizer.zeroGrad();
      backward(sparse, true);
      backward(dense, false);
      for (const optimizer of optimizers) optimizer.step();
    }
    const [a, b] = [sparse.toArray(), dense.toArray()];
    for (let row = 0; row < ROWS; row++) {
      const range = [row * cols, (row + 1) * cols] as const;
      const untouched = row === 4 || row === 8;
      sameBits(a.slice(...range), (untouched ? before : b).slice(...range));
    }
    for (const optimizer of optimizers) optimizer.dispose();
    for (const table of [sparse, dense]) table.dispose();
  });
}

test('SGD, decay in the gradient and a further dense gradient take the table as a whole', () => {
  const make: ((table: nn.Tensor) => nn.Optimizer)[] = [
    (table) => new nn.Sgd([table], { momentum: 0.9, weightDecay: 0.1 }),
    (table) => new nn.Adam([table], { weightDecay: 0.1 }),
  ];
  for (const optimizerOf of make) {
    const results = [true, false].map((sparse) => {
      const table = tableOf(5);
      const optimizer = optimizerOf(table);
      for (let step = 0; step < 3; step++) {
        optimizer.zeroGrad();
        backward(table, sparse);
        if (step === 1) nn.tidy(() => nn.sum(nn.mul(table, table)).backward());
        optimizer.step();
      }
      return table.toArray();
    });
    close(results[0] as Float32Array, results[1] as Float32Array, { rtol: 1e-6, atol: 1e-7 });
  }
});

test('rows of many bags have the gradients of as many', () => {
  const ids = Array.from({ length: 5000 }, (_, i) => (i * i * 31 + 7 * i) % 701);
  const starts = Array.from({ length: 401 }, (_, b) => Math.floor((b * b) / 33));
  const [a, b] = [true, false].map((sparse) => {
    const table = nn.parameter(
      Float32Array.from({ length: 701 * 33 }, (_, i) => i % 19),
      [701, 33],
    );
    nn.tidy(() => {
      const bags = nn.embeddingBag(table, ids, starts, { sparse });
      nn.sum(nn.mul(bags, 1 / 3)).backward();
    });
    const grad = gradOf(table);
    table.dispose();
    return grad;
  });
  sameBits(a as Float32Array, b as Float32Array);
});

test('clipping takes the gradients of rows too', () => {
  const table = tableOf(4);
  backward(table, true);
  const norm = nn.clipGradNorm([table], 0.5);
  check(norm > 0.5, `norm ${norm}`);
  close(Math.hypot(...gradOf(table)), 0.5, { rtol: 1e-4 });
  table.dispose();
});

test('sparse gradients are refused where there can be none', () => {
  const table = tableOf(4);
  const bad: [() => unknown, RegExp][] = [
    [() => nn.embeddingBag(table, IDS, OFFSETS, { mode: 'max', sparse: true }), /mode must be/],
    [() => nn.embeddingBag(nn.mul(table, 2), IDS, OFFSETS, { sparse: true }), /table must be/],
  ];
  for (const [run, message] of bad) {
    let error: unknown;
    try {
      run();
    } catch (thrown) {
      error = thrown;
    }
    check(error instanceof RangeError && message.test(error.message), `got ${error}`);
  }
});
