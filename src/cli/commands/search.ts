/** `nearfar search`: the documents whose meaning is nearest to a query's. */

import { hybridSearch, type Matrix, topK } from '../../index.js';
import type { SentenceEncoder } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import { MAX_INTEGER, parseInteger } from '../../terminal/options.js';
import type { Terminal } from '../../terminal/progress.js';
import { columnsOf, fitText, printable, widthOf } from '../../terminal/text.js';
import { type Command, type Input, JSON_OPTION } from '../command.js';
import { isRowsFile, type Rows, readRows } from '../input/rows.js';
import { readTexts, type Text } from '../input/texts.js';
import { readAdapterOption } from '../models/adapters.js';
import {
  checkPromptName,
  cutNote,
  ENCODE_OPTIONS,
  type EncodeSettings,
  openSentenceEncoder,
  readEncodeSettings,
  readTextColumn,
} from '../models/sentence.js';
import { encodeTexts } from '../models/sentence-rows.js';

/** Names of prompts for documents, in the order in which Python looks for them. */
const DOCUMENT_PROMPTS = ['document', 'passage', 'corpus'];
/** Columns of documents and of queries, where a file has no column `text`: as pairs have them. */
const DOCUMENT_COLUMNS = (
  'document documents doc passage positive positives answer response content body description ' +
  'documentation abstract target sentence2 text2 sentence title'
).split(' ');
const QUERY_COLUMNS =
  'query queries question anchor search prompt source sentence1 text1 sentence title name'.split(
    ' ',
  );

/** Milliseconds of encoding documents from which there is a hint. */
const LONG = 5000;

/** Rows that are compared, their ids, and their texts where they are known. */
interface Side {
  matrix: Matrix;
  ids: readonly string[];
  texts: readonly string[] | undefined;
}

/** Values of the options, checked as far as they can be without reading. */
interface Request {
  folder: string | undefined;
  documents: string | undefined;
  corpus: string | undefined;
  query: string | undefined;
  queries: string | undefined;
  k: number;
  hybrid: boolean;
  column: string | undefined;
  queryColumn: string | undefined;
  settings: EncodeSettings;
}

function text(options: Input['options'], name: string): string | undefined {
  const value = options[name];
  if (value === '') throw new InputError(`--${name} must not be empty`);
  return typeof value === 'string' ? value : undefined;
}

function readRequest({ positional, options }: Input): Request {
  const [folder] = positional;
  const documents = text(options, 'documents');
  const corpus = text(options, 'corpus');
  const query = text(options, 'query');
  const queries = text(options, 'queries');
  if (documents === undefined && corpus === undefined) {
    throw new InputError('--documents or --corpus is needed');
  }
  if ((query === undefined) === (queries === undefined)) {
    throw new InputError('--query or --queries is needed, one of both');
  }
  if (query?.trim() === '') throw new InputError('--query must hold a text');
  if (corpus !== undefined && !isRowsFile(corpus)) {
    throw new InputError(`--corpus must be a .npy file of nearfar encode, got ${corpus}`);
  }
  const k = parseInteger('-k', String(options.k), 1, MAX_INTEGER);
  const hybrid = options.hybrid === true;
  if (hybrid && documents === undefined) {
    throw new InputError('--hybrid needs --documents, whose words it compares');
  }
  if (hybrid && queries !== undefined && isRowsFile(queries)) {
    throw new InputError('--hybrid needs queries of text, not rows (.npy)');
  }
  const settings = readEncodeSettings(options);
  const column = text(options, 'column');
  const queryColumn = typeof options.queryColumn === 'string' ? options.queryColumn : undefined;
  return { folder, documents, corpus, query, queries, k, hybrid, column, queryColumn, settings };
}

