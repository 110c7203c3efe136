/** Data, tables and the report that the commands about ready-made embeddings share. */

import { Adapter, type AdapterData, type AdapterReport } from '../../adapt/index.js';
import { evaluateRetrieval, type Matrix, topK } from '../../index.js';
import { renderReport } from '../../report/index.js';
import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';
import type { Option } from '../../terminal/options.js';
import type { Input } from '../command.js';
import {
  readBeir,
  readEmbeddings,
  readLabels,
  readPairs,
  readTriplets,
} from '../input/embeddings.js';
import { readTexts } from '../input/texts.js';

/** Options that name embeddings and what belongs together. */
export const EMBEDDING_OPTIONS: Option[] = [
  {
    flags: '--queries <file>',
    description: 'embeddings of queries: .npy, .safetensors, .jsonl (id, embedding), .csv',
  },
  { flags: '--documents <file>', description: 'embeddings of the documents that are searched' },
  {
    flags: '--pairs <file>',
    description:
      'which query belongs to which document: .jsonl or .csv of ids or row numbers (query, document)',
  },
  { flags: '--embeddings <file>', description: 'embeddings of one kind, with --labels or --beir' },
  {
    flags: '--labels <file>',
    description: 'the label of each row: one per line, .npy, or .csv or .jsonl with label',
  },
  {
    flags: '--beir <dir>',
    description: 'a BEIR folder: queries.jsonl, corpus.jsonl, qrels/*.tsv; ids of --embeddings',
  },
  { flags: '--texts <file>', description: 'texts of the queries, in their order, for the report' },
];

/** Embeddings that a command was given. */
export interface Given {
  data: AdapterData;
  /** Queries and documents; undefined for labels. */
  search: { queries: Matrix; documents: Matrix; relevant: number[][] } | undefined;
  /** Names of queries and documents in the report. */
  queryNames: readonly string[];
  documentNames: readonly string[];
}

function path(options: Input['options'], name: string): string | undefined {
  const value = options[name];
  if (value === '') throw new InputError(`--${name} must not be empty`);
  return typeof value === 'string' ? value : undefined;
}

/** Reads the embeddings that the options name. */
export function readGiven({ options }: Input): Given {
  const [queries, documents, pairs] = ['queries', 'documents', 'pairs'].map((n) =>
    path(options, n),
  );
  const [embeddings, labels, beir] = ['embeddings', 'labels', 'beir'].map((n) => path(options, n));
  if (embeddings !== undefined && beir !== undefined) {
    const { texts, ...folder } = readBeir(beir, embeddings);
    return searchData(
      folder.queries,
      folder.documents,
      folder.pairs,
      texts.queries,
      texts.documents,
    );
  }
  if (embeddings !== undefined && labels !== undefined) {
    const rows = readEmbeddings(embeddings, 'embeddings');
    const { ids, ...matrix } = rows;
    const data = { embeddings: matrix, labels: readLabels(labels, { path: embeddings, ids }), ids };
    return { data, search: undefined, queryNames: ids, documentNames: ids };
  }
  const triplets = path(options, 'triplets');
  if (embeddings !== undefined && triplets !== undefined) {
    const { ids, ...matrix } = readEmbeddings(embeddings, 'embeddings');
    const named = readTriplets(triplets, { path: embeddings, ids });
    const data = { embeddings: matrix, triplets: named, ids };
    return { data, search: undefined, queryNames: ids, documentNames: ids };
  }
  if (queries === undefined || documents === undefined || pairs === undefined) {
    throw new InputError(
      '--queries, --documents and --pairs, or --embeddings and --labels (or --beir) are needed',
    );
  }
  const [left, right] = [
    readEmbeddings(queries, 'queries'),
    readEmbeddings(documents, 'documents'),
  ];
  if (left.cols !== right.cols) {
    throw new InputError(
      `${documents}: its rows have ${right.cols} columns, those of ${queries} ${left.cols}`,
    );
  }
  const [q, d] = [
    { path: queries, ids: left.ids },
    { path: documents, ids: right.ids },
  ];
  const found = readPairs(pairs, q, d, options.scores === true);
  const given = path(options, 'texts');
  const texts =
    given === undefined ? undefined : readTexts(given, { lines: true }).map((t) => t.text);
  if (texts !== undefined && texts.length !== left.rows) {
    throw new InputError(`${given}: holds ${texts.length} texts for ${left.rows} queries`);
  }
  return searchData(left, right, found, texts ?? left.ids, right.ids, options.scores === true);
}

