/**
 * Edge workers: a static encoder of 30,000 tokens is loaded from bytes, answers a query and takes at
 * most 64 MB of memory, that of the runtime's own process apart; an adapter and a classifier are a
 * small bundle, and answer at once.
 */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fitClassifier, topK } from 'nearfar';
import { Adapter, fitAdapter } from 'nearfar/adapt';
import { loadSentenceEncoder } from 'nearfar/models';
import { staticFolder, staticTexts } from '../../bench/static-query.js';
import { check, same, suite } from '../harness.js';
import { tarball } from '../package/tarball.js';
import { makeProject } from './project.js';
import { makeFolder } from './runtime.js';
import { bundleWorker, missingWorker, withWorker } from './workers.js';

const test = suite('edge');

const TOKENS = 30_000;
const WIDTH = 256;
const ROWS = 1000;
/** Memory that the encoder, the rows and a query may take. */
const MEMORY = 64 * 2 ** 20;
/** Gzipped code that a worker may have, its kernels included. */
const CODE = 60_000;

const worker = `import { topK } from 'nearfar';
import { loadSentenceEncoder } from 'nearfar/models';
import config from './config.bin';
import tokenizer from './tokenizer.bin';
import weights from './weights.bin';
import rows from './rows.bin';

let encoder;
const corpus = () => ({ data: new Float32Array(rows), rows: ${ROWS}, cols: ${WIDTH} });

export default {
  async fetch(request) {
    try {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === '/empty') return Response.json({});
      encoder ??= loadSentenceEncoder(new Map([
        ['config.json', new Uint8Array(config)],
        ['tokenizer.json', new Uint8Array(tokenizer)],
        ['model.safetensors', new Uint8Array(weights)],
      ]));
      const { indices, scores } = topK(encoder.encode(searchParams.get('q')), corpus(), 3);
      return Response.json({ indices: [...indices], scores: [...scores] });
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};
`;

/** Bytes of memory that a process holds at most so far. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
}

const title = 'a worker with 30,000 tokens answers a query within 64 MB';
const missing =
  missingWorker() ?? (process.platform === 'linux' ? undefined : 'memory is read from /proc');
if (missing !== undefined && process.env.CI !== 'true') {
  test.skip(title, missing);
} else {
  test(title, async () => {
    const texts = staticTexts(ROWS, TOKENS);
    const files = staticFolder(TOKENS, WIDTH);
    const encoder = loadSentenceEncoder(files);
    const rows = encoder.encode(texts);
    const query = texts[0] as string;
    const expected = topK(encoder.encode(query), rows, 3);
    encoder.dispose();

    const project = await makeProject(tarball(), 'test/runtimes/program.ts', {
      SENTENCE_FOLDERS: '[]',
    });
    const folder = await makeFolder(project, 'edge', { 'source.js': worker });
    const output = await bundleWorker(folder);
    const names = {
      config: 'config.json',
      tokenizer: 'tokenizer.json',
      weights: 'model.safetensors',
    };
    for (const [name, path] of Object.entries(names)) {
      await writeFile(join(output, `${name}.bin`), files.get(path) as Uint8Array);
    }
    await writeFile(join(output, 'rows.bin'), new Uint8Array(rows.data.buffer));

    const code = (await readdir(output)).filter((file) => /\.(js|wasm)$/.test(file));
    const sizes = await Promise.all(
      code.map(async (file) => gzipSync(await readFile(join(output, file)), { level: 9 }).length),
    );
    const size = sizes.reduce((sum, each) => sum + each, 0);
    check(size <= CODE, `${code.join(', ')} take ${size} bytes gzipped`);

    await withWorker('edge', output, async ({ get, pid }) => {
      check(pid !== undefined, 'the process of workerd was not found');
      await get('/empty');
      const before = await peakMemory(pid);
      for (let i = 0; i < 20; i++) {
        const { indices, scores } = JSON.parse(await get(`/?q=${encodeURIComponent(query)}`));
        same([indices, scores], [[...expected.indices], [...expected.scores]]);
      }
      const taken = (await peakMemory(pid)) - before;
      check(taken <= MEMORY, `it took ${(taken / 2 ** 20).toFixed(1)} MiB`);
    });
  });
}

/** Bytes that the code of a worker that adapts and classifies may have, kernels included. */
const ADAPTER_CODE = 100_000;
/** Milliseconds until its first answer, in which it loads its files and compiles the kernels. */
const FIRST_ANSWER = 50;
/** Workers of which the fastest counts: others may keep the machine busy. */
const TRIES = 7;

const adapterWorker = `import { LinearClassifier } from 'nearfar';
import { Adapter } from 'nearfar/adapt';
import adapterFile from './adapter.bin';
import classifierFile from './classifier.bin';

let adapter, classifier;

export default {
  async fetch(request) {
    try {
      if (new URL(request.url).pathname === '/empty') return Response.json({});
      adapter ??= Adapter.load(new Uint8Array(adapterFile));
      classifier ??= LinearClassifier.load(new Uint8Array(classifierFile));
      const row = Float32Array.from({ length: 384 }, (_, i) => ((i * 37) % 19) - 9);
      const adapted = adapter.apply(row);
      return Response.json({ row: [...adapted.data], label: classifier.predict(adapted)[0] });
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};
`;

const adapterTitle = 'a worker that adapts and classifies is small, and answers at once';
if (missingWorker() !== undefined && process.env.CI !== 'true') {
  test.skip(adapterTitle, missingWorker() as string);
} else {
  test(adapterTitle, async () => {
    const rows = Array.from({ length: 40 }, (_, r) =>
      Array.from({ length: 384 }, (_, c) => ((r * 31 + c * 17 + r * c) % 23) - 11),
    );
    const adapter = new Adapter({ inputWidth: 384 });
    const pairs = rows.map((_, r): [number, number] => [r, (r + 1) % 40]);
    const data = { queries: rows, documents: rows, pairs };
    for await (const _ of fitAdapter(adapter, data, { steps: 3, validation: 0 }));
    const labels = rows.map((_, r) => r % 2);
    const classifier = fitClassifier(adapter.apply(rows), labels);
    const row = Float32Array.from({ length: 384 }, (_, i) => ((i * 37) % 19) - 9);
    const adapted = adapter.apply(row);
    const expected = { row: [...adapted.data], label: classifier.predict(adapted)[0] };

    const project = await makeProject(tarball(), 'test/runtimes/program.ts', {
      SENTENCE_FOLDERS: '[]',
    });
    const folder = await makeFolder(project, 'adapter', { 'source.js': adapterWorker });
    const output = await bundleWorker(folder);
    const code = (await readdir(output)).filter((file) => /\.(js|wasm)$/.test(file));
    const sizes = await Promise.all(
      code.map(async (file) => (await readFile(join(output, file))).length),
    );
    const size = sizes.reduce((sum, each) => sum + each, 0);
    check(size <= ADAPTER_CODE, `${code.join(', ')} take ${size} bytes`);
    await writeFile(join(output, 'adapter.bin'), adapter.save());
    await writeFile(join(output, 'classifier.bin'), classifier.save());

    const times: number[] = [];
    for (let i = 0; i < TRIES; i++) {
      await withWorker('adapter', output, async ({ get }) => {
        // The way to the worker is there before its first answer.
        await get('/empty');
        const start = performance.now();
        const answer = await get('/');
        times.push(performance.now() - start);
        same(JSON.parse(answer), expected);
      });
    }
    const fastest = Math.min(...times);
    check(fastest <= FIRST_ANSWER, `the first answer took ${fastest.toFixed(1)} ms`);
  });
}
