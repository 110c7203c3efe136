/**
 * `nearfar demo`: trains small models on real data that comes with the package, prints what was
 * measured, and writes a report in HTML.
 */

import { renderFigure, renderReport } from '../../report/index.js';
import { InputError, Interrupted } from '../../terminal/errors.js';
import { prepareFolder, writeResults } from '../../terminal/files.js';
import { parseInteger } from '../../terminal/options.js';
import { version } from '../../terminal/package-files.js';
import { suggestion } from '../../terminal/text.js';
import { type Command, type Input, JSON_OPTION } from '../command.js';
import type { Section, SectionResult } from '../demo/section.js';
import { SECTIONS } from '../demo/sections.js';

const REPORT = 'index.html';
const MAX_SEED = 2 ** 32 - 1;
const NAMES = SECTIONS.map(({ name }) => name);

/** Trains small models and writes a report. */
export const demo: Command = {
  name: 'demo',
  summary: 'train small models on real data and write an HTML report',
  arguments: [
    {
      notation: '[name...]',
      description: `sections to run: ${NAMES.join(', ')} (all of them by default)`,
    },
  ],
  options: [
    { flags: '--full', description: 'train longer' },
    {
      flags: '--out <dir>',
      description: 'folder for the report',
      default: 'nearfar-report',
    },
    { flags: '--seed <n>', description: 'seed of all random numbers', default: '1' },
    JSON_OPTION,
  ],
  examples: ['nearfar demo experiment', 'nearfar demo simclr clip --out report'],
  run,
};

/** Returns the sections that were asked for, in the demo's order. */
function chosen(positional: readonly string[]): readonly Section[] {
  for (const wanted of positional) {
    if (NAMES.includes(wanted)) continue;
    const hint = suggestion(wanted, NAMES);
    throw new InputError(
      `unknown section ${JSON.stringify(wanted)}, expected one of ${NAMES.join(', ')}${hint}`,
    );
  }
  if (positional.length === 0) return SECTIONS;
  return SECTIONS.filter(({ name }) => positional.includes(name));
}

/** Begin and end of each section, as fractions of the time that all take together. */
function ranges(sections: readonly Section[]): [number, number][] {
  const total = sections.reduce((sum, { duration }) => sum + duration, 0);
  let before = 0;
  return sections.map(({ duration }) => {
    const begin = before / total;
    before += duration;
    return [begin, before / total];
  });
}

async function run({ positional, options, terminal, onInterrupt }: Input): Promise<void> {
  const sections = chosen(positional);
  const seed = parseInteger('--seed', options.seed as string, 0, MAX_SEED);
  const full = options.full === true;
  const out = options.out as string;
  prepareFolder('--out', out);
  onInterrupt(() => terminal.stop());
  const results: [Section, SectionResult][] = [];
  const parts = ranges(sections);
  let interrupted = false;
  for (const [i, section] of sections.entries()) {
    const range = parts[i] as [number, number];
    terminal.part({ number: i + 1, of: sections.length, range });
    try {
      const result = await section.run({ full, seed, terminal });
      results.push([section, result]);
      terminal.line(section.title);
      for (const { head, rows } of result.tables) terminal.table(head, rows);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      terminal.close();
      interrupted = true;
      break;
    }
  }
  if (results.length === 0) throw new Interrupted('interrupted, nothing was written');
  const figures = results.flatMap(([, { figure }]): [string, string][] =>
    figure === undefined ? [] : [[figure.file, renderFigure(figure.panels, figure.label)]],
  );
  const html = page(results, seed, full);
  const files: Record<string, string> & { [REPORT]: string } = {
    ...Object.fromEntries(figures),
    [REPORT]: html,
  };
  const report = writeResults(out, files)[REPORT];
  if (interrupted) {
    const names = results.map(([{ name }]) => name).join(', ');
    throw new Interrupted(`interrupted; the report of what was done (${names}): ${report}`);
  }
  terminal.line(`report: ${report}`);
  terminal.event('done', {
    ...Object.fromEntries(results.map(([{ name }, { metrics }]) => [name, metrics])),
    report,
  });
}

function page(results: readonly [Section, SectionResult][], seed: number, full: boolean): string {
  const some = results.length < SECTIONS.length ? results.map(([{ name }]) => name) : [];
  const command = ['npx nearfar demo', ...some, ...(full ? ['--full'] : []), `--seed ${seed}`];
  const sources = [...new Set(results.flatMap(([{ sources }]) => sources))];
  const data = sources.length === 0 ? '' : ` Data: ${sources.join('; ')}.`;
  return renderReport({
    title: 'Learning without labels',
    lead:
      'Labels cost work; data alone cost little. Self-supervised learning trains a network on a ' +
      'task whose answers are in the data: a masked word, the next word, which two images are ' +
      'views of the same one. The question of each section is what the network has learned that ' +
      'way, compared with simple baselines and with the same network before training.',
    sections: results.map(([{ name, title }, { blocks }]) => ({ name, title, blocks })),
    footer:
      `nearfar ${version()}, seed ${seed}. \`${command.join(' ')}\` computes the same numbers ` +
      `again, bit for bit (but for the times), on any machine.${data}`,
  });
}
