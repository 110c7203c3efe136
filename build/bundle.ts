/**
 * The bundles: the library with the kernels inlined, the same with them as module files for
 * workerd, the command line for Node with its libraries in it, and the page of benchmarks.
 */

import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { INLINE_KERNELS } from './inline.js';
import { sharedParameters } from './kernels.js';
import { MODULES } from './modules.js';
import { WEIGHT_FILES } from './weights.js';

/** Columns of a line: who does not catch an error sees the line that threw it, and no more. */
const LINE = 160;

/** Entry points of the library. One call of esbuild with splitting: one memory for all of them. */
const ENTRIES = {
  index: 'src/index.ts',
  nn: 'src/nn/index.ts',
  models: 'src/models/index.ts',
  adapt: 'src/adapt/index.ts',
  english: 'src/english.ts',
  threads: 'src/threads/index.ts',
  distributed: 'src/distributed/index.ts',
};

/**
 * AssemblyScript's loader makes a decoder of strings when it is imported, which not every host has.
 * No kernel has strings, and the loader decodes them without one if it must.
 */
const NO_DECODER: Plugin = {
  name: 'no-decoder',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]@assemblyscript[/\\]loader[/\\]index\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace(/new TextDecoder\([^)]*\)/, 'undefined');
      if (contents === source) throw new Error('the loader has no TextDecoder: remove this plugin');
      return { contents, loader: 'js' };
    });
  },
};

/**
 * For workers, which refuse to compile bytes: kernels are imported from files next to the bundle,
 * by a script for each. Bundlers keep an import of a .wasm file whose kernels nothing calls, and
 * the file with it; an import of a script without side effects they drop.
 */
const MODULE_FILES: Plugin = {
  name: 'module-files',
  setup({ onResolve }) {
    onResolve({ filter: /^#wasm\// }, ({ path }) => {
      const file = MODULES.find(({ name }) => path === `#wasm/${name}`)?.file;
      return { path: `./${file}.workerd.js`, external: true };
    });
  },
};

/** Writes the scripts that import the kernels' files. */
function writeModuleFiles(dist: string): void {
  for (const { file } of MODULES) {
    writeFileSync(`${dist}/${file}.workerd.js`, `export { default } from './${file}.wasm';\n`);
  }
}

/**
 * Code that the other entries share with `index` goes into one file instead of one for each set of
 * entries that share it: every further file costs a millisecond of a program's start.
 */
const ONE_CORE: Plugin = {
  name: 'one-core',
  setup({ onLoad }) {
    const entry = /[/\\]src[/\\](english|(nn|models|adapt|threads|distributed)[/\\]index)\.ts$/;
    onLoad({ filter: entry }, async ({ path }) => ({
      contents: `import '${path.endsWith('english.ts') ? '.' : '..'}/index.js';${await readFile(path, 'utf8')}`,
      loader: 'ts',
    }));
  },
};

const LIBRARY: BuildOptions = {
  entryPoints: ENTRIES,
  plugins: [ONE_CORE, NO_DECODER, WEIGHT_FILES],
  lineLimit: LINE,
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

/** Constants of src/threads, as expressions: the script of workers, and the parameters of kernels. */
async function threadConstants(dist: string): Promise<Record<string, string>> {
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
  return {
    WORKER_SCRIPT: JSON.stringify(outputFiles[0]?.text),
    KERNEL_PARAMETERS: JSON.stringify(sharedParameters(dist)),
  };
}

/** Files that went into a bundle, as paths from the root. */
async function bundle(options: BuildOptions): Promise<string[]> {
  const { metafile } = await build(options);
  return Object.keys(metafile?.inputs ?? {});
}

export async function bundleLibrary(dist: string): Promise<string[]> {
  const define = await threadConstants(dist);
  const inlined = await bundle({
    ...LIBRARY,
    define,
    outdir: dist,
    chunkNames: 'shared.[hash]',
    plugins: [...(LIBRARY.plugins ?? []), INLINE_KERNELS],
  });
  writeModuleFiles(dist);
  const modules = await bundle({
    ...LIBRARY,
    define,
    outdir: dist,
    entryNames: '[name].workerd',
    chunkNames: 'shared.workerd.[hash]',
    plugins: [...(LIBRARY.plugins ?? []), MODULE_FILES],
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
    alias: { linkedom: './bench/page/document.ts' },
    plugins: [INLINE_KERNELS],
    loader: { '.wasm': 'base64' },
    define: await threadConstants(dist),
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
    lineLimit: LINE,
    plugins: [NO_DECODER, WEIGHT_FILES, INLINE_KERNELS],
    loader: { '.wasm': 'base64', '.py': 'text' },
    define: await threadConstants(dist),
    // Bundled CommonJS asks for Node's own modules by require.
    banner: {
      js: [
        '#!/usr/bin/env node',
        "import { createRequire as __createRequire } from 'node:module';",
        'const require = __createRequire(import.meta.url);',
      ].join('\n'),
    },
    // An optional native add-on of linkedom's, which falls back without it.
    // What few users need is imported when they ask for it.
    external: ['canvas', '@nats-io/*'],
    logLevel: 'warning',
    metafile: true,
  });
  return [...page, ...program];
}
