/**
 * Draws the figures of README and documentation that are the program's own, from what its demo
 * computes and from the records of the stored runs; numbers are rounded so that a test can compare
 * them.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { INLINE_KERNELS } from '../../build/inline.js';
import type { PretrainingRecord } from '../../build/pretrain/recipe.js';
import type { LinePanel } from '../../src/report/types.js';

const FOLDER = 'src/docs/public';
/** Names of the figures. */
export const FIGURES = ['experiment.svg', 'losses.svg', 'pretraining.svg'] as const;
type Figure = (typeof FIGURES)[number];

const PROGRAM = `
import { experiment } from './src/cli/demo/experiment-section.js';
import { renderFigure } from './src/report/index.js';
import { Terminal } from './src/terminal/progress.js';

export async function draw(stored) {
  const terminal = new Terminal(false);
  const { blocks } = await experiment.run({ full: false, seed: 1, terminal });
  const figures = blocks.filter(({ kind }) => kind === 'figure').map(({ panels }) => panels);
  const spaces = figures.find(([first]) => first.title === 'Start');
  const losses = figures[figures.indexOf(spaces) - 1];
  return {
    'experiment.svg': renderFigure(
      [spaces[0], spaces.at(-1)],
      '24 points of three classes, before and after training',
    ),
    'losses.svg': renderFigure(losses, 'Triplet loss and NT-Xent of 24 points, by step'),
    'pretraining.svg': renderFigure(stored, 'What BERT, GPT, CLIP and MAE do with held-out data, by step'),
  };
}
`;

/**
 * Draws the metric of a stored run on held-out data, by step.
 *
 * @param first the first point: one before training may be so high that it hides all others
 */
function storedPanel(
  name: string,
  panel: Pick<LinePanel, 'title' | 'y' | 'percent' | 'reference'>,
  first = 0,
): LinePanel {
  const record: PretrainingRecord = JSON.parse(
    readFileSync(`src/weights/${name}/pretraining.json`, 'utf8'),
  );
  const series = [{ name: 'held out', color: 1, points: record.validation.slice(first) }];
  return { kind: 'lines', x: 'step', points: true, series, ...panel };
}

/** Draws the figures from the sources; a bundler inlines the kernels. */
export async function drawFigures(): Promise<Record<Figure, string>> {
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
    const drawn: Record<Figure, string> = await draw([
      storedPanel('bert', { title: 'BERT: masked tokens of mails', y: 'accuracy', percent: true }),
      storedPanel('gpt', { title: 'GPT: next character', y: 'nats per character' }),
      storedPanel('clip', { title: 'CLIP: names of emoji', y: 'recall@1', percent: true }),
      storedPanel('mae', { title: 'MAE: masked patches', y: 'mean squared error' }, 1),
    ]);
    for (const name of FIGURES) {
      // A tenth of a unit is finer than a screen, and coarser than what another sum's order changes.
      drawn[name] = drawn[name].replace(/\d+\.\d+/g, (number) =>
        String(Number(Number(number).toFixed(1))),
      );
    }
    return drawn;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads a figure in the repository. */
export function storedFigure(name: Figure): string {
  return readFileSync(join(FOLDER, name), 'utf8');
}

/** Writes a figure into the repository. */
export function writeFigure(name: Figure, svg: string): void {
  writeFileSync(join(FOLDER, name), svg);
}
