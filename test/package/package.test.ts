/** The package as others get it: its checks, its size, its promises. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MODULES } from '../../build/modules.js';
import { announced, growth, gzippedOf, NT_XENT_CAP, sizes } from '../../build/size.js';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';
import { tarball } from './tarball.js';

const test = suite('package');
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

/** Runs a tool of node_modules/.bin and fails with what it printed. */
function tool(name: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${name}`, args, {
    encoding: 'utf8',
  });
  check(status === 0, `${name} failed:\n${stdout}${stderr}`);
}

test('publint finds nothing', () => tool('publint', ['run', '--strict', tarball()]));

test('attw finds no problem with the types', () =>
  tool('attw', [tarball(), '--profile', 'esm-only', '--no-color', '--no-emoji']));

test('an install has no dependency', () => {
  for (const kind of ['dependencies', 'optionalDependencies']) {
    same(manifest[kind], undefined, kind);
  }
  // The client of NATS is for those who ask for it: npm installs no optional peer.
  const peers = Object.keys(manifest.peerDependencies ?? {});
  const optional = Object.entries(manifest.peerDependenciesMeta ?? {}) as [string, object][];
  same(
    optional.map(([name, meta]) => [name, meta]),
    peers.map((name) => [name, { optional: true }]),
    'peers that are not optional',
  );
});

test('import { ntXent } fits under its cap, the whole import is a few times more', async () => {
  const found = await sizes();
  const one = gzippedOf(found, 'import { ntXent }');
  const all = gzippedOf(found, 'import * as nearfar');
  check(one > 5000, `${one} bytes is too little to be true`);
  check(one <= NT_XENT_CAP, `${one} bytes gzipped, over ${NT_XENT_CAP}`);
  check(all <= 3 * NT_XENT_CAP, `${all} bytes gzipped in all`);
});

test('nothing has grown by a tenth without an announcement in build/sizes.json', async () => {
  const [found, before] = [await sizes(), announced()];
  same(
    found.map(({ what }) => what),
    Object.keys(before),
    'what is announced',
  );
  for (const size of found) {
    const grown = growth(size, before);
    check(grown < 10, `${size.what} is ${size.gzipped} bytes, ${grown.toFixed(1)} % more`);
  }
});

test('the tarball holds what it should and nothing else', () => {
  const files = execFileSync('tar', ['tzf', tarball()], { encoding: 'utf8' }).trim().split('\n');
  for (const file of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts', 'dist/cli.js']) {
    check(files.includes(`package/${file}`), `${file} is missing`);
  }
  const odd = files.filter(
    (file) => !/^package\/(dist\/|README|LICENSE|CHANGELOG|package|src\/docs\/public\/)/.test(file),
  );
  same(odd, [], 'other files');
});

test('the library names no module of Node and nothing that only one runtime has', () => {
  for (const file of ['dist/index.js', 'dist/index.workerd.js']) {
    const text = readFileSync(file, 'utf8');
    const found =
      /from\s*["']node:|require\(|process\.|Buffer\.|Math\.(exp|log|random|tanh|pow)\b/.exec(text);
    check(found === null, `${file} has ${found?.[0]}`);
  }
});

test('the kernels import nothing but their memory', () => {
  for (const { name, file } of MODULES) {
    const module = new WebAssembly.Module(new Uint8Array(readFileSync(`dist/${file}.wasm`)));
    const imports = WebAssembly.Module.imports(module);
    same(imports, [{ module: 'env', name: 'memory', kind: 'memory' }], `imports of ${name}`);
  }
});

test('what is thrown and not caught shows its sentence, not the kernels that share its file', () => {
  const body = "import { ntXent } from 'nearfar'; ntXent([[1, 0], [0, 1], [1, 1]])";
  const args = ['--input-type=module', '--eval', body];
  const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  check(stderr.includes('RangeError: ntXent: z must have an even number of rows'), stderr);
  check(stderr.length < 2000, `${stderr.length} characters of error`);
  for (const file of readdirSync('dist').filter((name) =>
    /^(index|nn|shared|cli).*js$/.test(name),
  )) {
    const lines = readFileSync(`dist/${file}`, 'utf8').split('\n');
    const base64 = lines.filter((line) => /[A-Za-z0-9+/]{1000}/.test(line));
    same(base64.length, 0, `lines of bytes in dist/${file}`);
  }
});

test('the package works without a TextDecoder', () => {
  const body = `
    delete globalThis.TextDecoder;
    const { ntXent } = await import('nearfar');
    const { tensor } = await import('nearfar/nn');
    console.log(ntXent([[1, 0], [1, 0]]), tensor([2]).item());`;
  const args = ['--input-type=module', '--eval', body];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  same([stdout, stderr], ['0 2\n', ''], 'output');
});

test('the declarations need no library of TypeScript beyond ES2022, and none of the DOM or Node', () => {
  const folder = temporaryFolder('declarations');
  const files = Object.values(manifest.exports)
    .map((entry) => (entry as { types?: string }).types)
    .filter((types) => types !== undefined)
    .map((types) => resolve(types));
  for (const lib of [['es2022'], ['esnext', 'dom']]) {
    const compilerOptions = {
      ...{ noEmit: true, strict: true, skipLibCheck: false, lib, types: [] },
      ...{ target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext' },
    };
    const config = join(folder, `${lib.join('-')}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, files }));
    tool('tsc', ['-p', config]);
  }
});
