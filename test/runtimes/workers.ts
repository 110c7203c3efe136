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
    modules: { type: 'ESModule' | 'CompiledWasm' | 'Data'; path: string; contents: Uint8Array }[];
    compatibilityDate: string;
  }): {
    readonly ready: Promise<unknown>;
    dispatchFetch(url: string): Promise<{ ok: boolean; text(): Promise<string> }>;
    dispose(): Promise<void>;
  };
}

const miniflareFile = 'miniflare/dist/src/index.js';
const wranglerFile = 'wrangler/wrangler-dist/cli.js';

/** A worker that answers requests. */
export interface RunningWorker {
  /** Asks for a path and gives the text of the answer. */
  get(path: string): Promise<string>;
  /** Number of the process that runs it. */
  pid: number | undefined;
}

/** Kinds of modules besides scripts, by the ends of their names. */
const KINDS = { '.wasm': 'CompiledWasm', '.bin': 'Data' } as const;

/** Numbers of the processes that this one started. */
async function children(): Promise<number[]> {
  const found = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8').catch(() => '');
  return found.trim().split(' ').filter(Boolean).map(Number);
}

/** Runs the worker.js of a folder, which may import the .wasm and .bin files next to it. */
export async function withWorker<T>(
  name: string,
  folder: string,
  body: (worker: RunningWorker) => Promise<T>,
): Promise<T> {
  const modules = [];
  for (const path of ['worker.js', ...(await readdir(folder))]) {
    const kind = Object.entries(KINDS).find(([end]) => path.endsWith(end))?.[1];
    if (kind === undefined && path !== 'worker.js') continue;
    if (path === 'worker.js' && modules.length > 0) continue;
    const type = kind ?? ('ESModule' as const);
    modules.push({ type, path, contents: await readFile(join(folder, path)) });
  }
  const { Miniflare } = await importTool<{ Miniflare: MiniflareModule }>(miniflareFile);
  const before = await children();
  const miniflare = new Miniflare({ modules, compatibilityDate });
  try {
    const get = async (path: string): Promise<string> => {
      const response = await miniflare.dispatchFetch(`http://localhost${path}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`${name}: ${text}`);
      return text;
    };
    const ready = async (): Promise<T> => {
      await miniflare.ready;
      const pid = (await children()).find((each) => !before.includes(each));
      return body({ get, pid });
    };
    return await within(60, name, ready());
  } finally {
    await miniflare.dispose();
  }
}

const runWorker = (name: string, folder: string): Promise<string> =>
  withWorker(name, folder, ({ get }) => get('/'));

/** Bundles a folder's source.js as any bundler for workers does, into its folder `output`. */
export async function bundleWorker(folder: string): Promise<string> {
  const output = join(folder, 'output');
  await build({
    entryPoints: { worker: join(folder, 'source.js') },
    outdir: output,
    bundle: true,
    minify: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    loader: { '.wasm': 'copy' },
    external: ['./*.bin'],
    logLevel: 'error',
  });
  return output;
}

/** Says why a worker cannot run here; undefined if it can. */
export const missingWorker = (): string | undefined =>
  missingFile([toolFile(miniflareFile)], fromNpm);

const miniflareRow: Runtime = {
  name: 'workerd',
  available: missingWorker,
  async run(project) {
    const folder = await makeFolder(project, 'workerd', { 'source.js': worker });
    return runWorker('workerd', await bundleWorker(folder));
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