/** Reads the texts of a file, each once where it is one of pairs, and says which column that is. */
function readColumn(
  path: string,
  column: string | undefined,
  columns: readonly string[],
  terminal: Terminal,
): Text[] {
  const used = new Set<string>();
  const onColumn = (name: string): unknown => used.add(name);
  const option = columns === QUERY_COLUMNS ? '--query-column' : '--column';
  const texts = readTextColumn(path, column, columns, option, onColumn);
  if (used.size === 0) return texts;
  const seen = new Set<string>();
  const distinct = texts.filter(({ text }) => {
    if (text.trim() === '' || seen.has(text)) return false;
    seen.add(text);
    return true;
  });
  const repeated = texts.length - distinct.length;
  const left = repeated === 0 ? '' : `; ${repeated} repeated or empty ones are left out`;
  terminal.note(`${path}: texts of column ${[...used].join(', ')}${left}`);
  return distinct;
}

/** Ids and texts of a file's rows. */
function sideOf(rows: readonly Text[], matrix: Matrix): Side {
  const ids = rows.map(({ key, id }) => key ?? id);
  return { matrix, ids, texts: rows.map(({ text }) => text) };
}

/** Name of the prompt that is used without being asked for: as Python's encode_query and encode_document do. */
function promptOf(encoder: SentenceEncoder, names: readonly string[]): string | undefined {
  return names.find((name) => Object.hasOwn(encoder.prompts, name));
}

/** Reads the documents: rows that are ready, or texts to encode. */
async function readDocuments(
  request: Request,
  encoder: SentenceEncoder | undefined,
  { options, terminal }: Input,
): Promise<Side & { cut: number }> {
  const { documents, corpus, settings, column } = request;
  const rows =
    documents === undefined
      ? undefined
      : corpus === undefined
        ? readColumn(documents, column, DOCUMENT_COLUMNS, terminal)
        : readTexts(documents, { lines: true, column, columns: DOCUMENT_COLUMNS });
  if (corpus !== undefined) {
    const ready: Rows = readRows(corpus);
    if (rows !== undefined && rows.length !== ready.rows) {
      throw new InputError(
        `--documents ${documents}: holds ${rows.length} texts, and ${corpus} ${ready.rows} rows`,
      );
    }
    return { matrix: ready, ids: ready.ids, texts: rows?.map(({ text }) => text), cut: 0 };
  }
  const texts = (rows as Text[]).map(({ text }) => text);
  const by = encoder as SentenceEncoder;
  const asked = checkPromptName('--document-prompt-name', by, options.documentPromptName);
  const promptName = asked ?? promptOf(by, DOCUMENT_PROMPTS);
  const { dimensions } = settings;
  const started = performance.now();
  const matrix = await encodeTexts(
    by,
    texts,
    { name: 'documents', promptName, dimensions },
    terminal,
  );
  const took = performance.now() - started;
  const { cut, note } = cutNote(by, texts, 'documents', promptName);
  if (note !== undefined) terminal.note(note);
  if (took > LONG) {
    terminal.note(
      `encoding took ${Math.round(took / 1000)} s; nearfar encode keeps the rows, for --corpus`,
    );
  }
  return { ...sideOf(rows as Text[], matrix), cut };
}

/** Reads the queries: rows that are ready, one text, or a file of texts. */
async function readQueries(
  { query, queries, queryColumn, settings }: Request,
  encoder: SentenceEncoder | undefined,
  { options, terminal }: Input,
): Promise<Side> {
  if (encoder === undefined) {
    const ready = readRows(queries as string);
    return { matrix: ready, ids: ready.ids, texts: undefined };
  }
  const rows: Text[] =
    query === undefined
      ? readColumn(queries as string, queryColumn, QUERY_COLUMNS, terminal)
      : [{ text: query, id: 'query', row: true }];
  const texts = rows.map(({ text }) => text);
  const asked = checkPromptName('--prompt-name', encoder, options.promptName);
  const promptName = asked ?? promptOf(encoder, ['query']);
  const { dimensions } = settings;
  const matrix = await encodeTexts(
    encoder,
    texts,
    { name: 'queries', promptName, dimensions },
    terminal,
  );
  const { note } = cutNote(encoder, texts, 'queries', promptName);
  if (note !== undefined) terminal.note(note);
  const unknown = countZeroRows(matrix);
  if (unknown > 0) {
    terminal.note(`${unknown} of ${rows.length} queries have no word that the encoder knows`);
  }
  return sideOf(rows, matrix);
}

