/** The demo's section on sentence encoders: a search that learns from pairs of texts. */

import { evaluateRankings } from '../../index.js';
import type { LinePanel, Table } from '../../report/types.js';
import { type Gain, gainOf, outcomeOf, type Score } from '../models/sentence-evaluation.js';
import { rankingTable, scatterOf } from '../output/sentence-report.js';
import { count, fixed, steps, thinned } from './numbers.js';
import { loadPairs, PROGRAM } from './pairs.js';
import type { Section, SectionContext, SectionResult } from './section.js';
import { DRAWN, type Measured, type SearchStudy, studySearch } from './sentences.js';

/** The section. */
export const sentences: Section = {
  name: 'sentences',
  title: 'Sentence encoders: a search that learns from pairs',
  duration: 10,
  sources: [
    'operations of GitHub’s API (MIT)',
    'messages of TypeScript’s compiler by Microsoft (Apache-2.0)',
  ],
  run,
};

/** Numbers of pairs to train on, before all of them. */
const FEW = [100, 300];
const FULL_FEW = [50, 100, 200, 400];
/** Steps on messages in two languages. */
const STEPS = 150;
const FULL_STEPS = 600;
/** Rows of the table of queries. */
const EXAMPLES = 12;
/** Names of the two sides, for tables and charts. */
const AS_IT_IS = 'English encoder';
const TUNED = 'trained on pairs';

async function run(context: SectionContext): Promise<SectionResult> {
  const { full, terminal } = context;
  const operations = loadPairs('github');
  const { length: all } = operations.training;
  const github = await studySearch(
    operations,
    { name: 'sentences', counts: [...(full ? FULL_FEW : FEW), all], range: [0, 0.6] },
    context,
  );
  const messages = loadPairs('typescript');
  const languages = await studySearch(
    messages,
    {
      ...{ name: 'French and German', range: [0.6, 1], steps: full ? FULL_STEPS : STEPS },
      counts: [messages.training.length],
    },
    context,
  );
  const metrics = {
    ...metricsOf(github, ''),
    ...metricsOf(languages, 'languages'),
    fewestPairsMrrAt10: github.curve[0]?.alone.value as number,
  };
  terminal.event('eval', { section: 'sentences', step: github.losses.length, ...metrics });
  const { evaluation, before, after } = github;
  if (evaluation.task.kind !== 'search') throw new Error('a search was expected');
  const { queries, documents } = evaluation.task;
  const examples = rankingTable(evaluation.task, before.rankings, after.rankings, EXAMPLES);
  const githubTable = scoresTable(
    github,
    `${count(queries.length)} held-out queries over ${count(documents.length)} documents.`,
  );
  const languagesTable = scoresTable(
    languages,
    `${count(languages.after.alone.perQuery?.length ?? 0)} held-out French messages over all German ones.`,
  );
  return {
    metrics,
    tables: [githubTable, languagesTable],
    blocks: [
      {
        kind: 'text',
        text:
          'A sentence encoder turns a text into a row of numbers, and a search ranks documents by ' +
          'the cosine of their rows with the query’s. Pairs of texts that belong together teach it ' +
          'what is near on your data: by InfoNCE, each query has to find its document among those of ' +
          'the batch. Here the encoder in the package (English, a row per token) is trained on ' +
          `${count(all)} pairs: the summary of an operation of GitHub’s API, and what its ` +
          `documentation says. The queries are the summaries of ${count(operations.heldOut.length)} ` +
          `operations of ${operations.groups} other parts of the API, of which no text was trained on.`,
      },
      { kind: 'table', table: githubTable },
      { kind: 'text', text: verdict(github) },
      {
        kind: 'figure',
        panels: [curvePanel(github), lossPanel(github)],
        caption: curveVerdict(github),
      },
      ...(examples === undefined ? [] : [{ kind: 'table' as const, table: examples }]),
      {
        kind: 'code',
        text: PROGRAM,
        caption:
          'The program. `pairs` is an array of [query, document]; `saveSentenceEncoder` writes the ' +
          'encoder to a folder, which `nearfar search` and sentence-transformers open.',
      },
      { kind: 'heading', text: 'Two languages' },
      {
        kind: 'text',
        text:
          `The same on ${count(messages.training.length)} messages of TypeScript’s compiler in French, ` +
          'each paired with the German one; the queries are French messages that were not trained on. ' +
          languagesVerdict(languages),
      },
      {
        kind: 'figure',
        panels: [
          languagesPanel('Before training', languages.before),
          languagesPanel('After training', languages.after),
        ],
        caption:
          `${DRAWN} held-out messages in both languages, each panel in the plane of its own two ` +
          'principal components.',
      },
      { kind: 'table', table: languagesTable },
    ],
  };
}

function metricsOf(study: SearchStudy, prefix: string): Record<string, number> {
  const { words, before, after } = study;
  const name = (metric: string): string =>
    prefix === '' ? metric : `${prefix}${metric.charAt(0).toUpperCase()}${metric.slice(1)}`;
  const gain = gainOf(strongest(study).score, after.alone);
  return {
    [name('mrrAt10')]: after.alone.value,
    [name('untrainedMrrAt10')]: before.alone.value,
    [name('bm25MrrAt10')]: words.value,
    [name('hybridMrrAt10')]: after.withWords.value,
    [name('recallAt10')]: recallOf(study, after.rankings.encoder),
    [name('gain')]: gain.difference,
    [name('gainLow')]: gain.interval[0],
  };
}

