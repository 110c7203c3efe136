/**
 * Weights in src/weights/: the English encoder as a module of text, which every runtime and every
 * bundler imports, and the pre-trained models as folders, which the command line and Python open.
 */

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';

/** Name of a module in dist/, by the import `#weights/NAME`. */
const MODULES: Readonly<Record<string, string>> = { english: 'english-weights' };

/** Folders of pre-trained models, which `npm run pretrain` makes. */
const FOLDERS = ['bert', 'gpt', 'clip', 'mae'];

const DATA = `Pre-trained models of nearfar (MIT), made by "npm run pretrain" of its repository.

bert   from mails of SpamAssassin's public corpus (CC0 1.0), see ../samples/mails/LICENSE.txt
gpt    from Moby-Dick by Herman Melville (public domain), see ../samples/moby-dick/LICENSE.txt
clip   from the emoji of Noto by Google (Apache-2.0, https://github.com/googlefonts/noto-emoji), Twemoji by
       Twitter and others (CC BY 4.0, https://github.com/jdecked/twemoji) and OpenMoji by the OpenMoji project,
       HfG Schwäbisch Gmünd (CC BY-SA 4.0, https://openmoji.org), rendered to 32 x 32 pixels, and the keywords
       of emojilib (MIT). No drawing is in the weights.
mae    from digits of MNIST by LeCun, Cortes and Burges (CC BY-SA 3.0), see ../samples/digits/LICENSE.txt
`;

export function writeWeights(dist: string): void {
  mkdirSync(`${dist}/weights`, { recursive: true });
  writeFileSync(`${dist}/weights/DATA.txt`, DATA);
  for (const name of [...FOLDERS, 'runs.json']) {
    const from = `src/weights/${name}`;
    if (existsSync(from)) cpSync(from, `${dist}/weights/${name}`, { recursive: true });
  }
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
