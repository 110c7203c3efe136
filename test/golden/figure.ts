/**
 * Draws the README's figure: the 24 points of the demo's experiment before and after training, two
 * panels of the report that `nearfar demo` writes, rounded so that a test can compare them.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { INLINE_KERNELS } from '../../build/inline.js';

const FILE = 'src/docs/public/experiment.svg';

const PROGRAM = `
import { experiment } from './src/cli/demo/experiment-section.js';
import { renderFigure } from './src/report/index.js';
import { Terminal } from './src/terminal/progress.js';

export async function draw(label) {
  const terminal = new Terminal(false);
  const { blocks } = await experiment.run({ full: false, seed: 1, terminal });
  const figures = blocks.filter(({ kind }) => kind === 'figure').map(({ panels }) => panels);
  const panels = figures.find(([first]) => first.title === 'Start');
  return renderFigure([panels[0], panels.at(-1)], label);
}
`;

/** Draws the figure from the sources; a bundler inlines the kernels. */
export async function drawFigure(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nearfar-figure-'));
  const outfile = join(folder, 'draw.mjs');
  try {
    await build({
      stdin: { contents: PROGRAM, resolveDir: '.', loader: 'js' },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      plugins: [INLINE_KERNELS],
      loader: { '.wasm': 'base64' },
      external: ['canvas'],
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      logLevel: 'error',
    });
    const { draw } = await import(pathToFileURL(outfile).href);
    const svg: string = await draw('24 points of three classes, before and after training');
    // A tenth of a unit is finer than a screen, and coarser than what another sum's order changes.
    return svg.replace(/\d+\.\d+/g, (number) => String(Number(Number(number).toFixed(1))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads the figure in the repository. */
export function storedFigure(): string {
  return readFileSync(FILE, 'utf8');
}

/** Writes the figure into the repository. */
export function writeFigure(svg: string): void {
  writeFileSync(FILE, svg);
}