/** Rows that are near nothing. */
function countZeroRows({ data, rows, cols }: Matrix): number {
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (data.subarray(row * cols, (row + 1) * cols).every((value) => value === 0)) count++;
  }
  return count;
}

/** Best documents of both rankings: by words (BM25) and by embeddings. */
function nearestHybrid(
  queries: Side,
  documents: Side,
  k: number,
  encoder: SentenceEncoder | undefined,
): { indices: Int32Array; scores: Float32Array } {
  const metric = encoder?.similarityName ?? 'cosine';
  if (metric === 'manhattan') {
    throw new InputError('--hybrid is for encoders that compare by cosine, dot or euclidean');
  }
  return hybridSearch(
    { texts: queries.texts as string[], embeddings: queries.matrix },
    { texts: documents.texts as string[], embeddings: documents.matrix },
    k,
    { metric },
  );
}

/** Indices and scores of the documents nearest to each query, compared as the encoder's folder says. */
function nearest(
  queries: Matrix,
  documents: Matrix,
  k: number,
  encoder: SentenceEncoder | undefined,
): { indices: Int32Array; scores: Float32Array } {
  const metric = encoder?.similarityName ?? 'cosine';
  if (metric !== 'manhattan') return topK(queries, documents, k, { metric });
  const count = Math.min(k, documents.rows);
  const indices = new Int32Array(queries.rows * count);
  const scores = new Float32Array(queries.rows * count);
  const { data } = (encoder as SentenceEncoder).similarity(queries, documents);
  for (let row = 0; row < queries.rows; row++) {
    const own = data.subarray(row * documents.rows, (row + 1) * documents.rows);
    const order = Array.from(own.keys());
    order.sort((a, b) => (own[b] as number) - (own[a] as number) || a - b);
    order.slice(0, count).forEach((document, rank) => {
      indices[row * count + rank] = document;
      scores[row * count + rank] = own[document] as number;
    });
  }
  return { indices, scores };
}

/** Text in one line. */
const inline = (text: string): string => printable(text.replace(/\s+/g, ' ').trim());

/** Columns of a table besides its texts: rank, score, borders. */
const TABLE_COLUMNS = 24;

/** Prints the results of one query. */
function printResults(
  terminal: Terminal,
  query: { id: string; text: string | undefined; index: number; of: number },
  results: readonly { id: string; score: number; text: string | undefined }[],
): void {
  const columns = columnsOf(process.stdout);
  if (query.of > 1) terminal.line(fitText(inline(`${query.id}: ${query.text ?? ''}`), columns));
  const room = Math.max(12, columns - TABLE_COLUMNS);
  const ids = results.map(({ id }) => inline(id));
  const widest = Math.max(...ids.map(widthOf));
  const hasTexts = results.some(({ text }) => text !== undefined);
  const idRoom = hasTexts ? Math.min(widest, Math.floor(room / 3)) : Math.min(widest, room);
  terminal.table(
    ['', 'score', 'document', ...(hasTexts ? ['text'] : [])],
    results.map(({ score, text }, i) => [
      String(i + 1),
      score.toFixed(4),
      fitText(ids[i] as string, Math.max(8, idRoom), 'end'),
      ...(hasTexts ? [fitText(inline(text ?? ''), Math.max(8, room - Math.max(8, idRoom)))] : []),
    ]),
    4,
  );
}

