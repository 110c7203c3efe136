/**
 * `nearfar demo`: trains small models on real data that comes with the package, prints what was
 * measured, and writes a report in HTML.
 */

import { cpus } from 'node:os';
import { BITS } from '../../index.js';
import { renderFigure, renderReport } from '../../report/index.js';
import type { Block, ReportSection } from '../../report/types.js';
import { InputError, Interrupted } from '../../terminal/errors.js';
import { prepareFolder, writeResults } from '../../terminal/files.js';
import { parseInteger } from '../../terminal/options.js';
import { version } from '../../terminal/package-files.js';
import type { Terminal } from '../../terminal/progress.js';
import { suggestion } from '../../terminal/text.js';
import { readThreads } from '../../terminal/threads.js';
import { setThreads } from '../../threads/index.js';
import { type Command, type Input, JSON_OPTION } from '../command.js';
import { storedRunsTable } from '../demo/pretrained.js';
import type { Section, SectionResult } from '../demo/section.js';
import { runInThreads, runThreadSection, threadSection } from '../demo/section-threads.js';
import { SECTIONS } from '../demo/sections.js';

const REPORT = 'index.html';
const PERCENT = { name: '%', perStep: 1 };
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

/** Sections that are done, in their order, and whether there are more that were interrupted. */
interface Done {
  results: [Section, SectionResult][];
  interrupted: boolean;
}

/** Prints what a section has found. */
function print(terminal: Terminal, { title }: Section, { tables }: SectionResult): void {
  terminal.line(title);
  for (const { head, rows } of tables) terminal.table(head, rows);
}

/** Runs one section after the other, each on all cores. */
async function runInOrder(
  sections: readonly Section[],
  { full, seed, terminal }: { full: boolean; seed: number; terminal: Terminal },
): Promise<Done> {
  const results: Done['results'] = [];
  const parts = ranges(sections);
  for (const [i, section] of sections.entries()) {
    const range = parts[i] as [number, number];
    terminal.part({ number: i + 1, of: sections.length, range });
    try {
      const result = await section.run({ full, seed, terminal });
      results.push([section, result]);
      print(terminal, section, result);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      terminal.close();
      return { results, interrupted: true };
    }
  }
  return { results, interrupted: false };
}

/** Runs several sections at a time, each on a core of its own. */
async function runAtOnce(
  sections: readonly Section[],
  options: { full: boolean; seed: number; threads: number; terminal: Terminal; json: boolean },
  onInterrupt: Input['onInterrupt'],
): Promise<Done> {
  const { terminal, json } = options;
  const stop = new AbortController();
  onInterrupt(() => stop.abort());
  const found = new Map<Section, SectionResult>();
  const results = (): Done['results'] =>
    sections.flatMap((section) => {
      const result = found.get(section);
      return result === undefined ? [] : [[section, result]];
    });
  const fractions = new Map<Section, number>();
  const total = sections.reduce((sum, { duration }) => sum + duration, 0);
  const progress = json ? undefined : terminal.progress('demo', 100, { unit: PERCENT });
  let shown = 0;
  const advance = (section: Section, fraction: number): void => {
    fractions.set(section, Math.max(fractions.get(section) ?? 0, fraction));
    const done = sections.reduce((sum, each) => {
      return sum + each.duration * (fractions.get(each) ?? 0);
    }, 0);
    const percent = Math.round((100 * done) / total);
    if (percent > shown) void progress?.step(percent);
    shown = percent;
  };
  let printed = 0;
  try {
    await runInThreads(sections, {
      ...options,
      signal: stop.signal,
      onEvent: (event, fields) => terminal.event(event, fields),
      onProgress: advance,
      onResult: (section, result) => {
        found.set(section, result);
        advance(section, 1);
        // In the sections' order, whichever is done first.
        for (let next = sections[printed]; next; next = sections[++printed]) {
          const own = found.get(next);
          if (own === undefined) break;
          print(terminal, next, own);
        }
      },
    });
  } catch (error) {
    terminal.close();
    if (!(error instanceof Interrupted)) throw error;
    return { results: results(), interrupted: true };
  }
  progress?.end();
  return { results: results(), interrupted: false };
}

