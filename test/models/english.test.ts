/** The encoder in the package: its file, its bits, what it finds, and how it travels. */

import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { topK } from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import { saveSentenceEncoder } from 'nearfar/models';
import { bytesInUse } from 'nearfar/nn';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';

const test = suite('english');

const SHA256 = '6ff5ddbb1bcfe54aa28b9b469f8be5dab91108240dc00f02f1310fab24bb522b';

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('the file is the one that npm run distill-english makes, and at most 4 MB', () => {
  const bytes = readFileSync('src/weights/english.bin');
  same(digest(bytes), SHA256);
  check(bytes.length <= 4_000_000, `${bytes.length} bytes`);
  const text = readFileSync('dist/english-weights.js', 'utf8');
  same(text, `export default "${bytes.toString('base64')}";\n`.slice(0, text.length));
});

test('its license is in the package', () => {
  const licenses = readFileSync('dist/LICENSES.txt', 'utf8');
  for (const part of ['all-MiniLM-L6-v2 (Apache-2.0)', 'Apache License', 'They were changed']) {
    check(licenses.includes(part), `LICENSES.txt lacks ${part}`);
  }
});

test('it finds what is meant without a word in common', async () => {
  const encoder = await loadEnglish();
  const documents = [
    'Reset a forgotten password',
    'Cancel your subscription',
    'Change the delivery address of an order',
    'The recipe needs two eggs and a cup of flour',
    'Our offices are closed on public holidays',
  ];
  const queries = ['I cannot log in to my account', 'stop paying every month', 'baking a cake'];
  const { indices } = topK(encoder.encode(queries), encoder.encode(documents), 1);
  same([...indices], [0, 1, 3]);
  const { data, cols } = encoder.encode('near');
  same(cols, 256);
  const norm = data.reduce((sum, value) => sum + value * value, 0);
  check(Math.abs(norm - 1) < 1e-5, `a row of length² ${norm}`);
  encoder.dispose();
});

test('each call gives an encoder of its own, and nothing stays in memory', async () => {
  const before = bytesInUse();
  const [first, second] = await Promise.all([loadEnglish(), loadEnglish()]);
  first.dispose();
  check(
    second.encode('near').data.some((value) => value !== 0),
    'zeros',
  );
  same(saveSentenceEncoder(second, { dtype: 'int4' }).size, 4);
  second.dispose();
  same(bytesInUse(), before);
});

/** Bundles one line that loads the encoder and runs it from another folder. */
async function bundled(): Promise<string> {
  const folder = temporaryFolder('english');
  await build({
    stdin: {
      contents: `import { loadEnglish } from 'nearfar/english';
        export default async () => Array.from((await loadEnglish()).encode('near').data);`,
      resolveDir: process.cwd(),
    },
    outfile: join(folder, 'bundle.mjs'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'error',
  });
  return pathToFileURL(join(folder, 'bundle.mjs')).href;
}

test('a bundle of one file has the weights in it', async () => {
  const { default: run } = await import(await bundled());
  const encoder = await loadEnglish();
  same(await run(), [...encoder.encode('near').data]);
  encoder.dispose();
});

test('a file that is missing or damaged is said in a sentence', async () => {
  const folder = temporaryFolder('english-damaged');
  cpSync('dist', folder, { recursive: true });
  const load = async (): Promise<string> => {
    const url = `${pathToFileURL(join(folder, 'english.js')).href}?${Math.random()}`;
    const { loadEnglish: loadCopy } = await import(url);
    return loadCopy().then(
      () => 'loaded',
      (error: Error) => `${error.name}: ${error.message}`,
    );
  };
  const start =
    "Error: loadEnglish: english-weights.js, next to english.js in the package, can't be read: ";
  const file = join(folder, 'english-weights.js');
  writeFileSync(file, 'export default "AAAA";');
  check((await load()).startsWith(start), await load());
  rmSync(file);
  check((await load()).startsWith(start), await load());
});
