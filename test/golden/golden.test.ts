/**
 * Every function against float64 PyTorch: the fixtures of golden/, one test a row.
 *
 * A row says how near each value must be; nothing here knows a function by name. A loss is called
 * twice, as itself and as its gradient form. No argument may change, except where the row says so.
 */
import assert from 'node:assert/strict';
import * as nearfar from 'nearfar';
import { close, suite } from '../harness.js';
import {
  decodeArguments,
  doubles,
  type Expected,
  type ExpectedArray,
  FORMS,
  type Form,
  fixtures,
  isSingle,
  type Matrix,
  type Row,
} from './read.js';

const test = suite('golden');
const asMatrix = FORMS['a Matrix'] as Form;

function call(name: string, args: unknown[]): unknown {
  const found = (nearfar as unknown as Record<string, unknown>)[name];
  assert.equal(typeof found, 'function', `nearfar exports no function ${name}`);
  return (found as (...args: unknown[]) => unknown)(...args);
}

/** Calls the function (and its gradient form) on fresh arguments, and sees to it that they stay as they were. */
function run(row: Row, name: string, form: Form): unknown {
  const args = decodeArguments(row, form);
  const result = call(name, args);
  const before = decodeArguments(row, form);
  const first = row.changed ? 1 : 0;
  assert.deepEqual(args.slice(first), before.slice(first), `${name} changed an argument`);
  if (row.changed) compare(`${name}: the first argument`, args[0], row.changed);
  return result;
}

function compare(what: string, actual: unknown, expected: Expected): void {
  if ('number' in expected) {
    assert.equal(typeof actual, 'number', `${what} is a number`);
    close(actual as number, expected.number, { rtol: 0, atol: expected.within, what });
  } else if ('int32' in expected) {
    assert.ok(actual instanceof Int32Array, `${what} is an Int32Array`);
    assert.deepEqual([...actual], expected.int32, what);
  } else if ('object' in expected) {
    compareFields(what, actual, expected.object);
  } else {
    compareArray(what, actual, expected);
  }
}

function compareFields(what: string, actual: unknown, expected: Record<string, Expected>): void {
  const found = actual as Record<string, unknown>;
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort(), `${what}: fields`);
  for (const [field, value] of Object.entries(expected)) {
    compare(`${what}: ${field}`, found[field], value);
  }
}

function compareArray(what: string, actual: unknown, expected: ExpectedArray): void {
  const { matrix, within } = expected;
  const wanted = doubles(expected.f64);
  let data = actual;
  let size = wanted.length;
  if (matrix) {
    const { rows, cols } = actual as Matrix;
    assert.deepEqual([rows, cols], matrix, `${what}: rows and cols`);
    data = (actual as Matrix).data;
    size = matrix[0] * matrix[1];
  }
  assert.ok(data instanceof Float32Array, `${what} holds a Float32Array`);
  assert.equal(data.length, size, `${what}: length`);
  const found: Float32Array = data;
  if (typeof within === 'number') {
    close(found.subarray(0, wanted.length), wanted, { rtol: 0, atol: within, what });
    return;
  }
  const cols = wanted.length / within.length;
  within.forEach((atol, i) => {
    const [from, to] = [i * cols, (i + 1) * cols];
    const options = { rtol: 0, atol, what: `${what}, row ${i}` };
    close(found.subarray(from, to), wanted.subarray(from, to), options);
  });
}

function check(row: Row): void {
  const name = row.function;
  if (isSingle(row.expected)) {
    compare(name, run(row, name, asMatrix), row.expected);
    return;
  }
  const { loss } = row.expected;
  const full = loss ? `${name}Grad` : name;
  if (loss) compare(name, run(row, name, asMatrix), loss);
  compareFields(full, run(row, full, asMatrix), row.expected as Record<string, Expected>);
}

/** A few rows of each function that are also given in every other form of a matrix. */
function representatives(rows: Row[]): Row[] {
  return rows.filter((row) => !row.changed && JSON.stringify(row).includes('"matrix"')).slice(2, 6);
}

for (const { rows } of fixtures()) {
  for (const row of rows) test(`${row.function}: ${row.name}`, () => check(row));
  for (const row of representatives(rows)) {
    const grad = !isSingle(row.expected) && 'loss' in row.expected;
    const name = grad ? `${row.function}Grad` : row.function;
    test(`${name}: ${row.name}, the same bits in every form of a matrix`, () => {
      const plain = run(row, name, asMatrix);
      for (const [form, convert] of Object.entries(FORMS)) {
        assert.deepEqual(run(row, name, convert), plain, `given as ${form}`);
      }
    });
  }
}

test('every principal component has length one, is orthogonal to the others and points up', () => {
  const rows = fixtures().flatMap((fixture) => fixture.rows);
  const chosen = rows.filter((row) => row.function === 'pca');
  assert.ok(chosen.length > 0);
  for (const row of chosen) {
    const { components } = run(row, 'pca', asMatrix) as { components: Matrix };
    const { data, rows: count, cols } = components;
    const unit = (i: number) => Float64Array.from(data.subarray(i * cols, (i + 1) * cols));
    for (let i = 0; i < count; i++) {
      const one = unit(i);
      const largest = one.reduce((best, v) => (Math.abs(v) > Math.abs(best) ? v : best), 0);
      assert.ok(largest > 0, `${row.name}: the largest loading of component ${i} is ${largest}`);
      for (let j = 0; j <= i; j++) {
        const product = one.reduce((sum, v, k) => sum + v * (unit(j)[k] as number), 0);
        const what = `${row.name}: component ${i} times component ${j}`;
        close(product, i === j ? 1 : 0, { rtol: 0, atol: 5e-6, what });
      }
    }
  }
});
