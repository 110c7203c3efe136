/**
 * Cloudflare's workerd, in which WebAssembly can only be imported as a module. The worker is built
 * once by esbuild, as by any bundler with the right conditions, and once by `wrangler deploy`;
 * both results are a folder of scripts and .wasm files that miniflare runs.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execute, within } from './process.js';
import { fromNpm, importTool, makeFolder, missingFile, type Runtime, toolFile } from './runtime.js';

const worker = `import program from '../program.mjs';
export default {
  async fetch() {
    try {
      return new Response(JSON.stringify(await program()));
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};
`;

// Newer than the binary would be refused.
const compatibilityDate = '2026-04-01';

interface MiniflareModule {
  new (options: {
    modules: { type: 'ESModule' | 'CompiledWasm'; path: string; contents: Uint8Array }[];
    compatibilityDate: string;
  }): {
    dispatchFetch(url: string): Promise<{ ok: boolean; text(): Promise<string> }>;
    dispose(): Promise<void>;
  };
}

const miniflareFile = 'miniflare/dist/src/index.js';
const wranglerFile = 'wrangler/wrangler-dist/cli.js';

/** Runs the worker.js of a folder, which may import the .wasm files next to it. */
async function runWorker(name: string, folder: string): Promise<string> {
  const imported = (await readdir(folder)).filter((file) => file.endsWith('.wasm'));
  const modules = [];
  for (const path of ['worker.js', ...imported]) {
    const type = path.endsWith('.wasm') ? ('CompiledWasm' as const) : ('ESModule' as const);
    modules.push({ type, path, contents: await readFile(join(folder, path)) });
  }
  const { Miniflare } = await importTool<{ Miniflare: MiniflareModule }>(miniflareFile);
  const miniflare = new Miniflare({ modules, compatibilityDate });
  try {
    const answer = async (): Promise<string> => {
      const response = await miniflare.dispatchFetch('http://localhost/');
      const text = await response.text();
      if (!response.ok) throw new Error(`${name}: ${text}`);
      return text;
    };
    return await within(60, name, answer());
  } finally {
    await miniflare.dispose();
  }
}

const miniflareRow: Runtime = {
  name: 'workerd',
  available: () => missingFile([toolFile(miniflareFile)], fromNpm),
  async run(project) {
    const folder = await makeFolder(project, 'workerd', { 'source.js': worker });
    const output = join(folder, 'output');
    await build({
      entryPoints: { worker: join(folder, 'source.js') },
      outdir: output,
      bundle: true,
      format: 'esm',
      conditions: ['workerd', 'worker', 'browser'],
      loader: { '.wasm': 'copy' },
      logLevel: 'error',
    });
    return runWorker('workerd', output);
  },
};

const wranglerRow: Runtime = {
  name: 'wrangler',
  available: () => missingFile([toolFile(miniflareFile), toolFile(wranglerFile)], fromNpm),
  async run(project) {
    const config = {
      name: 'nearfar-test',
      main: 'worker.js',
      compatibility_date: compatibilityDate,
    };
    const folder = await makeFolder(project, 'wrangler', {
      'worker.js': worker,
      'wrangler.json': JSON.stringify(config),
    });
    const args = [toolFile(wranglerFile), 'deploy', '--dry-run', '--outdir', 'output'];
    const env = {
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_LOG_PATH: join(folder, 'logs'),
      XDG_CONFIG_HOME: folder,
    };
    await execute(process.execPath, args, { folder, env });
    return runWorker('wrangler', join(folder, 'output'));
  },
};

export const workers: Runtime[] = [miniflareRow, wranglerRow];
