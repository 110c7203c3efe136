/**
 * A static encoder of 30,000 tokens in an edge worker: it is loaded from bytes, answers a query and
 * takes at most 64 MB of memory, that of the runtime's own process apart.
 */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { topK } from 'nearfar';
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
