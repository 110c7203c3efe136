/** The house's rules that a machine can check: format, types, direction of imports, numerics. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { check, same, suite } from './harness.js';

const test = suite('structure');

function files(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending) && !file.includes('node_modules'))
    .map((file) => join(folder, file))
    .sort();
}

function tool(script: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
  });
  check(status === 0, `${script} ${args.join(' ')}\n${stdout}${stderr}`);
}

/** A file without its comments. */
function code(file: string): string {
  return readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
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

/** Files that a TypeScript file of ours imports, types alone aside. */
function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^(?:import|export)(?! type)[^;]*? from '([^']+)';/gm)].map((match) => {
    const name = match[1] as string;
    return name.startsWith('.') ? join(dirname(file), name).replace(/\.js$/, '.ts') : name;
  });
}

/** Lower floors first: a file imports its own floor and those below. */
const FLOORS: readonly RegExp[] = [
  /^src\/(base64|check|float16|labels|random|safetensors|wasm)(\.\w+)*\.ts$/,
  /^src\/kernels\.ts$/,
  /^src\/analysis-kernels\.ts$/,
  /^src\/memory\.ts$/,
  /^src\/resident\.ts$/,
  /^src\/matrix\.ts$/,
  /^src\/(products|similarity)\.ts$/,
  /^src\/(losses\/|rows|top-k|pca|to-matrix|triplet-update|alignment|classifier|knn|logistic|metrics)/,
  /^src\/index\.ts$/,
  /^src\/nn\/(kernels|recording|scope|numbers|series)\.ts$/,
  /^src\/nn\/tensor\.ts$/,
  /^src\/nn\/(ops\/|random\.ts$)/,
  /^src\/nn\/(module|losses|safetensors|schedule)\.ts$/,
  /^src\/nn\/(layers|optim)\.ts$/,
  /^src\/nn\/(vision|vit)\.ts$/,
  /^src\/nn\/index\.ts$/,
  /^src\/threads\//,
  /^src\/data\//,
  /^src\/models\/(?!index)/,
  /^src\/models\/index\.ts$/,
  /^bench\//,
  /^src\/cli\//,
];
const floor = (file: string): number => FLOORS.findIndex((pattern) => pattern.test(file));

test('imports only go down', () => {
  const upward = files('src', '.ts')
    .filter((file) => !file.endsWith('.d.ts'))
    .flatMap((file) => {
      check(floor(file) >= 0, `${file} stands on no floor: give it one in this test`);
      return imports(file)
        .filter((other) => floor(other) > floor(file))
        .map((other) => `${file} -> ${other}`);
    });
  same(upward, [], 'imports that go up');
});

test('only the command line names modules of Node', () => {
  const found = files('src', '.ts').filter(
    (file) =>
      !file.startsWith('src/cli/') && imports(file).some((name) => name.startsWith('node:')),
  );
  same(found, [], 'files');
});

test("nothing numeric uses an engine's own transcendentals or random numbers", () => {
  const found = [...files('src', '.ts'), ...files('assembly', '.ts')].filter((file) =>
    /\b(Math|NativeMath|NativeMathf|JSMath)\.(exp|expm1|log\w*|sin\w*|cos\w*|tan\w*|a\w+|pow|random|hypot|cbrt)\b(?!s\()/.test(
      code(file).replaceAll('Math.abs', ''),
    ),
  );
  same(found, [], 'files');
});

test('kernels neither allocate nor throw', () => {
  const found = files('assembly', '.ts').filter((file) =>
    /\b(new [A-Z]|throw |heap\.|__new|Math\.)|\*\*/.test(code(file)),
  );
  same(found, [], 'files');
});

test('a file is read in one sitting: at most 350 lines', () => {
  const ours = ['src', 'build', 'bench', 'test'].flatMap((folder) => files(folder, '.ts'));
  const long = [...ours, ...files('assembly', '.ts')].filter(
    (file) => !file.endsWith('.d.ts') && readFileSync(file, 'utf8').split('\n').length > 351,
  );
  same(long, [], 'files');
});
