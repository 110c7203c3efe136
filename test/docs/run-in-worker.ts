/** Runs an example in workerd: a worker that answers a request, as a bundler for workers makes it. */

import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Example } from '../../build/docs/examples.js';
import { bundleWorker, withWorker } from '../runtimes/workers.js';
import { compare } from './run-examples.js';

/** The request and its answer, in a comment of the worker: `// GET /?q=…` and, below, `// → …`. */
const REQUEST = /^\/\/ GET (\S+)\n\/\/ → (.*)$/gm;

/** Starts an example's worker, sends the requests that it names, and compares the answers. */
export async function runInWorker(example: Example, folder: string, where: string): Promise<void> {
  const project = join(folder, `worker-${example.line}`);
  const what = `${where}:${example.line}`;
  mkdirSync(project);
  writeFileSync(join(project, 'source.js'), example.code);
  const output = await bundleWorker(project);
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.bin'))) {
    copyFileSync(join(folder, file), join(output, file));
  }
  const requests = [...example.code.matchAll(REQUEST)];
  if (requests.length === 0) throw new Error(`${what}: no comment has a request and its answer`);
  await withWorker(what, output, async ({ get }) => {
    for (const [, path = '', answer = ''] of requests) compare(await get(path), [answer], what);
  });
}
