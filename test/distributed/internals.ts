/**
 * Parts of nearfar/distributed that no entry exports, bundled for tests as the build bundles them.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { INLINE_KERNELS } from '../../build/inline.js';

/** Bundles a file of this folder and imports it. */
export async function importInternals<Module>(entry: string): Promise<Module> {
  const folder = mkdtempSync(join(tmpdir(), 'nearfar-internals-'));
  const outfile = join(folder, 'internals.mjs');
  try {
    await build({
      entryPoints: [join('test/distributed', entry)],
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      plugins: [INLINE_KERNELS],
      outfile,
      logLevel: 'error',
    });
    return (await import(pathToFileURL(outfile).href)) as Module;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
