/** The page that a training of a sentence encoder leaves: scores, curves, examples, a scatter. */

import { type Matrix, pca } from '../../index.js';
import { selectRows } from '../../models/index.js';
import { renderReport } from '../../report/index.js';
import type { Block, ReportSection, ScatterPanel, Table } from '../../report/types.js';
import type { Evaluation, Rankings, SearchTask, TaskRows } from '../models/sentence-evaluation.js';
import { metricTitle } from './metrics.js';

/** Losses and validation metrics of a run, by step. */
export interface Curves {
  losses: [number, number][];
  figures: [number, number][];
  figure: string;
}

/** Results of a run. */
export interface SentenceResults {
  evaluation: Evaluation;
  /** Rows of the task's texts by the encoder that the run began with. */
  before: TaskRows;
  /** Those by the trained one. */
  after: TaskRows;
  curves: Curves;
  table: { head: readonly string[]; rows: readonly (readonly string[])[] };
  /** Columns that were read, and the split. */
  notes: readonly string[];
  /** Sentences on the gain of training, the verdict first. */
  outcome: readonly [string, ...string[]];
}

/** Meanings of the figures that a task is measured by. */
const MEANINGS: Readonly<Record<Evaluation['task']['kind'], string>> = {
  search: 'MRR@10 is the mean of 1/rank of the first right document of a query, 0 past rank 10.',
  scores: 'Spearman is the correlation of the ranks of scores and similarities, 1 at most.',
  labels: 'Accuracy is the part of the texts whose label is that of most of their nearest texts.',
  teacher: "MRR@10 is the mean of 1/rank of a text's own row, 0 past rank 10.",
};

const sentenceFrom = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

/** Points of a curve at most. */
const POINTS = 200;
/** Examples that are shown. */
const EXAMPLES = 12;
/** Texts in the scatter. */
const DOTS = 300;

function thin(points: readonly [number, number][]): [number, number][] {
  const width = Math.ceil(points.length / POINTS);
  const thinned: [number, number][] = [];
  for (let i = 0; i < points.length; i += width) {
    const part = points.slice(i, i + width);
    const mean = (at: 0 | 1): number => part.reduce((sum, p) => sum + p[at], 0) / part.length;
    thinned.push([mean(0), mean(1)]);
  }
  return thinned;
}

