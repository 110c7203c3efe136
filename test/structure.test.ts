/**
 * The rules of the repository that a machine can check: format, types, the direction of imports,
 * sizes of files and folders, and which built-in functions numeric code may call.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { code, graph, imports, lineOf, ORDER, sources } from '../build/layers.js';
import { check, same, suite } from './harness.js';

const test = suite('structure');

function tool(script: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
  });
  check(status === 0, `${script} ${args.join(' ')}\n${stdout}${stderr}`);
}

test('format and lint', () => tool('node_modules/@biomejs/biome/bin/biome', ['check', '.']));

test('types of the library, which knows no runtime', () =>
  tool('node_modules/typescript/bin/tsc', [
    '-p',
    'src/tsconfig.json',
    '--noEmit',
    '--emitDeclarationOnly',
    'false',
  ]));

test('types of everything else', () =>
  tool('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json']));

// The direction of imports.

test('imports go one way', () => {
  const unknown = code.filter((file) => lineOf(file) === undefined);
  same(unknown, [], 'files of a folder that the order lacks: give it a line');
  const rank = (file: string): number => ORDER.indexOf(lineOf(file) as string);
  const upward = [...graph].flatMap(([file, others]) =>
    others.filter((other) => rank(other) > rank(file)).map((other) => `${file} -> ${other}`),
  );
  same(upward, [], 'imports that go back');
});

test('TypeScript and AssemblyScript import nothing of each other', () => {
  const kernel = (file: string): boolean => file.startsWith('assembly/');
  const crossing = [...graph].flatMap(([file, others]) =>
    others.filter((other) => kernel(other) !== kernel(file)).map((other) => `${file} -> ${other}`),
  );
  same(crossing, [], 'imports');
});

test('no file imports itself, by whatever way', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push([...path.slice(start), file].join(' -> '));
    if (done.has(file) || start >= 0) return;
    for (const other of graph.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of code) visit(file, []);
  same(circles, [], 'circles');
});

test('only programs name modules of Node: cli, terminal, bench, build, test', () => {
  const programs = /^(src\/(cli|terminal)|bench|build|test)\//;
  const found = code.filter(
    (file) => !programs.test(file) && imports(file).some((name) => name.startsWith('node:')),
  );
  same(found, [], 'files');
});

// Files and folders.

test('at most six files lie loose in src and in src/cli, each folder has its subject', () => {
  for (const folder of ['src', 'src/cli']) {
    const loose = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    check(loose.length <= 6, `${loose.length} files lie loose in ${folder}: ${loose.join(', ')}`);
  }
});

test('ambient types of the library lie in src/core', () => {
  const found = sources('src').filter(
    (file) => file.endsWith('.d.ts') && dirname(file) !== 'src/core',
  );
  same(found, [], 'files');
});

test('a test lies in the folder of what it tests, or of its kind of proof', () => {
  const kinds = [
    'bench',
    'golden',
    'operations',
    'package',
    'properties',
    'runtimes',
    'validation',
  ];
  const subjects = readdirSync('src', { withFileTypes: true }).filter((at) => at.isDirectory());
  const known = [...kinds, ...subjects.map(({ name }) => name)];
  const odd = readdirSync('test', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !known.includes(entry.name))
    .map(({ name }) => name);
  same(odd, [], 'folders of test without a folder of src');
});

test('a file has at most 500 lines', () => {
  const long = code.filter(
    (file) => !file.endsWith('.d.ts') && readFileSync(file, 'utf8').split('\n').length > 501,
  );
  same(long, [], 'files');
});

// Numerics.

/** A file without its comments. */
function withoutComments(file: string): string {
  return readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}

test("nothing numeric uses an engine's own transcendentals or random numbers", () => {
  const found = [...sources('src'), ...sources('assembly')].filter((file) =>
    /\b(Math|NativeMath|NativeMathf|JSMath)\.(exp|expm1|log\w*|sin\w*|cos\w*|tan\w*|a\w+|pow|random|hypot|cbrt)\b(?!s\()/.test(
      withoutComments(file).replaceAll('Math.abs', ''),
    ),
  );
  same(found, [], 'files');
});

test('kernels neither allocate nor throw', () => {
  const found = sources('assembly').filter((file) =>
    /\b(new [A-Z]|throw |heap\.|__new|Math\.)|\*\*/.test(withoutComments(file)),
  );
  same(found, [], 'files');
});
