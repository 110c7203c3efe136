/**
 * Examples for sentence encoders from files with columns of many names: pairs (with negatives),
 * pairs with scores, texts with labels, texts alone.
 */

import { createHash } from 'node:crypto';
import { InputError } from '../../terminal/errors.js';
import { flattenRows, type Rows, readRecords, type TableRow } from './records.js';
import { holdsScores, refuseScores, scoreOf } from './scores.js';

/** Columns that a file is read by; undefined ones are found by their names. */
export interface ColumnNames {
  anchor?: string | undefined;
  positive?: string | undefined;
  negative?: string | undefined;
  score?: string | undefined;
  text?: string | undefined;
  label?: string | undefined;
}

/** Examples of one kind. */
export type Examples =
  | { kind: 'pairs'; pairs: [string, string][]; negatives: string[][] }
  | { kind: 'scores'; pairs: [string, string][]; scores: number[] }
  | { kind: 'labels'; texts: string[]; labels: string[] }
  | { kind: 'texts'; texts: string[] };

/** Examples, and what the user should know of how they were read. */
export interface ReadExamples {
  examples: Examples;
  /** Columns that were read, and what was left out. */
  notes: string[];
  /** Number of rows that the path holds. */
  rows: number;
  /** For each text, where texts are read, its row. */
  kept: number[];
  hash: string;
}

/** Kinds of columns, and names that they have in public datasets, without case, blanks and signs. */
const SYNONYMS: Readonly<Record<keyof ColumnNames, readonly string[]>> = {
  anchor: namesOf(
    'anchor query queries question question1 sentence1 text1 texta sentencea s1 sent0 sent1 premise title summary',
    'prompt instruction source src input keywords keyword name term word q a first left english en subject',
  ),
  positive: namesOf(
    'positive positives pos document documents doc passage passages answer answers question2 sentence2 text2',
    'textb sentenceb s2 sent1 sent2 hypothesis body description documentation context response completion target tgt output',
    'definition gloss abstract content b second right reply translation a',
  ),
  negative: namesOf('negative negatives neg hardnegative hardnegatives'),
  score: namesOf(
    'score scores similarity similarityscore sim relatedness relatednessscore grade rating relevance',
    'isduplicate duplicate isparaphrase paraphrase issimilar similar isequivalent equivalent gold',
  ),
  text: namesOf(
    'text sentence content review tweet message utterance comment body document description query question',
    'title input',
  ),
  label: namesOf(
    'label labels class category intent topic target sentiment tag labeltext rating stars score',
  ),
};

function namesOf(...lists: string[]): string[] {
  return lists.flatMap((list) => list.split(' '));
}

/** A column's name without case, blanks and signs, and without units: `similarity (%)`. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/(?<=\S)\s*(\([^()]*\)|\[[^\]]*\]|[?%])$/, '')
    .replace(/[\s_\-.\u200B-\u200D\uFEFF]+/g, '');

/** Words of a column's name: `search_query`, `ProductTitle`, `data.query`. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u);

/** Words that a name has at most: what has more, or ends as a sentence does, is a text. */
const MAX_WORDS = 5;

/** Words of the names of columns without texts. */
const NO_TEXT = ['id', 'ids', 'url', 'uri', 'link', 'count', 'length', 'date', 'time', 'lang'];

type Kind = keyof ColumnNames;

/** Columns that are read. */
interface Columns {
  anchor?: string;
  positive?: string;
  negatives: string[];
  score?: string;
  text?: string;
  label?: string;
}

/** Columns of a table, and how their names are read. */
interface Names {
  readonly columns: readonly string[];
  /** Tells whether a name is known by one of its words. */
  readonly byWords: boolean;
}