/** Finds documents by meaning. */
export const search: Command = {
  name: 'search',
  summary: 'find the texts whose meaning is nearest to a query, with a sentence encoder',
  arguments: [
    {
      notation: '[dir]',
      description:
        'folder of a sentence encoder (sentence-transformers, model2vec; default: the English one in the package)',
    },
  ],
  options: [
    {
      flags: '--documents <path>',
      description: 'texts to search (a .txt has one per line); encoded again by each call',
    },
    {
      flags: '--corpus <file>',
      description:
        'rows that nearfar encode wrote (.npy), for many documents or many calls; with --documents also their texts are shown',
    },
    { flags: '--query <text>', description: 'what to look for' },
    { flags: '--queries <path>', description: 'several queries: texts, or rows (.npy)' },
    {
      flags: '--column <name>',
      description:
        'column of the documents in a table or in objects (default: text, or one such as document, positive, answer)',
    },
    {
      flags: '--query-column <name>',
      description: 'column of the queries (default: text, or one such as query, question, anchor)',
    },
    {
      flags: '--hybrid',
      description:
        'rank by words (BM25) too, and fuse both rankings: scores are of reciprocal ranks',
    },
    { flags: '-k <n>', description: 'number of documents per query', default: '10' },
    {
      flags: '--prompt-name <name>',
      description: "the encoder's prompt for queries (default: query, if it has that one)",
    },
    {
      flags: '--document-prompt-name <name>',
      description: 'its prompt for documents (default: document, passage or corpus)',
    },
    { flags: '--adapter <file>', description: 'adapter of nearfar adapt, behind the encoder' },
    ...ENCODE_OPTIONS,
    JSON_OPTION,
  ],
  examples: [
    'nearfar search --documents faq.csv --query "I forgot my login"',
    'nearfar search all-MiniLM-L6-v2 --documents faq.csv --query "I forgot my login"',
    'nearfar search all-MiniLM-L6-v2 --documents faq.csv --query "error 404" --hybrid',
    'nearfar search all-MiniLM-L6-v2 --corpus articles.npy --queries questions.txt -k 3 --json',
  ],
  async run(input) {
    const { terminal } = input;
    const request = readRequest(input);
    const { folder, corpus, queries: file, k } = request;
    const needsEncoder = corpus === undefined || file === undefined || !isRowsFile(file);
    if (file !== undefined && isRowsFile(file) && corpus === undefined) {
      throw new InputError('--queries of rows (.npy) are for --corpus');
    }
    const encoder = needsEncoder ? await openSentenceEncoder(folder, request.settings) : undefined;
    const queries = await readQueries(request, encoder, input);
    const documents = await readDocuments(request, encoder, input);
    const width = queries.matrix.cols;
    const adapter = readAdapterOption(input, width);
    if (width !== documents.matrix.cols) {
      const { cols } = documents.matrix;
      const hint =
        encoder !== undefined && cols < encoder.width
          ? `; are they of another encoder, or of --dimensions ${cols}?`
          : '';
      throw new InputError(
        `${corpus}: its rows have ${cols} columns, those of the queries ${width}${hint}`,
      );
    }
    if (adapter !== undefined) {
      queries.matrix = adapter.apply(queries.matrix);
      documents.matrix = adapter.apply(documents.matrix, { side: 'document' });
    }
    const { indices, scores } = request.hybrid
      ? nearestHybrid(queries, documents, k, encoder)
      : nearest(queries.matrix, documents.matrix, k, encoder);
    const count = queries.matrix.rows;
    const found = indices.length / count;
    for (let row = 0; row < count; row++) {
      const results = Array.from({ length: found }, (_, rank) => {
        const index = indices[row * found + rank] as number;
        return {
          ...{ rank: rank + 1, index, id: documents.ids[index] as string },
          ...{ score: scores[row * found + rank] as number, text: documents.texts?.[index] },
        };
      });
      const query = { id: queries.ids[row] as string, text: queries.texts?.[row] };
      terminal.event('result', { query: query.id, text: query.text, results });
      printResults(terminal, { ...query, index: row, of: count }, results);
    }
    terminal.event('done', {
      ...{ queries: count, documents: documents.matrix.rows, width, k: found },
      ...{ similarity: encoder?.similarityName ?? 'cosine', hybrid: request.hybrid },
      cut: documents.cut,
    });
  },
};
