/** Puts the kernels into a bundle as text, in hexadecimal. */

import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * Compression finds what repeats in WebAssembly in two digits a byte, but not in base64, whose four
 * letters begin anywhere in an instruction: gzipped, it is a fifth smaller.
 */
export const INLINE_KERNELS: Plugin = {
  name: 'inline-kernels',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]nearfar(-\w+)?\.wasm$/ }, async ({ path }) => ({
      contents: await readFile(path, 'hex'),
      loader: 'text',
    }));
  },
};
