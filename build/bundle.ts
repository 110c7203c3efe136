/**
 * The bundles: the library with the kernels inlined, the same with them as a module file for
 * workerd, and the command line for Node with its libraries in it.
 */

import { type BuildOptions, build } from 'esbuild';

const LIBRARY: BuildOptions = {
  entryPoints: { index: 'src/index.ts' },
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  // Also keeps the decoding of inlined bytes to what Node 20 has.
  target: 'es2022',
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  logLevel: 'warning',
  metafile: true,
};

/** Files that went into a bundle, as paths from the root. */
async function bundle(options: BuildOptions): Promise<string[]> {
  const { metafile } = await build(options);
  return Object.keys(metafile?.inputs ?? {});
}

export async function bundleLibrary(dist: string): Promise<string[]> {
  const inlined = await bundle({
    ...LIBRARY,
    outdir: dist,
    alias: { '#wasm': './src/wasm.ts' },
    loader: { '.wasm': 'binary' },
  });
  const module = await bundle({
    ...LIBRARY,
    outdir: dist,
    entryNames: '[name].workerd',
    alias: { '#wasm': './src/wasm.workerd.ts' },
    external: ['./nearfar.wasm'],
  });
  return [...inlined, ...module];
}

export async function bundleCommandLine(dist: string): Promise<string[]> {
  return bundle({
    entryPoints: { cli: 'src/cli/index.ts' },
    outdir: dist,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    alias: { '#wasm': './src/wasm.ts' },
    loader: { '.wasm': 'binary' },
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
}