async function run({ positional, options, terminal, onInterrupt }: Input): Promise<void> {
  const own = threadSection();
  const sections = chosen(positional);
  if (own !== undefined) return runThreadSection(sections[0] as Section, own);
  const seed = parseInteger('--seed', options.seed as string, 0, MAX_SEED);
  const full = options.full === true;
  const out = options.out as string;
  prepareFolder('--out', out);
  onInterrupt(() => terminal.stop());
  const started = performance.now();
  const threads = Math.min(readThreads(options.threads), sections.length);
  // The threads of this one have nothing to do.
  if (threads > 1) await setThreads(1);
  const { results, interrupted } =
    threads > 1
      ? await runAtOnce(
          sections,
          { full, seed, threads, terminal, json: options.json === true },
          onInterrupt,
        )
      : await runInOrder(sections, { full, seed, terminal });
  if (results.length === 0) throw new Interrupted('interrupted, nothing was written');
  const figures = results.flatMap(([, { figure }]): [string, string][] =>
    figure === undefined ? [] : [[figure.file, renderFigure(figure.panels, figure.label)]],
  );
  const html = page(results, { seed, full, seconds: (performance.now() - started) / 1000 });
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

/** Marks and words that the page uses, for readers who do not know them. */
const TERMS = [
  ['computed just now', 'by the command that wrote this page, on this machine'],
  [
    'from the stored run',
    'by the longer training that made the weights in the package; `npm run pretrain` repeats it',
  ],
  [
    'held out',
    'data that the network was not trained on; numbers without a further word are of these',
  ],
  [
    'nats',
    'unit of a loss by natural logarithms: a loss of x means that the right answer had a probability of e to the −x',
  ],
  [
    '±',
    'the standard deviation over several draws or seeds; a range a–b is from the least to the most',
  ],
  ['##', 'before a token: it continues the word before it'],
  [
    'probe, k-NN',
    'a linear classifier, or a vote of the nearest neighbors, on embeddings that are not trained further',
  ],
  ['recall@k', 'how often the right answer is among the first k'],
  [
    '95 % interval',
    'where a difference would lie for 95 of 100 draws of the data; with 0 inside, none is shown',
  ],
  ['BM25', 'search by the words that query and document share, rare words counting more'],
  [
    'PCA',
    'the directions in which points vary most (principal components), of which the first two are drawn',
  ],
] as const;

/** Where and how the page was made. */
function about(
  results: readonly [Section, SectionResult][],
  { seed, full, seconds }: { seed: number; full: boolean; seconds: number },
): ReportSection {
  const some = results.length < SECTIONS.length ? results.map(([{ name }]) => name) : [];
  const command = ['npx nearfar demo', ...some, ...(full ? ['--full'] : []), `--seed ${seed}`];
  const sources = [...new Set(results.flatMap(([{ sources }]) => sources))];
  return {
    name: 'about',
    title: 'How this page was made',
    blocks: [
      {
        kind: 'terms',
        terms: [
          [
            'Command',
            `\`${command.join(' ')}\`: the same numbers again, bit for bit but for the times, on any machine`,
          ],
          ['Version', `nearfar ${version()}, BITS ${BITS}, seed ${seed}`],
          ['Machine', machine()],
          ['Time', `${Math.round(seconds)} s`],
          ...(sources.length === 0 ? [] : [['Data', `${sources.join('; ')}`] as const]),
        ],
      },
      { kind: 'table', origin: 'stored', table: storedRunsTable() },
    ],
  };
}

/** Describes the machine: its processor, system and runtime. */
function machine(): string {
  const [processor] = cpus();
  const cores = `${cpus().length} core${cpus().length === 1 ? '' : 's'}`;
  const { deno, bun, node } = process.versions;
  const runtime = deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
  return `${processor?.model.trim() ?? 'unknown processor'}, ${cores}, ${process.platform} ${process.arch}, ${runtime}`;
}

/** Says of each figure and table that it was computed now, unless it says otherwise. */
function withOrigin(block: Block): Block {
  const hasNumbers = block.kind === 'figure' || block.kind === 'table' || block.kind === 'quote';
  return hasNumbers ? { origin: 'now', ...block } : block;
}

function page(
  results: readonly [Section, SectionResult][],
  run: { seed: number; full: boolean; seconds: number },
): string {
  return renderReport({
    title: 'Learning without labels',
    lead:
      'Labels cost work; data alone cost little. Self-supervised learning trains a network on a ' +
      'pretext task, whose answers are in the data: a masked token (masked language modeling, ' +
      'BERT), the next token (causal language modeling, GPT), which two images are views of the same ' +
      'one (contrastive learning, SimCLR), which text goes with which image (CLIP), the masked ' +
      'patches of an image (masked image modeling, MAE). Each section asks what the network has ' +
      'learned that way, compared with simple baselines; the last ones fine-tune for an actual task.',
    sections: [
      {
        name: 'reading',
        title: 'How to read this page',
        blocks: [{ kind: 'terms', terms: TERMS }],
      },
      ...results.map(([{ name, title }, { blocks }]) => ({
        ...{ name, title },
        blocks: blocks.map(withOrigin),
      })),
      about(results, run),
    ],
    footer: `nearfar ${version()}: contrastive and self-supervised learning in WebAssembly.`,
  });
}
