/**
 * `nearfar demo`: runs the sections of the demo one after the other, prints what they measured,
 * and writes a report that a class can be shown.
 */

import { renderFigure, renderReport } from '../../report/index.js';
import { InputError } from '../../terminal/errors.js';
import { prepareFolder, writeResult } from '../../terminal/files.js';
import { parseInteger } from '../../terminal/options.js';
import { version } from '../../terminal/package-files.js';
import { type Command, type Input, JSON_OPTION } from '../command.js';
import type { Section, SectionResult } from '../demo/section.js';
import { SECTIONS } from '../demo/sections.js';

const REPORT = 'index.html';
const MAX_SEED = 2 ** 32 - 1;

export const demo: Command = {
  name: 'demo',
  summary: 'run the demo on real data and write an HTML report',
  arguments: [
    {
      notation: '[name...]',
      description: `sections to run: ${names()} (all of them by default)`,
    },
  ],
  options: [
    { flags: '--full', description: 'train longer' },
    {
      flags: '--out <dir>',
      description: 'folder for the report',
      default: 'nearfar-report',
    },
    { flags: '--seed <n>', description: 'another seed gives other random numbers', default: '1' },
    JSON_OPTION,
  ],
  run,
};

function names(): string {
  return SECTIONS.map(({ name }) => name).join(', ');
}

/** The sections that were asked for, in the demo's order. */
function chosen(positional: readonly string[]): readonly Section[] {
  for (const wanted of positional) {
    if (SECTIONS.every(({ name }) => name !== wanted)) {
      throw new InputError(`unknown section ${JSON.stringify(wanted)}, expected one of ${names()}`);
    }
  }
  if (positional.length === 0) return SECTIONS;
  return SECTIONS.filter(({ name }) => positional.includes(name));
}

async function run({ positional, options, terminal }: Input): Promise<void> {
  const sections = chosen(positional);
  const seed = parseInteger('--seed', options.seed as string, 0, MAX_SEED);
  const full = options.full === true;
  const out = options.out as string;
  prepareFolder('--out', out);
  const results: [Section, SectionResult][] = [];
  for (const [i, section] of sections.entries()) {
    terminal.part(i + 1, sections.length);
    const result = await section.run({ full, seed, terminal });
    results.push([section, result]);
    terminal.line(section.title);
    for (const { head, rows } of result.tables) terminal.table(head, rows);
  }
  for (const [, { figure }] of results) {
    if (figure !== undefined) {
      writeResult(out, figure.file, renderFigure(figure.panels, figure.label));
    }
  }
  const report = writeResult(out, REPORT, page(results, seed, full));
  terminal.line(`report: ${report}`);
  terminal.event('done', {
    ...Object.fromEntries(results.map(([{ name }, { metrics }]) => [name, metrics])),
    report,
  });
}

function page(results: readonly [Section, SectionResult][], seed: number, full: boolean): string {
  const some = results.length < SECTIONS.length ? results.map(([{ name }]) => name) : [];
  const command = ['npx nearfar demo', ...some, ...(full ? ['--full'] : []), `--seed ${seed}`];
  return renderReport({
    title: 'Learning without labels',
    lead:
      'A label costs somebody’s time; the data themselves cost nothing. So a network is first set ' +
      'a task whose answers are in the data: a word that was covered, the word that comes next, ' +
      'which two pictures are views of one. What it learns on the way needs few labels later.',
    sections: results.map(([{ name, title }, { blocks }]) => ({ name, title, blocks })),
    footer:
      `nearfar ${version()}, seed ${seed}. \`${command.join(' ')}\` measures the same numbers again, ` +
      'to the last bit (times aside), on any machine.',
  });
}
