/**
 * Compares the page for users of PyTorch with the package: the table of losses with the values of
 * PyTorch, the table of functions with the exports.
 */

import { readFileSync } from 'node:fs';
import * as nearfar from 'nearfar';
import * as nn from 'nearfar/nn';
import { check, close, same, suite } from '../harness.js';

const test = suite('documentation pytorch');
const page = readFileSync('src/docs/from/pytorch.md', 'utf8');

function section(heading: string): string {
  const text = page.split(`\n## ${heading}\n`)[1];
  check(text !== undefined, `the page has no section ${heading}`);
  return text.split('\n## ')[0] as string;
}

// The table of losses.

interface Stored {
  shape: number[];
  f32?: string;
  f64?: string;
}
const stored: {
  inputs: Record<string, number[] | Stored>;
  theirs: Record<string, number | Stored>;
} = JSON.parse(readFileSync('test/golden/pytorch-table.json', 'utf8'));

function numbers({ f32, f64 }: Stored): Float32Array | Float64Array {
  const bytes = new Uint8Array(Buffer.from(f32 ?? f64 ?? '', 'base64')).buffer;
  return f32 === undefined ? new Float64Array(bytes) : new Float32Array(bytes);
}

function splitRows(input: Stored): (Float32Array | Float64Array)[] {
  const [rows = 0, cols = 0] = input.shape;
  const data = numbers(input);
  return Array.from({ length: rows }, (_, row) => data.subarray(row * cols, (row + 1) * cols));
}

/** Names that an expression of the table may use: the functions, and fresh inputs as rows. */
function names(): Record<string, unknown> {
  const entries = Object.entries(stored.inputs).map(([name, value]) => [
    name,
    Array.isArray(value) ? [...value] : splitRows(value),
  ]);
  const inputs = Object.fromEntries(entries);
  const half = inputs.z.length / 2;
  return { ...nearfar, ...inputs, a: inputs.z.slice(0, half), b: inputs.z.slice(half) };
}

function evaluate(expression: string): unknown {
  const known = names();
  return new Function(...Object.keys(known), `return (${expression});`)(...Object.values(known));
}

function list(value: unknown): ArrayLike<number> {
  if (typeof value === 'number') return [value];
  return ArrayBuffer.isView(value) ? (value as Float32Array) : (value as nearfar.Matrix).data;
}

const code = (cell: string): string | undefined => /`([^`]+)`/.exec(cell)?.[1];
const table = section('Losses, similarities and search')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) => line.split('|').slice(1, -1))
  .map(([theirs = '', ours = '', factor = '']) => ({
    theirs: code(theirs) ?? '',
    ours: code(ours) ?? '',
    factor: code(factor) ?? factor.trim(),
  }));

test('the table has rows, and PyTorch gave the values of these and no others', () => {
  check(table.length > 0, 'no rows');
  same(
    Object.keys(stored.theirs),
    table.map(({ theirs }) => theirs),
    'expressions (npm run golden writes their values)',
  );
});

for (const { theirs, ours, factor } of table) {
  test(`${theirs} = ${factor} × ${ours}`, () => {
    const value = stored.theirs[theirs];
    check(value !== undefined, 'PyTorch has no value for it: npm run golden');
    const expected = typeof value === 'number' ? [value] : numbers(value);
    const times = evaluate(factor);
    check(typeof times === 'number' && Number.isFinite(times), `the factor is ${times}`);
    const got = Array.from(list(evaluate(ours)), (x) => times * x);
    const largest = Array.from(expected).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    check(largest > 0, 'zeros equal zeros at any factor');
    close(got, expected, { atol: 1e-6 * largest });
  });
}

// The table of functions.

const functions = section('Which functions exist');
const rows = [...functions.matchAll(/^\| `(torch\.[\w.]+)` \| (?:`(\w+)`|–) \|$/gm)].map(
  ([, theirs = '', ours]) => ({ theirs, ours }),
);

test('what the page says to exist is exported, and what it says to lack is not', () => {
  check(rows.length > 150, `${rows.length} rows`);
  const exports = Object.keys(nn);
  const missing = rows.filter(({ ours }) => ours !== undefined && !exports.includes(ours));
  same(missing, [], 'rows whose function nearfar/nn does not export');
  const plain = (name: string): string => name.toLowerCase().replaceAll('_', '');
  const known = new Set(exports.map(plain));
  // These names are exported with another meaning than the function of PyTorch in the row.
  const other = new Set(['torch.gather']);
  const there = rows
    .filter(({ theirs, ours }) => ours === undefined && !other.has(theirs))
    .filter(({ theirs }) => known.has(plain(theirs.split('.').at(-1) as string)));
  same(there, [], 'rows with a dash although nearfar/nn has a function of that name');
});

test('the page has every function and class of nearfar/nn', () => {
  const only = /^Only here: ([^\n]+(?:\n[^\n]+)*)/m.exec(functions)?.[1] ?? '';
  const written = [
    ...rows.flatMap(({ ours }) => ours ?? []),
    ...[...only.matchAll(/`(\w+)`/g)].map((match) => match[1] as string),
  ];
  same([...new Set(written)].sort(), Object.keys(nn).sort(), 'names');
});
