/** The page that a training of a sentence encoder leaves: scores, curves, examples, a scatter. */

import { pca, pcaTransform } from '../../index.js';
import type { SentenceEncoder } from '../../models/index.js';
import { renderReport } from '../../report/index.js';
import type { Block, ReportSection, Table } from '../../report/types.js';
import type { Evaluation, Rankings } from '../models/sentence-evaluation.js';

/** Losses and validation metrics of a run, by step. */
export interface Curves {
  losses: [number, number][];
  figures: [number, number][];
  figure: string;
}

/** Results of a run. */
export interface SentenceResults {
  evaluation: Evaluation;
  encoder: SentenceEncoder;
  /** Rankings of the encoder that the run began with. */
  before: Rankings | undefined;
  curves: Curves;
  table: { head: readonly string[]; rows: readonly (readonly string[])[] };
  lines: readonly string[];
  verdict: string;
}

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

/** Queries whose ranking changed most, for the better and for the worse. */
function examples({ evaluation, encoder, before }: SentenceResults): Table | undefined {
  const { task } = evaluation;
  if (task.kind !== 'search' || before === undefined) return undefined;
  const after = evaluation.rankings(encoder) as Rankings;
  const gainAt = (ranking: Int32Array, relevant: readonly number[]): number => {
    const rank = ranking.findIndex((document) => relevant.includes(document));
    return rank < 0 ? 0 : 1 / (rank + 1);
  };
  const changes = task.queries.map((query, q) => {
    const relevant = task.relevant[q] as readonly number[];
    const from = gainAt(before.encoder[q] as Int32Array, relevant);
    return { query, q, relevant, change: gainAt(after.encoder[q] as Int32Array, relevant) - from };
  });
  changes.sort((a, b) => b.change - a.change || a.q - b.q);
  const worse = changes.filter(({ change }) => change < 0).slice(-EXAMPLES / 3);
  const better = changes.filter(({ change }) => change > 0).slice(0, EXAMPLES - worse.length);
  if (better.length + worse.length === 0) return undefined;
  const rankOf = (ranking: Int32Array | undefined, relevant: readonly number[]): string => {
    const rank = ranking?.findIndex((document) => relevant.includes(document)) ?? -1;
    return rank < 0 ? 'past 10' : String(rank + 1);
  };
  return {
    // The ranks next to the query: they show on a narrow page, the documents by scrolling.
    head: ['query', 'BM25', 'before', 'trained', 'right document', 'first document after training'],
    rows: [...better, ...worse].map(({ query, q, relevant }) => [
      shorten(query, 40),
      rankOf(after.words[q], relevant),
      rankOf(before.encoder[q], relevant),
      rankOf(after.encoder[q], relevant),
      shorten(task.documents[relevant[0] as number] as string),
      shorten(task.documents[after.encoder[q]?.[0] as number] ?? ''),
    ]),
    caption: 'Held-out queries whose ranking changed most: rank of the right document.',
  };
}

/** Rows of held-out texts in the plane of their two principal components. */
function scatter({ evaluation, encoder }: SentenceResults): Block | undefined {
  const { task } = evaluation;
  let texts: string[];
  let groups: number[];
  let names: string[];
  if (task.kind === 'labels') {
    texts = task.texts.slice(0, DOTS);
    const classes = [...new Set(task.labels)].slice(0, 8);
    const shown = texts.map((_, i) => classes.indexOf(task.labels[i] as number));
    texts = texts.filter((_, i) => (shown[i] as number) >= 0);
    groups = shown.filter((group) => group >= 0);
    names = classes.map((label) => `label ${label + 1}`);
  } else if (task.kind === 'search') {
    const queries = task.queries.slice(0, DOTS / 2);
    const documents = queries.map(
      (_, q) => task.documents[task.relevant[q]?.[0] as number] as string,
    );
    texts = [...queries, ...documents];
    groups = texts.map((_, i) => (i < queries.length ? 0 : 1));
    names = ['queries', 'their documents'];
  } else {
    return undefined;
  }
  if (texts.length < 3) return undefined;
  const rows = encoder.encode(texts);
  const fitted = pca(rows, { components: 2 });
  const { data, cols } = pcaTransform(rows, fitted);
  const points = texts.map((_, i) => ({
    x: data[i * cols] as number,
    y: cols > 1 ? (data[i * cols + 1] as number) : 0,
    group: groups[i] as number,
  }));
  return {
    kind: 'figure',
    panels: [
      {
        ...{
          kind: 'scatter',
          title: 'Held-out texts',
          x: 'first component',
          y: 'second component',
        },
        ...{ groups: names, points, marks: 'dots' },
      },
    ],
    caption:
      'Rows of held-out texts by the trained encoder, in the plane of their principal components.',
  };
}

/** Renders the page. */
export function sentenceReport(results: SentenceResults): string {
  const { curves, table, lines } = results;
  const shown: Table = {
    head: table.head.map((name) => (name === '' ? 'search' : name)),
    rows: table.rows.map((row) => [...row]),
    caption: 'Held-out examples: no text of theirs was trained on.',
  };
  const blocks: Block[] = [
    ...lines.map((text): Block => ({ kind: 'text', text })),
    { kind: 'table', table: shown },
  ];
  const panels = [
    {
      ...{ kind: 'lines' as const, title: 'Loss', x: 'step', y: 'loss of the batch' },
      series: [{ name: 'training', color: 0, points: thin(curves.losses) }],
    },
    {
      ...{ kind: 'lines' as const, title: 'Validation', x: 'step', y: curves.figure, points: true },
      series: [{ name: curves.figure, color: 1, points: curves.figures }],
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
    lead: lines.at(-1) ?? '',
    sections,
    footer: 'Made by `nearfar train sentence`.',
  });
}