function shorten(text: string, length = 60): string {
  const line = text.replace(/\s+/g, ' ').trim().replaceAll('`', "'");
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/**
 * Makes the table of queries whose ranking changed most, for the better and for the worse.
 *
 * @param before rankings of the encoder that a training began with
 * @param after those of the trained one
 * @param max number of rows
 */
export function rankingTable(
  task: SearchTask,
  before: Rankings,
  after: Rankings,
  max: number,
): Table | undefined {
  const rankAt = (ranking: Int32Array | undefined, relevant: readonly number[]): number =>
    ranking?.findIndex((document) => relevant.includes(document)) ?? -1;
  const gainAt = (ranking: Int32Array | undefined, relevant: readonly number[]): number => {
    const rank = rankAt(ranking, relevant);
    return rank < 0 ? 0 : 1 / (rank + 1);
  };
  const changes = task.queries.map((query, q) => {
    const relevant = task.relevant[q] as readonly number[];
    const change = gainAt(after.encoder[q], relevant) - gainAt(before.encoder[q], relevant);
    return { query, q, relevant, change };
  });
  changes.sort((a, b) => b.change - a.change || a.q - b.q);
  const worse = changes.filter(({ change }) => change < 0).slice(-Math.floor(max / 3));
  const better = changes.filter(({ change }) => change > 0).slice(0, max - worse.length);
  if (better.length + worse.length === 0) return undefined;
  const shown = (ranking: Int32Array | undefined, relevant: readonly number[]): string => {
    const rank = rankAt(ranking, relevant);
    return rank < 0 ? 'past 10' : String(rank + 1);
  };
  const document = (index: number | undefined): string =>
    shorten(task.documents[index as number] ?? '');
  return {
    // The ranks next to the query: they show on a narrow page, the documents by scrolling.
    head: [
      ...['query', 'BM25', 'before', 'trained', 'right document'],
      ...['first document before training', 'first document after'],
    ],
    rows: [...better, ...worse].map(({ query, q, relevant }) => [
      shorten(query, 40),
      shown(after.words[q], relevant),
      shown(before.encoder[q], relevant),
      shown(after.encoder[q], relevant),
      document(relevant[0]),
      document(before.encoder[q]?.[0]),
      document(after.encoder[q]?.[0]),
    ]),
    texts: [4, 5, 6],
    caption:
      `Held-out queries whose ranking changed most, ${better.length} for the better and ` +
      `${worse.length} for the worse: rank of the right document.`,
  };
}

function examples({ evaluation, before, after }: SentenceResults): Table | undefined {
  const { task } = evaluation;
  if (task.kind !== 'search') return undefined;
  const [first, last] = [before, after].map((rows) => evaluation.rankings(rows) as Rankings);
  return rankingTable(task, first as Rankings, last as Rankings, EXAMPLES);
}

/** Held-out texts to draw: rows of each side of the task, and the group of each text. */
interface Drawn {
  own: number[];
  others: number[];
  groups: number[];
  names: string[];
}

function drawnTexts({ task }: Evaluation): Drawn | undefined {
  if (task.kind === 'labels') {
    const classes = [...new Set(task.labels)].slice(0, 8);
    const own = task.labels
      .slice(0, DOTS)
      .flatMap((label, i) => (classes.includes(label) ? [i] : []));
    return {
      ...{ own, others: [] },
      groups: own.map((i) => classes.indexOf(task.labels[i] as number)),
      names: classes.map((label) => task.names[label] as string),
    };
  }
  if (task.kind !== 'search') return undefined;
  const own = task.queries.slice(0, DOTS / 2).map((_, q) => q);
  return {
    ...{ own, others: own.map((q) => task.relevant[q]?.[0] as number) },
    groups: [...own.map(() => 0), ...own.map(() => 1)],
    names: ['queries', 'their documents'],
  };
}

/**
 * Draws rows in the plane of their two principal components.
 *
 * @param rows (n, d) of unit length
 * @param groups index of each row's group
 */
export function scatterOf(
  title: string,
  rows: Matrix,
  groups: readonly number[],
  names: readonly string[],
): ScatterPanel {
  const { data, cols } = pca(rows, { components: 2 }).projected;
  const points = groups.map((group, i) => ({
    x: data[i * cols] as number,
    y: cols > 1 ? (data[i * cols + 1] as number) : 0,
    group,
  }));
  return {
    ...{ kind: 'scatter', title, marks: 'dots', groups: [...names], points },
    ...{ x: 'first principal component', y: 'second principal component' },
  };
}

/** Takes the rows that are drawn, those of the task's own texts first. */
function takeDrawn({ own, others }: TaskRows, drawn: Drawn): Matrix {
  const first = selectRows(own, drawn.own);
  if (drawn.others.length === 0) return first;
  const second = selectRows(others, drawn.others);
  const data = new Float32Array(first.data.length + second.data.length);
  data.set(first.data);
  data.set(second.data, first.data.length);
  return { data, rows: first.rows + second.rows, cols: first.cols };
}

/** Draws held-out texts before and after training. */
function scatter({ evaluation, before, after }: SentenceResults): Block | undefined {
  const drawn = drawnTexts(evaluation);
  if (drawn === undefined || drawn.groups.length < 3) return undefined;
  const { groups, names } = drawn;
  return {
    kind: 'figure',
    panels: [
      scatterOf('Before training', takeDrawn(before, drawn), groups, names),
      scatterOf('After training', takeDrawn(after, drawn), groups, names),
    ],
    caption: 'Rows of held-out texts, each in the plane of their own two principal components.',
  };
}

/** Renders the page. */
export function sentenceReport(results: SentenceResults): string {
  const { curves, table, notes, outcome, evaluation } = results;
  const [lead, ...further] = outcome;
  const shown: Table = {
    head: table.head.map((name) => (name === '' ? 'search' : name)),
    rows: table.rows.map((row) => [...row]),
    caption:
      `Held-out examples: no text of theirs was trained on. ${MEANINGS[evaluation.task.kind]} ` +
      'The difference is how much more the trained encoder has, its interval that of a paired bootstrap; where it contains 0, nothing is shown.',
  };
  const blocks: Block[] = [
    { kind: 'table', table: shown },
    ...[...further.map(sentenceFrom), ...notes].map((text): Block => ({ kind: 'text', text })),
  ];
  const title = metricTitle(curves.figure);
  const panels = [
    {
      ...{ kind: 'lines' as const, title: 'Loss', x: 'step', y: 'loss of the batch' },
      series: [{ name: 'training', color: 0, points: thin(curves.losses) }],
    },
    {
      ...{ kind: 'lines' as const, title: 'Validation', x: 'step', y: title, points: true },
      series: [{ name: title, color: 1, points: curves.figures }],
    },
  ].filter(({ series }) => series.every(({ points }) => points.length > 0));
  const sections: ReportSection[] = [{ name: 'result', title: 'Result', blocks }];
  if (panels.length > 0) {
    const caption = 'Loss of the training, and the metric by which the best step was chosen.';
    sections.push({
      name: 'curves',
      title: 'Training',
      blocks: [{ kind: 'figure', panels, caption }],
    });
  }
  const changed = examples(results);
  if (changed !== undefined) {
    sections.push({
      name: 'examples',
      title: 'Examples',
      blocks: [{ kind: 'table', table: changed }],
    });
  }
  const figure = scatter(results);
  if (figure !== undefined)
    sections.push({ name: 'space', title: 'Embedding space', blocks: [figure] });
  return renderReport({
    title: 'A sentence encoder',
    lead: sentenceFrom(lead),
    sections,
    footer: 'Made by `nearfar train sentence`.',
  });
}