/** Finds the column of a kind: the one that was asked for, or the first known name that there is. */
function findColumn(
  path: string,
  { columns, byWords }: Names,
  kind: Kind,
  asked: string | undefined,
  taken: readonly (string | undefined)[],
): string | undefined {
  if (asked !== undefined) {
    const found =
      columns.find((name) => name === asked) ??
      columns.find((name) => plain(name) === plain(asked));
    if (found !== undefined) return found;
    throw new InputError(`--${kind} ${asked}: ${path} has no such column; it has ${list(columns)}`);
  }
  for (const synonym of SYNONYMS[kind]) {
    const isNamed = (name: string): boolean => {
      if (plain(name) === synonym) return true;
      const words = byWords && !/[.?!]$/.test(name) ? wordsOf(name) : [];
      if (words.length > MAX_WORDS) return false;
      return words.includes(synonym) && !words.some((word) => NO_TEXT.includes(word));
    };
    const found = columns.find((name) => isNamed(name) && !taken.includes(name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Characters of the name of a column at most; a longer one is a text of a table without names. */
const LONGEST_NAME = 40;

const list = (columns: readonly string[]): string =>
  columns.map((name) => JSON.stringify(name)).join(', ');

/** Names of which two stand for the two sides of a comparison, so that `label` may be its score. */
const COMPARED = /^((sentence|text|question|s|sent|phrase)(1|a)|premise|anchor|first|left|a)$/;
/** Names that say little: with labels in the file, they are texts with labels. */
const WEAK = /^(title|summary|name|subject|term|word|keywords?|input)$/;

/**
 * Decides what the columns are; undefined if none is known.
 *
 * @param byWords whether a column is known by one of the words of its name
 */
function chooseColumns(
  path: string,
  table: Rows,
  names: ColumnNames,
  byWords: boolean,
): Columns | undefined {
  const named: Names = { columns: table.columns, byWords };
  const find = (kind: Kind, taken: readonly (string | undefined)[] = []): string | undefined =>
    findColumn(path, named, kind, names[kind], taken);
  const label = find('label', [names.text, names.anchor, names.positive]);
  const wantsText = names.text !== undefined || names.label !== undefined;
  const anchor = wantsText ? undefined : find('anchor', [names.positive]);
  const positive =
    wantsText || anchor === undefined
      ? undefined
      : (find('positive', [anchor]) ?? findColumn(path, named, 'text', undefined, [anchor, label]));
  const isPair = anchor !== undefined && positive !== undefined;
  const isWeak =
    names.anchor === undefined && names.positive === undefined && names.score === undefined;
  if (
    isPair &&
    !(isWeak && label !== undefined && label !== positive && WEAK.test(plain(anchor)))
  ) {
    return { anchor, positive, ...furtherColumns(path, table, names, named, anchor, positive) };
  }
  const text = find('text', [label]) ?? (label === undefined ? undefined : anchor);
  if (text === undefined) return undefined;
  return { text, negatives: [], ...(label !== undefined && { label }) };
}

/** Finds the columns of a table, if need be in objects within its rows or by words of their names. */
function readColumns(path: string, table: Rows, names: ColumnNames): [Columns, Rows] {
  const isNested = Object.values(names).some((name) => name?.includes('.'));
  const whole = isNested ? flattenRows(table) : table;
  const found = chooseColumns(path, whole, names, false);
  if (found !== undefined) return [found, whole];
  const flat = flattenRows(table);
  const columns = chooseColumns(path, flat, names, true);
  if (columns !== undefined) return [columns, flat];
  const texts = flat.columns.find((name) => name.length > LONGEST_NAME);
  if (texts !== undefined) {
    throw new InputError(
      `${path}: must begin with the names of its columns, such as anchor and positive, got ` +
        JSON.stringify(`${texts.slice(0, LONGEST_NAME)}…`),
    );
  }
  throw new InputError(
    `${path}: has neither two columns of texts (anchor, positive) nor one (text); its columns are ` +
      `${list(flat.columns)}; --anchor and --positive, or --text, say which to read`,
  );
}

/** Finds the negatives and the scores of pairs. */
function furtherColumns(
  path: string,
  table: Rows,
  names: ColumnNames,
  named: Names,
  anchor: string,
  positive: string,
): Pick<Columns, 'negatives' | 'score'> {
  const { columns } = table;
  const isNegative = (name: string): boolean =>
    /^(hard)?neg(ative)?s?\d*$/.test(plain(name)) && name !== anchor && name !== positive;
  const negatives =
    names.negative === undefined
      ? columns.filter(isNegative)
      : [findColumn(path, named, 'negative', names.negative, []) as string];
  const score = findColumn(path, named, 'score', names.score, [anchor, positive]);
  if (score !== undefined) {
    if (names.score === undefined && !holdsScores(table, score)) refuseScores(path, table, score);
    return { negatives, score };
  }
  if (!COMPARED.test(plain(anchor))) return { negatives };
  // Of two texts that are compared, `label`, `mean_score` or `human similarity` is the score, too.
  const byWord = { columns, byWords: true };
  const further = [
    columns.find((name) => /^(gold)?labels?$/.test(plain(name))),
    findColumn(path, byWord, 'score', undefined, [anchor, positive]),
  ].find((name) => name !== undefined && holdsScores(table, name));
  return { negatives, ...(further !== undefined && { score: further }) };
}

/** Counts of rows that are left out. */
class Omissions {
  /** Rows of the texts that are kept. */
  readonly kept: number[] = [];
  readonly #counts = new Map<string, number>();

  add(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  notes(rows: number): string[] {
    return [...this.#counts].map(
      ([reason, count]) => `${count} of ${rows} rows are left out: ${reason}`,
    );
  }
}

/** Reads a cell as texts: a list has several. */
function textsOf(at: string, column: string, cell: unknown): string[] {
  if (cell === undefined || cell === null) return [];
  if (Array.isArray(cell)) return cell.flatMap((item) => textsOf(at, column, item));
  if (typeof cell === 'object') {
    const { text } = cell as { text?: unknown };
    if (text !== undefined) return textsOf(at, column, text);
    throw new InputError(`${at}: ${column} must be a text or a list of texts, got an object`);
  }
  const text = String(cell);
  if (text.trim() === '' || MISSING_TEXT.test(text)) return [];
  return listOf(text) ?? [text];
}

/** Cells that programs write for a missing value. */
const MISSING_TEXT = /^(NaN|NULL|#?N\/A)$/;

/** Reads a list of texts that a cell of a table holds as JSON. */
function listOf(text: string): string[] | undefined {
  if (!/^\s*\["[\s\S]*"\]\s*$/.test(text)) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a cell as one text; empty ones are undefined. */
function textOf(at: string, column: string, cell: unknown): string | undefined {
  const texts = textsOf(at, column, cell);
  if (texts.length > 1) {
    throw new InputError(`${at}: ${column} must be one text, got a list of ${texts.length}`);
  }
  return texts[0];
}

function readPairs(rows: readonly TableRow[], columns: Columns, left: Omissions): Examples {
  const { anchor = '', positive = '', negatives: columnsOfNegatives } = columns;
  const pairs: [string, string][] = [];
  const negatives: string[][] = [];
  const seen = new Set<string>();
  for (const { at, cells } of rows) {
    const anchors = textsOf(at, anchor, cells[anchor]);
    const positives = textsOf(at, positive, cells[positive]);
    if (anchors.length === 0 || positives.length === 0) {
      left.add(`${anchors.length === 0 ? anchor : positive} is empty`);
      continue;
    }
    const hard = columnsOfNegatives.flatMap((name) => textsOf(at, name, cells[name]));
    let added = false;
    for (const first of anchors) {
      for (const second of positives) {
        if (first === second) continue;
        const key = JSON.stringify([first, second]);
        if (seen.has(key)) continue;
        seen.add(key);
        pairs.push([first, second]);
        negatives.push(hard.filter((text) => !positives.includes(text)));
        added = true;
      }
    }
    if (!added) left.add('they repeat a pair, or both texts are equal');
  }
  return { kind: 'pairs', pairs, negatives };
}

function readScores(rows: readonly TableRow[], columns: Columns, left: Omissions): Examples {
  const { anchor = '', positive = '', score: column = '' } = columns;
  const pairs: [string, string][] = [];
  const scores: number[] = [];
  for (const { at, cells } of rows) {
    const first = textOf(at, anchor, cells[anchor]);
    const second = textOf(at, positive, cells[positive]);
    const score = scoreOf(at, column, cells[column]);
    if (first === undefined || second === undefined || score === undefined) {
      left.add(
        `${first === undefined ? anchor : second === undefined ? positive : column} is empty`,
      );
      continue;
    }
    pairs.push([first, second]);
    scores.push(score);
  }
  return { kind: 'scores', pairs, scores };
}

function readLabels(rows: readonly TableRow[], columns: Columns, left: Omissions): Examples {
  const { text: column = '', label: labels = '' } = columns;
  const texts: string[] = [];
  const found: string[] = [];
  for (const [row, { at, cells }] of rows.entries()) {
    const text = textOf(at, column, cells[column]);
    const label = textOf(at, labels, cells[labels]);
    if (text === undefined || label === undefined) {
      left.add(`${text === undefined ? column : labels} is empty`);
      continue;
    }
    left.kept.push(row);
    texts.push(text);
    found.push(label.trim());
  }
  return { kind: 'labels', texts, labels: found };
}

function readTexts(rows: readonly TableRow[], columns: Columns, left: Omissions): Examples {
  const { text: column = '' } = columns;
  const texts: string[] = [];
  for (const [row, { at, cells }] of rows.entries()) {
    const text = textOf(at, column, cells[column]);
    if (text === undefined) {
      left.add(`${column} is empty`);
      continue;
    }
    left.kept.push(row);
    texts.push(text);
  }
  return { kind: 'texts', texts };
}

/** Refuses examples that nothing can be learned from. */
function checkVariety(path: string, examples: Examples): void {
  const list = 'pairs' in examples ? examples.pairs : examples.texts;
  if (list.length < 2) {
    throw new InputError(`${path}: at least two examples are needed, got ${list.length}`);
  }
  for (const side of examples.kind === 'pairs' ? ([0, 1] as const) : []) {
    const [first] = examples.kind === 'pairs' ? examples.pairs : [];
    if (examples.kind === 'pairs' && examples.pairs.every((pair) => pair[side] === first?.[side])) {
      throw new InputError(
        `${path}: all pairs have the same ${side === 0 ? 'first' : 'second'} text`,
      );
    }
  }
  if (examples.kind === 'scores' && new Set(examples.scores).size < 2) {
    throw new InputError(`${path}: all scores are ${examples.scores[0]}; at least two are needed`);
  }
  if (examples.kind === 'labels') {
    const counts = new Map<string, number>();
    for (const label of examples.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    if (counts.size < 2) {
      throw new InputError(
        `${path}: all labels are ${examples.labels[0]}; at least two are needed`,
      );
    }
    if (Math.max(...counts.values()) < 2) {
      throw new InputError(`${path}: no two texts have the same label`);
    }
  }
  if (examples.kind === 'texts' && !examples.texts.some((text) => /\S\s+\S/.test(text))) {
    throw new InputError(`${path}: no text has two words, of which one could find the other`);
  }
}

/** Columns that are not read and are named. */
const MAX_UNREAD = 6;

/**
 * Reads the examples of a path.
 *
 * @throws {InputError} if no column is known, with those that there are, or a cell has a wrong kind
 */
export function readExamples(path: string, names: ColumnNames = {}): ReadExamples {
  const [columns, table] = readColumns(path, readRecords(path), names);
  const left = new Omissions();
  const { anchor, positive, negatives, score, text, label } = columns;
  const readRows =
    text !== undefined
      ? label === undefined
        ? readTexts
        : readLabels
      : score === undefined
        ? readPairs
        : readScores;
  const examples = readRows(table.rows, columns, left);
  const used =
    text === undefined
      ? [
          `pairs of ${anchor} and ${positive}`,
          ...(score === undefined ? [] : [`scores in ${score}`]),
        ]
      : [`texts in ${text}`, ...(label === undefined ? [] : [`labels in ${label}`])];
  if (score === undefined && negatives.length > 0)
    used.push(`negatives in ${negatives.join(', ')}`);
  const count = 'pairs' in examples ? examples.pairs.length : examples.texts.length;
  checkVariety(path, examples);
  const read = [anchor, positive, score, text, label, ...negatives];
  const unread = table.columns.filter((name) => !read.includes(name));
  const notes = [
    `${path}: ${count} ${used.join(', ')}`,
    ...(unread.length === 0
      ? []
      : [
          `not read: ${unread.slice(0, MAX_UNREAD).join(', ')}${unread.length > MAX_UNREAD ? ', …' : ''}`,
        ]),
    ...left.notes(table.rows.length),
  ];
  const hash = createHash('sha256').update(JSON.stringify(examples)).digest('hex');
  return { examples, notes, rows: table.rows.length, kept: left.kept, hash };
}
