/**
 * Examples for sentence encoders from files with columns of many names: pairs (with negatives),
 * pairs with scores, texts with labels, texts alone.
 */

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { InputError } from '../../terminal/errors.js';
import { sampleColumns } from './column-samples.js';
import { type ColumnNames, type Columns, NO_SCORE, readColumns } from './example-columns.js';
import { type Rows, readRecords, type TableRow } from './records.js';
import { rangeOf, SCORE_FORMS, scoreOf } from './scores.js';

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
  const { anchor = '', positives: columnsOfPositives, negatives: columnsOfNegatives } = columns;
  const pairs: [string, string][] = [];
  const negatives: string[][] = [];
  const seen = new Set<string>();
  for (const { at, cells } of rows) {
    const anchors = textsOf(at, anchor, cells[anchor]);
    const positives = columnsOfPositives.flatMap((name) => textsOf(at, name, cells[name]));
    if (anchors.length === 0 || positives.length === 0) {
      left.add(`${anchors.length === 0 ? anchor : columnsOfPositives.join(', ')} is empty`);
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
  const { anchor = '', positives, score: column = '', form } = columns;
  const [positive = ''] = positives;
  const pairs: [string, string][] = [];
  const scores: number[] = [];
  for (const { at, cells } of rows) {
    const first = textOf(at, anchor, cells[anchor]);
    const second = textOf(at, positive, cells[positive]);
    const score = scoreOf(at, column, cells[column], form);
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

/** Examples that can be trained on, chosen by and measured with. */
const MIN_EXAMPLES = 4;

/** Refuses examples that nothing can be learned from. */
function checkVariety(path: string, examples: Examples, { label, score }: Columns): void {
  const list = 'pairs' in examples ? examples.pairs : examples.texts;
  if (list.length < MIN_EXAMPLES) {
    throw new InputError(`${path}: at least four examples are needed, got ${list.length}`);
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
    throw new InputError(
      `${path}: all scores are ${examples.scores[0]} in ${score}; at least two are needed, or --score ${NO_SCORE}, ` +
        'with which all rows are pairs that belong together',
    );
  }
  if (examples.kind === 'labels') {
    const counts = new Map<string, number>();
    for (const label of examples.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    if (counts.size < 2) {
      throw new InputError(
        `${path}: all labels in ${label} are ${examples.labels[0]}; at least two are needed`,
      );
    }
    if ([...counts.values()].every((count) => count < 2)) {
      throw new InputError(
        `${path}: no two texts have the same label in ${label}; --text alone reads texts without labels`,
      );
    }
  }
  if (examples.kind === 'texts' && !examples.texts.some((text) => /\S\s+\S/.test(text))) {
    throw new InputError(`${path}: no text has two words, of which one could find the other`);
  }
}

/** Columns that are not read and are named. */
const MAX_UNREAD = 6;

const listed = (names: readonly string[]): string =>
  `${names.slice(0, MAX_UNREAD).join(', ')}${names.length > MAX_UNREAD ? ', …' : ''}`;

/** Refuses files of a folder without the columns that others have. */
function checkFiles(needed: readonly string[], { files }: Rows): void {
  for (const { file, columns } of files) {
    const missing = needed.find((name) => !columns.has(name));
    const other = files.find((each) => missing !== undefined && each.columns.has(missing));
    // Columns of objects and lists have names of their own.
    if (missing === undefined || other === undefined) continue;
    throw new InputError(
      `${file}: has no column ${missing}, and ${other.file} has; the files of a folder must have the same columns`,
    );
  }
}

/** Returns a hash of examples, whose JSON may be longer than a string can be. */
function hashExamples(examples: Examples): string {
  const hash = createHash('sha256').update(examples.kind);
  const lists: (readonly unknown[])[] = Object.values(examples).filter(Array.isArray);
  for (const list of lists) for (const item of list) hash.update(`${JSON.stringify(item)}\n`);
  return hash.digest('hex');
}

/** Says what was read as what. */
function describe(
  { anchor, positives, negatives, score, form, text, label }: Columns,
  examples: Examples,
): string {
  if ('texts' in examples) {
    const labels = label === undefined ? '' : `, labels in ${label}`;
    return `${examples.texts.length} texts in ${text}${labels}`;
  }
  const pairs = `${examples.pairs.length} pairs of ${anchor} and ${listed(positives)}`;
  const hard = negatives.length === 0 ? '' : `, negatives in ${listed(negatives)}`;
  if (examples.kind !== 'scores') return pairs + hard;
  const { scores } = examples;
  const [low, high] = rangeOf(scores);
  const [from, to] = [low, high].map((score) => Number(score.toPrecision(4)));
  const range = form === 'classes' ? '' : `${from} to ${to}, `;
  return `${pairs}, scores in ${score} (${range}${SCORE_FORMS[form ?? 'numbers']})`;
}

/** Names columns of pairs without scores that may say which of the pairs belong together. */
function hintOf(table: Rows, unread: readonly string[]): string[] {
  const { mayGrade } = sampleColumns(table);
  const found = unread.filter((name) => mayGrade(name));
  if (found.length === 0) return [];
  return [
    `all pairs count as near; if ${listed(found)} says how near they are, --score names it (higher is nearer)`,
  ];
}

/**
 * Reads the examples of a path.
 *
 * @throws {InputError} if no column is known, with those that there are, or a cell has a wrong kind
 */
export function readExamples(path: string, names: ColumnNames = {}): ReadExamples {
  const records = readRecords(path);
  const [columns, table] = readColumns(path, records, names);
  const { anchor, positives, negatives, score, text, label } = columns;
  const needed = [anchor, ...positives, score, text, label].filter((name) => name !== undefined);
  checkFiles(needed, records);
  const left = new Omissions();
  const readRows =
    text !== undefined
      ? label === undefined
        ? readTexts
        : readLabels
      : score === undefined
        ? readPairs
        : readScores;
  const examples = readRows(table.rows, columns, left);
  checkVariety(path, examples, columns);
  const unread = table.columns.filter(
    (name) => !needed.includes(name) && !negatives.includes(name),
  );
  const notes = [
    `${path}: ${describe(columns, examples)}`,
    ...(unread.length === 0 ? [] : [`not read: ${listed(unread)}`]),
    ...(examples.kind === 'pairs' && negatives.length === 0 && names.score === undefined
      ? hintOf(table, unread)
      : []),
    ...left.notes(table.rows.length),
    ...(records.files.length < 2
      ? []
      : [
          `${records.files.length} files are read as one: ${listed(records.files.map(({ file }) => basename(file)))}`,
        ]),
  ];
  const hash = hashExamples(examples);
  return { examples, notes, rows: table.rows.length, kept: left.kept, hash };
}
