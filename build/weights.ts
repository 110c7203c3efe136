/** Weights in src/weights/ as modules of text, which every runtime and every bundler imports. */

import { readFileSync, writeFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';

/** Name of a module in dist/, by the import `#weights/NAME`. */
const MODULES: Readonly<Record<string, string>> = { english: 'english-weights' };

export function writeWeights(dist: string): void {
  for (const [name, module] of Object.entries(MODULES)) {
    const text = readFileSync(`src/weights/${name}.bin`).toString('base64');
    writeFileSync(`${dist}/${module}.js`, `export default "${text}";\n`);
    writeFileSync(
      `${dist}/${module}.d.ts`,
      'declare const base64: string;\nexport default base64;\n',
    );
  }
}

/** Leaves weights in files of their own, which are imported when they are needed. */
export const WEIGHT_FILES: Plugin = {
  name: 'weight-files',
  setup({ onResolve }) {
    onResolve({ filter: /^#weights\// }, ({ path }) => ({
      path: `./${MODULES[path.slice('#weights/'.length)]}.js`,
      external: true,
    }));
  },
};
