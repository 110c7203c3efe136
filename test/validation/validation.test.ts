/**
 * Bad input: thousands of calls with one thing wrong. Each has to be refused by an error of the
 * right class, in one line that begins with the function and names the argument; inputs stay as
 * they were, and the next valid call gives the same bits as before.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import { check, same, suite } from '../harness.js';
import { type Bad, type ErrorKind, OPTIONS } from './bad.js';
import { bits, firstNaN } from './bits.js';
import type { Signature } from './signature.js';
import { SIGNATURES } from './signatures.js';

const test = suite('validation');

const api = nearfar as unknown as Record<string, (...args: unknown[]) => unknown>;
const names = Object.keys(SIGNATURES);

/** Tells if a message names an argument, at its beginning or as what another has to fit. */
function isNamed(message: string, argument: string): boolean {
  return new RegExp(`^\\w+: (unknown )?${argument}\\b|(like|of) ${argument}\\b`).test(message);
}

/** Describes what is wrong with an error, or undefined. */
function fault(
  name: string,
  args: unknown[],
  argument: string,
  kind?: ErrorKind,
): string | undefined {
  const before = bits(args);
  let result: unknown;
  try {
    result = call(name, args);
  } catch (error) {
    if (bits(args) !== before) return 'changed its input';
    if (!(error instanceof Error)) return `threw ${String(error)}`;
    const said = `${error.constructor.name}: ${error.message}`;
    const right = kind ? error instanceof kind : /^(Type|Range)Error$/.test(error.name);
    if (!right) return `expected a ${kind?.name}, got ${said}`;
    if (!error.message.startsWith(`${name}: `)) return `does not name the function: ${said}`;
    if (!isNamed(error.message, argument)) return `does not name ${argument}: ${said}`;
    if (/[\n\r]/.test(error.message)) return `more than one line: ${said}`;
    if (error.message.length > 200) return `too long: ${said}`;
    if (/undefined (and|or) |\[object|NaN long/.test(error.message)) return `unclear: ${said}`;
    return undefined;
  }
  return `accepted, with the result ${JSON.stringify(result)?.slice(0, 100)}`;
}

function call(name: string, args: unknown[]): unknown {
  return (api[name] as (...args: unknown[]) => unknown)(...args);
}

/** Every bad thing for one argument or option of a function, and where it stands in a call. */
interface Position {
  argument: string;
  list: Bad[];
  args(bad: Bad): unknown[];
}

function positions({ valid, arguments: kinds, options }: Signature): Position[] {
  const found = Object.entries(kinds).map(([argument, list], i): Position => {
    const args = (bad: Bad) => {
      const all = valid();
      return all.with(i, bad.make(all[i]));
    };
    return { argument, list, args };
  });
  if (options === undefined) return found;
  const whole = (bad: Bad) => [...valid(), bad.make(options.valid())];
  found.push({ argument: 'options?', list: OPTIONS, args: whole });
  for (const [argument, list] of Object.entries(options.fields)) {
    const args = (bad: Bad) => {
      const all = options.valid();
      return [...valid(), { ...all, [argument]: bad.make(all[argument]) }];
    };
    found.push({ argument, list, args });
  }
  return found;
}

function validArguments({ valid, options }: Signature): unknown[] {
  return options === undefined ? valid() : [...valid(), options.valid()];
}

test('every function has a row of bad arguments', () => {
  // Names with a capital are classes: they are not called, and have tests of their own.
  const functions = Object.keys(nearfar).filter(
    (name) => typeof api[name] === 'function' && /^[a-z]/.test(name),
  );
  same(names.toSorted(), functions.toSorted(), 'functions');
});

for (const [name, signature] of Object.entries(SIGNATURES)) {
  for (const { argument, list, args } of positions(signature)) {
    test(`${name}: ${argument.replace('?', '')}`, () => {
      const expected = bits(call(name, validArguments(signature)));
      const faults: string[] = [];
      for (const bad of list) {
        const found = fault(name, args(bad), argument, bad.error);
        if (found !== undefined) faults.push(`${bad.what}: ${found}`);
        const after = bits(call(name, validArguments(signature)));
        if (after !== expected) faults.push(`${bad.what}: the next call gives other bits`);
      }
      const text = faults.map((line) => `\n  ${line}`).join('');
      check(faults.length === 0, `${faults.length} of ${list.length}:${text}`);
    });
  }
  for (const [what, { argument, args }] of Object.entries(signature.together ?? {})) {
    test(`${name}: ${what}`, () => {
      const found = fault(name, args(), argument, RangeError);
      check(found === undefined, `${found}`);
    });
  }
}

test('there are many hundreds of kinds, of both classes', () => {
  const kinds = new Set<string>();
  for (const [name, signature] of Object.entries(SIGNATURES)) {
    for (const { argument, list } of positions(signature)) {
      for (const { what, error } of list) kinds.add(`${name} ${argument} ${what} ${error.name}`);
    }
  }
  for (const error of ['TypeError', 'RangeError']) {
    const found = [...kinds].filter((kind) => kind.endsWith(error)).length;
    check(found > 3000, `${found} kinds of ${error}`);
  }
});

test('several bad arguments at once: one of them is named', () => {
  const calls = fc.constantFrom(...names).chain((name) => {
    const { arguments: kinds } = SIGNATURES[name] as Signature;
    const chosen = fc.subarray(Object.keys(kinds), { minLength: 1 });
    return fc.tuple(fc.constant(name), chosen, fc.array(fc.nat(), { minLength: 4, maxLength: 4 }));
  });
  fc.assert(
    fc.property(calls, ([name, chosen, draws]) => {
      const { valid, arguments: kinds } = SIGNATURES[name] as Signature;
      const args = Object.entries(kinds).map(([argument, list], i) => {
        const bad = list[(draws[i] as number) % list.length] as Bad;
        return chosen.includes(argument) ? bad.make(valid()[i]) : valid()[i];
      });
      const found = fault(name, args, `(${chosen.join('|')})`);
      check(found === undefined, `${name}: ${found}`);
    }),
    { numRuns: 1000 },
  );
});

const KEYS = ['data', 'rows', 'cols', 'dims', 'shape', 'type', 'stride', 'offset', 'embedding'];
const OBJECTS = fc.object({
  key: fc.constantFrom(...KEYS, 'components', 'mean', 'temperature'),
  values: [fc.integer({ min: 0, max: 4 }), fc.double(), fc.boolean(), fc.constant(null)],
  withTypedArray: true,
});
const ANYTHING = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withBoxedValues: true,
  withNullPrototype: true,
});

test('anything at all as an argument is refused by name or gives numbers', () => {
  const calls = fc.constantFrom(...names).chain((name) => {
    const { length } = validArguments(SIGNATURES[name] as Signature);
    return fc.tuple(fc.constant(name), fc.nat(length - 1), fc.oneof(ANYTHING, OBJECTS));
  });
  fc.assert(
    fc.property(calls, ([name, at, value]) => {
      const args = validArguments(SIGNATURES[name] as Signature).with(at, value);
      let result: unknown;
      try {
        result = call(name, args);
      } catch (error) {
        check(error instanceof TypeError || error instanceof RangeError, `${name}: ${error}`);
        check(/^\w+: [^\n]+$/.test(error.message), `${error}`);
        check(error.message.startsWith(`${name}: `), `${name}: ${error}`);
        return;
      }
      const found = firstNaN(result);
      check(found === undefined, `${name}: ${found}`);
    }),
    { numRuns: 3000 },
  );
});
