/** Every operation of the table against its f64 reference, its gradient against differences. */

import { api } from '../../bench/built-package.js';
import { operations } from '../../bench/operations/index.js';
import type { Numbers, Operation, Outputs, Sizes } from '../../bench/operations/operation.js';
import { Random } from '../../src/core/random.js';
import { close, suite } from '../harness.js';

const test = suite('operations');

type Inputs = Record<string, Numbers>;

function title(sizes: Sizes): string {
  return Object.entries(sizes)
    .map(([letter, size]) => `${letter} ${size}`)
    .join(', ');
}

function list(value: number | ArrayLike<number>): ArrayLike<number> {
  return typeof value === 'number' ? [value] : value;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Compares outputs by name, to a fraction of each one's largest value. */
function compare(actual: Outputs, expected: Outputs, rtol: number): void {
  for (const [what, value] of Object.entries(expected)) {
    const want = list(value);
    close(list(actual[what] as ArrayLike<number>), want, {
      what,
      atol: rtol * Math.max(largest(want), 0.1),
    });
  }
}

/** Copies the inputs to f64, so that the reference can be moved by small steps. */
function widen(inputs: Inputs): Inputs {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, numbers]) => [
      name,
      { ...numbers, data: Float64Array.from(numbers.data) },
    ]),
  );
}

/** Central differences of the reference's loss at up to 24 elements of one input. */
function checkGradient(operation: Operation, inputs: Inputs, random: Random): void {
  const { gradient, reference, rtol = 2e-6 } = operation;
  if (!gradient) return;
  const { loss, ...grads } = gradient.run(api, inputs);
  const wide = widen(inputs);
  close(loss, reference(wide).loss as number, { what: 'loss', rtol, atol: rtol / 2 });
  const step = gradient.step ?? 1e-4;
  for (const [name, value] of Object.entries(grads)) {
    const grad = list(value as ArrayLike<number>);
    const { data } = wide[name] as Numbers;
    close(grad.length, data.length, { what: `numbers of the gradient of ${name}` });
    const scale = Math.max(largest(grad), 1e-3);
    for (let k = 0; k < Math.min(24, data.length); k++) {
      const at = data.length <= 24 ? k : random.integer(data.length);
      const value = data[at] as number;
      const move = (by: number): number => {
        data[at] = value + by;
        const moved = reference(wide).loss as number;
        data[at] = value;
        return moved;
      };
      const difference = (move(step) - move(-step)) / (2 * step);
      close(grad[at] as number, difference, {
        what: `d loss / d ${name}[${at}]`,
        atol: 2e-4 * scale,
      });
    }
  }
}

for (const operation of operations) {
  operation.sizes.forEach((sizes, i) => {
    const inputs = () => operation.inputs(sizes, new Random(3, i));
    test(`${operation.name}: ${title(sizes)}: equals its f64 reference`, () => {
      const expected = operation.reference(widen(inputs()));
      compare(operation.run(api, inputs()), expected, operation.rtol ?? 3e-6);
    });
    if (operation.gradient === undefined) return;
    test(`${operation.name}: ${title(sizes)}: gradient equals finite differences`, () => {
      checkGradient(operation, inputs(), new Random(4, i));
    });
  });
}
