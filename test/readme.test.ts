/**
 * Runs the README: its table against the values of PyTorch, every snippet of JavaScript against
 * the output in its comments, and checks its names of functions, commands and files, its sizes and
 * its figure.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import * as nearfar from 'nearfar';
import { gzippedOf, sizes } from '../build/size.js';
import { drawFigure, storedFigure } from './golden/figure.js';
import { check, close, same, suite } from './harness.js';
import { runtimes } from './runtimes/index.js';

const test = suite('readme');
const readme = readFileSync('README.md', 'utf8');

function section(heading: string): string {
  const text = readme.split(`\n## ${heading}\n`)[1];
  check(text !== undefined, `README.md has no section ${heading}`);
  return text.split('\n## ')[0] as string;
}

/** Bodies of the code blocks in a language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] as string);
}

// The table "Coming from PyTorch".

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
const table = section('Coming from PyTorch')
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

// Snippets.

/**
 * Returns the output that a snippet promises: the comment at the end of each line with console.log, or
 * the one on the line below.
 */
function promised(snippet: string): string[] {
  const lines = snippet.split('\n');
  return lines.flatMap((line, i) => {
    const match = /console\.log\(.*\);(?: \/\/ (.*))?$/.exec(line);
    if (match === null) return [];
    const below = /^\s*\/\/ (.*)$/.exec(lines[i + 1] ?? '');
    const text = match[1] ?? below?.[1];
    check(text !== undefined, `no comment says what this prints: ${line}`);
    return [text];
  });
}

const snippets = blocks(readme, 'js');

test('there are snippets, and most of them print', () => {
  const printing = snippets.filter((snippet) => promised(snippet).length > 0);
  check(printing.length >= 8, `${printing.length} of ${snippets.length} snippets print`);
});

snippets.forEach((snippet, i) => {
  const title = snippet.split('\n').find((line) => /^(console|const|function|let)/.test(line));
  test(`snippet ${i + 1} prints what it says: ${title ?? ''}`, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module'], {
      input: snippet,
      encoding: 'utf8',
    });
    check(status === 0, stderr);
    same(stdout.split('\n').slice(0, -1), promised(snippet), 'output');
  });
});

// Names and numbers.

test('the API has every function of the package and no other', () => {
  const written = blocks(section('API'), 'ts').flatMap((block) =>
    [...block.matchAll(/^(\w+)(?=[(:])/gm)].map((match) => match[1] as string),
  );
  same(written.sort(), Object.keys(nearfar).sort(), 'names');
});

test('commands exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const named = [...readme.matchAll(/`npm (?:run )?([\w-]+)/g)].map((match) => match[1] as string);
  const missing = named.filter((name) => name !== 'i' && scripts[name] === undefined);
  same(missing, [], 'scripts that package.json has not');
  const help = spawnSync(process.execPath, ['dist/cli.js', '--help'], { encoding: 'utf8' }).stdout;
  for (const line of (blocks(section('The command line'), 'sh')[0] ?? '').trim().split('\n')) {
    const [, name = '', ...options] = line.match(/[\w-]+/g) ?? [];
    check(new RegExp(`^ +${name}\\b`, 'm').test(help), `nearfar has no command ${name}`);
    const more = spawnSync(process.execPath, ['dist/cli.js', name, '--help'], { encoding: 'utf8' });
    const flags = options.filter((option) => option.startsWith('--'));
    same(
      flags.filter((flag) => !more.stdout.includes(flag)),
      [],
      `options that ${name} has not`,
    );
  }
});

test('files exist', () => {
  const links = [...readme.matchAll(/\]\((?!#|https?:)([^)]+)\)/g)].map((match) => match[1]);
  const paths = [...section('Contributing').matchAll(/`([\w./-]+\/[\w./-]*)`/g)]
    .map((match) => match[1] as string)
    .filter((path) => !path.includes('NAME') && /^(assembly|src|build|bench|test)\//.test(path));
  check(links.length > 0 && paths.length > 8, 'links and paths are found');
  same(
    [...links, ...paths].filter((path) => !existsSync(path as string)),
    [],
    'missing',
  );
});

test('links within lead to headings', () => {
  const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...readme.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] as string);
  same(
    links.filter((link) => !headings.includes(link)),
    [],
    'links without a heading',
  );
});

test('runtimes are those of the test', () => {
  const rows = section('The same bits')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const written = rows.slice(2).flatMap((line) => line.match(/(?<=`)[a-z][\w-]+(?=`)/g) ?? []);
  // The first two are named after whatever Node runs the tests; the README was written by Node 20.
  const expected = runtimes.map(({ name }, i) => (i < 2 ? name.replace(/\d+/, '20') : name));
  same(written.sort(), expected.sort(), 'names');
  check(written.length === 14, `the README says fourteen, there are ${written.length}`);
});

test('sizes are as measured, to a kilobyte', async () => {
  const said = /adds (\d+) kB gzipped to a bundle, all of nearfar (\d+) kB/.exec(readme);
  check(said !== null, 'the sentence about sizes is gone');
  const found = await sizes();
  const one = gzippedOf(found, 'import { ntXent }');
  const all = gzippedOf(found, 'import * as nearfar');
  close(Number(said[1]), one / 1000, { atol: 1, what: 'kB of ntXent' });
  close(Number(said[2]), all / 1000, { atol: 1, what: 'kB in all' });
});

test('the figure is what the demo draws', async () => {
  const remedy = 'npm run golden draws it again';
  check((await drawFigure()) === storedFigure(), `figure.svg differs: ${remedy}`);
});
