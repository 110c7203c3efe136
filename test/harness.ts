/**
 * Suites and assertions of all tests, on top of uvu. Counts tests for the closing line, prints
 * skipped ones, runs only the tests whose name matches, and compares numbers and errors strictly.
 */

import { suite as uvuSuite } from 'uvu';
import { collectGarbage } from './garbage.js';

export const counts = { passed: 0, failed: 0, skipped: 0 };

/** Text that the name of suite and test must contain, set by the runner. */
let wanted = '';
export function setFilter(text: string): void {
  wanted = text.toLowerCase();
}

const endings: (() => void)[] = [];

/** Hands all suites to uvu. Called by the runner, so that no suite can forget to run. */
export function runSuites(): void {
  for (const end of endings.splice(0)) end();
}

export interface Suite {
  (name: string, body: () => void | Promise<void>): void;
  /** Counts a test that can't run here and prints the reason. */
  skip(name: string, reason: string): void;
}

/** Creates a group of tests. */
export function suite(name: string): Suite {
  const tests = uvuSuite(name);
  tests.before(collectGarbage);
  let any = false;
  const add = (title: string, body: () => void | Promise<void>): void => {
    if (!`${name} ${title}`.toLowerCase().includes(wanted)) return;
    any = true;
    tests(title, async () => {
      try {
        await body();
        counts.passed++;
      } catch (error) {
        counts.failed++;
        throw error;
      }
    });
  };
  add.skip = (title: string, reason: string): void => {
    if (!`${name} ${title}`.toLowerCase().includes(wanted)) return;
    counts.skipped++;
    process.stdout.write(`skipped: ${name}: ${title}: ${reason}\n`);
  };
  endings.push(() => {
    if (any) tests.run();
  });
  return add;
}

/** Fails with a message unless a condition holds. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Fails unless two values are equal as JSON. */
export function same(actual: unknown, expected: unknown, what = 'value'): void {
  const got = JSON.stringify(actual);
  const want = JSON.stringify(expected);
  check(got === want, `${what}: expected ${want}, got ${got}`);
}

export interface Tolerance {
  /** Allowed error as a fraction of the expected value (default 0). */
  rtol?: number | undefined;
  /** Allowed error added to that (default 0). */
  atol?: number | undefined;
  /** Name of what is compared, for the message. */
  what?: string | undefined;
}

type Numbers = number | ArrayLike<number>;

/** Fails unless every number is within the tolerance; says where it is worst. */
export function close(actual: Numbers, expected: Numbers, tolerance: Tolerance = {}): void {
  const { rtol = 0, atol = 0, what = 'value' } = tolerance;
  const got = typeof actual === 'number' ? [actual] : actual;
  const want = typeof expected === 'number' ? [expected] : expected;
  check(got.length === want.length, `${what}: ${want.length} numbers expected, got ${got.length}`);
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < want.length; i++) {
    const a = got[i] as number;
    const b = want[i] as number;
    if (Object.is(a, b) || a === b) continue;
    const excess = Math.abs(a - b) - (atol + rtol * Math.abs(b));
    // A NaN on either side is never close.
    if (excess <= 0) continue;
    if (worst < 0 || Number.isNaN(excess) || excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
  }
  if (worst < 0) return;
  const where = want.length === 1 ? '' : ` at index ${worst} of ${want.length}`;
  const limit = `rtol ${rtol}, atol ${atol}`;
  throw new Error(`${what}${where}: expected ${want[worst]}, got ${got[worst]} (${limit})`);
}

/** Fails unless two arrays of f32 or i32 have the same bits. */
export function sameBits(actual: Float32Array | Int32Array, expected: typeof actual): void {
  check(actual.length === expected.length, `length ${actual.length}, not ${expected.length}`);
  const a = new Uint8Array(actual.buffer, actual.byteOffset, actual.byteLength);
  const b = new Uint8Array(expected.buffer, expected.byteOffset, expected.byteLength);
  const at = a.findIndex((byte, i) => byte !== b[i]);
  if (at < 0) return;
  const i = at >> 2;
  throw new Error(`bits differ at index ${i}: ${actual[i]}, not ${expected[i]}`);
}

/**
 * Fails unless the call throws an error of exactly this class whose message is the text, matches
 * the pattern, or begins with the text if it ends in an ellipsis.
 */
export function throws(
  call: () => unknown,
  kind: typeof TypeError | typeof RangeError,
  message: string | RegExp,
): void {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    check(error instanceof Error, `threw ${String(error)}, not an Error`);
    const got = `${error.constructor.name}: ${error.message}`;
    check(error instanceof kind, `expected a ${kind.name}, got ${got}`);
    const fits =
      message instanceof RegExp
        ? message.test(error.message)
        : message.endsWith('…')
          ? error.message.startsWith(message.slice(0, -1))
          : error.message === message;
    check(fits, `expected the message ${message}, got ${error.message}`);
    return;
  }
  throw new Error(`expected a ${kind.name}, got the result ${JSON.stringify(result)}`);
}