/** The better one of what there is without training. */
function strongest({ words, before }: SearchStudy): { name: string; score: Score } {
  const baselines = [
    { name: 'BM25', score: words },
    { name: 'the English encoder as it is', score: before.alone },
    { name: 'the English encoder with BM25', score: before.withWords },
  ];
  return baselines.reduce((a, b) => (b.score.value > a.score.value ? b : a));
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${fixed(Math.abs(value))}`;
/** Fraction of the right documents among the first ten. */
function recallOf({ evaluation: { task } }: SearchStudy, rankings: readonly Int32Array[]): number {
  if (task.kind !== 'search') return Number.NaN;
  return evaluateRankings(rankings, task.relevant, { ks: [10] }).recall[10] as number;
}

const interval = ({ interval: [low, high] }: Gain): string => `${signed(low)} to ${signed(high)}`;

const differenceOf = (gain: Gain): string[] => [signed(gain.difference), interval(gain)];

function scoresTable(study: SearchStudy, caption: string): Table {
  const { words, before, after } = study;
  const row = (name: string, score: Score, rankings: readonly Int32Array[]): string[] => [
    name,
    fixed(score.value),
    fixed(recallOf(study, rankings)),
    ...(score === after.alone ? ['', ''] : differenceOf(gainOf(score, after.alone))),
  ];
  return {
    head: ['', 'MRR@10', 'recall@10', 'difference', '95 % interval'],
    rows: [
      row('BM25', words, before.rankings.words),
      row(AS_IT_IS, before.alone, before.rankings.encoder),
      row(`${AS_IT_IS}, with BM25`, before.withWords, before.rankings.both),
      row(TUNED, after.alone, after.rankings.encoder),
      row(`${TUNED}, with BM25`, after.withWords, after.rankings.both),
    ],
    caption:
      `${caption} MRR@10 is the mean of 1/rank of the first right document, 0 past rank 10. Difference: ` +
      `how much more of it “${TUNED}” has than the row; its interval is of a paired bootstrap over the queries.`,
  };
}

/** Says whether training helps, by the numbers of the run. */
function verdict(study: SearchStudy): string {
  const { after } = study;
  const { name, score } = strongest(study);
  const gain = gainOf(score, after.alone);
  const range = `${signed(gain.difference)} MRR@10 (${interval(gain)})`;
  const shown = outcomeOf(gain, 'training on pairs');
  const outcome =
    `${shown.charAt(0).toUpperCase()}${shown.slice(1)}: ${range} against the best without ` +
    `it, ${name}.`;
  const hybrid = gainOf(after.alone, after.withWords);
  const together =
    hybrid.interval[0] > 0
      ? `Together with BM25 it finds more than alone (${signed(hybrid.difference)}).`
      : hybrid.interval[1] < 0
        ? `Together with BM25 it finds less than alone (${signed(hybrid.difference)}): a hybrid is for what pairs have not taught.`
        : `Together with BM25 it finds about as much as alone (${signed(hybrid.difference)}).`;
  return `${outcome} ${together}`;
}

function curveVerdict(study: SearchStudy): string {
  const { curve, words } = study;
  const enough = curve.find(({ alone }) => gainOf(words, alone).verdict === 'helps');
  const found =
    enough === undefined
      ? 'No number of pairs tried is enough to beat BM25'
      : `${count(enough.pairs)} pairs are enough to beat BM25`;
  return (
    `First panel: MRR@10 of held-out queries by the number of pairs trained on. ${found} ` +
    '(the 95 % interval of the difference is above 0). Second panel: InfoNCE at temperature 0.05 on ' +
    'all pairs, over the first 256, 128, 64 and 32 columns as well (Matryoshka), so that rows can be cut there.'
  );
}

function languagesVerdict(study: SearchStudy): string {
  const { words, before, after } = study;
  const best = Math.max(words.value, before.alone.value);
  const range = `MRR@10 ${fixed(words.value)} by BM25, which needs words that both share, ${fixed(before.alone.value)} by the encoder as it is`;
  return after.alone.value > best
    ? `The English encoder learns both from the pairs alone: ${range}, ${fixed(after.alone.value)} after training.`
    : `The pairs do not teach it the languages in this run: ${range}, ${fixed(after.alone.value)} after training.`;
}

function curvePanel({ curve, words, before }: SearchStudy): LinePanel {
  return {
    kind: 'lines',
    title: 'How many pairs it takes',
    x: 'pairs trained on',
    y: 'MRR@10',
    series: [
      {
        name: TUNED,
        color: 0,
        points: [
          [0, before.alone.value],
          ...curve.map(({ pairs, alone }) => [pairs, alone.value] as const),
        ],
      },
      {
        name: 'with BM25',
        color: 1,
        points: [
          [0, before.withWords.value],
          ...curve.map(({ pairs, withWords }) => [pairs, withWords.value] as const),
        ],
      },
    ],
    reference: { y: words.value, label: 'BM25 alone' },
    points: true,
  };
}

function lossPanel({ losses }: SearchStudy): LinePanel {
  return {
    kind: 'lines',
    title: 'Loss of the batch',
    x: 'step',
    y: 'loss, nats',
    series: [
      { name: 'batch', color: 0, points: steps(losses), faint: true },
      { name: 'loss', color: 0, points: thinned(losses, 40) },
    ],
  };
}

function languagesPanel(title: string, { rows }: Measured) {
  const groups = Array.from({ length: rows.rows }, (_, i) => (i < rows.rows / 2 ? 0 : 1));
  return scatterOf(title, rows, groups, ['French', 'German']);
}