type Named = Matrix & { ids: readonly string[] };

function searchData(
  queries: Named,
  documents: Named,
  { pairs, scores }: { pairs: [number, number][]; scores: number[] | undefined },
  queryNames: readonly string[],
  documentNames: readonly string[],
  graded = false,
): Given {
  if (graded && scores === undefined) throw new InputError('--scores: not every pair has a score');
  const relevant: number[][] = Array.from({ length: queries.rows }, () => []);
  for (const [query, document] of pairs) relevant[query]?.push(document);
  return {
    data: {
      ...{ queries, documents, pairs, queryIds: queries.ids, documentIds: documents.ids },
      ...(graded && { scores }),
    },
    search: graded ? undefined : { queries, documents, relevant },
    queryNames,
    documentNames,
  };
}

/** Reads the file of an adapter. */
export function readAdapterFile(file: string): Adapter {
  const bytes = readBytes(file);
  try {
    return Adapter.load(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`${file}: ${error.message.replace(/^Adapter\.load: bytes /, '')}`);
  }
}

/** Reads the adapter that an option names, and checks that it fits rows. */
export function readAdapterOption({ options }: Input, width: number): Adapter | undefined {
  const file = path(options, 'adapter');
  if (file === undefined) return undefined;
  const adapter = readAdapterFile(file);
  if (adapter.inputWidth === width) return adapter;
  throw new InputError(`${file}: is for ${adapter.inputWidth} columns, and the rows have ${width}`);
}

/** A query, and the rank of its document before and after. */
export interface Changed {
  query: string;
  document: string;
  before: number;
  after: number;
  firstBefore: string;
}

/** Ranks past this count as not found. */
const DEPTH = 100;

/** Finds the queries whose ranking changed most, for the better and for the worse. */
export function changedQueries(given: Given, adapter: Adapter, max: number): Changed[] {
  const { search } = given;
  if (search === undefined) return [];
  const k = Math.min(DEPTH, search.documents.rows);
  const asked = search.relevant.flatMap((list, query) => (list.length > 0 ? [query] : []));
  const before = topK(search.queries, search.documents, k);
  const after = topK(
    adapter.apply(search.queries),
    adapter.apply(search.documents, { side: 'document' }),
    k,
  );
  const rankIn = (found: Int32Array, query: number): number => {
    const relevant = new Set(search.relevant[query]);
    const rank = found.subarray(query * k, (query + 1) * k).findIndex((row) => relevant.has(row));
    return rank < 0 ? DEPTH + 1 : rank + 1;
  };
  const name = (row: number): string => given.documentNames[row] ?? String(row);
  const changes = asked.map((query): Changed & { change: number } => {
    const [a, b] = [rankIn(before.indices, query), rankIn(after.indices, query)];
    return {
      ...{ query: given.queryNames[query] ?? String(query), before: a, after: b },
      document: name(search.relevant[query]?.[0] as number),
      firstBefore: name(before.indices[query * k] as number),
      change: 1 / b - 1 / a,
    };
  });
  changes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  return changes.filter(({ change }) => change !== 0).slice(0, max);
}

