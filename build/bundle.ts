/**
 * The bundles: the library with the kernels inlined, the same with them as module files for
 * workerd, the command line for Node with its libraries in it, and the page of benchmarks.
 */

import { readFile } from 'node:fs/promises';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** Entry points of the library. One call of esbuild with splitting: one memory for all of them. */
const ENTRIES = {
  index: 'src/index.ts',
  nn: 'src/nn/index.ts',
  models: 'src/models/index.ts',
  threads: 'src/threads/index.ts',
};

/** Where the kernels come from: bytes inlined, or module files beside the bundle. */
export const INLINED = {
  '#wasm': './src/core/wasm.ts',
  '#wasm-analysis': './src/core/wasm.analysis.ts',
  '#wasm-nn': './src/core/wasm.nn.ts',
};
const MODULES = {
  '#wasm': './src/core/wasm.workerd.ts',
  '#wasm-analysis': './src/core/wasm.analysis.workerd.ts',
  '#wasm-nn': './src/core/wasm.nn.workerd.ts',
};

/**
 * What the other entries share with `index` goes into one file instead of one for each set of
 * entries that share it: every further file costs a millisecond of a program's start.
 */
const ONE_CORE: Plugin = {
  name: 'one-core',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]src[/\\](nn|models|threads)[/\\]index\.ts$/ }, async ({ path }) => ({
      contents: `import '../index.js';${await readFile(path, 'utf8')}`,
      loader: 'ts',
    }));
  },
};

const LIBRARY: BuildOptions = {
  entryPoints: ENTRIES,
  plugins: [ONE_CORE],
  bundle: true,
  minify: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  logLevel: 'warning',
  // The import above runs nothing, and is not meant to.
  logOverride: { 'ignored-bare-import': 'silent' },
  metafile: true,
};

/** The script that workers are started from, as an expression to be put into a bundle. */
async function workerScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['src/threads/worker.ts'],
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'neutral',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
  });
  return JSON.stringify(outputFiles[0]?.text);
}

/** Files that went into a bundle, as paths from the root. */
async function bundle(options: BuildOptions): Promise<string[]> {
  const { metafile } = await build(options);
  return Object.keys(metafile?.inputs ?? {});
}

export async function bundleLibrary(dist: string): Promise<string[]> {
  const define = { WORKER_SCRIPT: await workerScript() };
  const inlined = await bundle({
    ...LIBRARY,
    define,
    outdir: dist,
    chunkNames: 'shared.[hash]',
    alias: INLINED,
    loader: { '.wasm': 'base64' },
  });
  const modules = await bundle({
    ...LIBRARY,
    define,
    outdir: dist,
    entryNames: '[name].workerd',
    chunkNames: 'shared.workerd.[hash]',
    alias: MODULES,
    external: ['./nearfar.wasm', './nearfar-analysis.wasm', './nearfar-nn.wasm'],
  });
  return [...inlined, ...modules];
}

/** The benchmark as it runs in the page that `nearfar bench` writes: one script, put into it. */
async function bundleBenchPage(dist: string): Promise<string[]> {
  return bundle({
    entryPoints: { 'bench-page': 'bench/page/main.ts' },
    outdir: dist,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    alias: { ...INLINED, linkedom: './bench/page/document.ts' },
    loader: { '.wasm': 'base64' },
    define: { WORKER_SCRIPT: await workerScript() },
    logLevel: 'warning',
    metafile: true,
  });
}

export async function bundleCommandLine(dist: string): Promise<string[]> {
  const page = await bundleBenchPage(dist);
  const program = await bundle({
    entryPoints: { cli: 'src/cli/index.ts' },
    outdir: dist,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    alias: INLINED,
    loader: { '.wasm': 'base64', '.py': 'text' },
    define: { WORKER_SCRIPT: await workerScript() },
    // Bundled CommonJS asks for Node's own modules by require.
    banner: {
      js: [
        '#!/usr/bin/env node',
        "import { createRequire as __createRequire } from 'node:module';",
        'const require = __createRequire(import.meta.url);',
      ].join('\n'),
    },
    // An optional native add-on of linkedom's, which falls back without it.
    external: ['canvas'],
    logLevel: 'warning',
    metafile: true,
  });
  return [...page, ...program];
}
