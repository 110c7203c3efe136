/** Loads a part of the command line that is bundled away in dist/, on the built library. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { INLINE_KERNELS } from '../../build/inline.js';

export async function load<T>(source: string): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'nearfar-part-'));
  const outfile = join(folder, 'part.mjs');
  const library = pathToFileURL(resolve('dist/index.js')).href;
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // What does not go through the library has kernels of its own.
    loader: { '.wasm': 'base64' },
    plugins: [
      INLINE_KERNELS,
      {
        name: 'built library',
        setup(esbuild) {
          const path = { path: library, external: true };
          esbuild.onResolve({ filter: /^\.\.\/\.\.\/index\.js$/ }, () => path);
        },
      },
    ],
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