/** Metrics of a search, by name. */
export function searchMetrics(
  { queries, documents, relevant }: NonNullable<Given['search']>,
  adapter: Adapter | undefined,
): Record<string, number> {
  const q = adapter?.apply(queries) ?? queries;
  const d = adapter?.apply(documents, { side: 'document' }) ?? documents;
  const metrics = evaluateRetrieval(q, d, relevant);
  return {
    'mrr@10': metrics.mrrAt[10] as number,
    'ndcg@10': metrics.ndcg[10] as number,
    'recall@1': metrics.recall[1] as number,
    'recall@10': metrics.recall[10] as number,
  };
}

/** Says in a sentence what was found. */
export function verdictLine({
  verdict,
  gain,
  interval,
  metric,
  level,
  minGain,
  count,
}: AdapterReport): string {
  const [low, high] = interval.map((value) => signed(value));
  const range = `${signed(gain)} ${metric}, ${100 * level} % interval ${low} to ${high}, ${count} held out`;
  if (verdict === 'helps') return `The adapter helps: ${range}.`;
  if (verdict === 'too few')
    return `Too few data to tell whether an adapter helps: ${range}. The rows stay as they are.`;
  return `No adapter is better by ${minGain} with certainty: ${range}. The rows stay as they are.`;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;

/** Rows of the table before and after. */
export function beforeAfter({ metric, base, adapted, gain, interval }: AdapterReport): string[][] {
  const range = interval.map(signed).join(' to ');
  return [[metric, base.toFixed(4), adapted.toFixed(4), signed(gain), range]];
}

export const BEFORE_AFTER = ['held out', 'before', 'after', 'gain', 'interval'];
export const CHANGED = ['query', 'document', 'before', 'after'];

export const rankText = (rank: number): string => (rank > DEPTH ? `past ${DEPTH}` : String(rank));

/** A text of more characters wraps in the report. */
const LONG_TEXT = 24;

/** The page with what was found. */
export function adapterReport(
  report: AdapterReport,
  changed: readonly Changed[],
  files: string,
): string {
  const { metric, base, adapted, gain, interval, level, count } = report;
  const shipped = report.verdict === 'helps' ? report.form?.name : undefined;
  const forms = report.forms.map(({ name, options, steps, metric: own }) => [
    name === shipped ? `${name} (shipped)` : name,
    options === undefined ? 'not trained' : String(steps),
    own.toFixed(4),
  ]);
  const queries = changed.map((each) => [
    ...[each.query, rankText(each.before), rankText(each.after), each.document, each.firstBefore],
  ]);
  return renderReport({
    title: 'An adapter of embeddings',
    lead: verdictLine(report),
    footer: files,
    sections: [
      {
        name: 'verdict',
        title: 'Before and after',
        blocks: [
          {
            kind: 'table',
            table: {
              head: ['', metric],
              rows: [
                ['without an adapter', base.toFixed(4)],
                ['with one', adapted.toFixed(4)],
                ['gain', signed(gain)],
                [`its ${100 * level} % interval`, interval.map(signed).join(' to ')],
              ],
              caption: `Mean over what was held out (${count}), with the form chosen on other held-out data.`,
            },
          },
          ...(forms.length === 0
            ? []
            : [
                {
                  kind: 'table' as const,
                  table: {
                    head: ['form', 'steps', metric],
                    rows: forms,
                    caption: `Forms that were tried, each at its best number of steps. Without an adapter: ${base.toFixed(4)}.`,
                  },
                },
              ]),
        ],
      },
      ...(changed.length === 0
        ? []
        : [
            {
              name: 'queries',
              title: 'Queries whose ranking changed most',
              blocks: [
                {
                  kind: 'table' as const,
                  table: {
                    head: ['query', 'before', 'after', 'document', 'first before'],
                    rows: queries,
                    // Columns of long texts wrap.
                    texts: [0, 3, 4].filter((column) =>
                      queries.some((cells) => (cells[column] as string).length > LONG_TEXT),
                    ),
                    caption:
                      'Rank of the first right document. The final adapter was trained on these pairs too.',
                  },
                },
              ],
            },
          ]),
    ],
  });
}
