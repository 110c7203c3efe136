/** Columns of the examples of sentence encoders: which of a table's are read, and as what. */

import { InputError } from '../../terminal/errors.js';
import { type ColumnSamples, sampleColumns } from './column-samples.js';
import { flattenRows, type Rows, splitPairCells } from './records.js';
import { holdsScores, type ScoreForm, scoreFormOf, valuesOf } from './scores.js';

/** Columns that a file is read by; undefined ones are found by their names. */
export interface ColumnNames {
  anchor?: string | undefined;
  positive?: string | undefined;
  negative?: string | undefined;
  score?: string | undefined;
  text?: string | undefined;
  label?: string | undefined;
}

/** Columns that are read. */
export interface Columns {
  anchor?: string;
  /** Columns of texts that belong to the anchor. */
  positives: string[];
  negatives: string[];
  score?: string;
  /** Form of the scores. */
  form?: ScoreForm;
  text?: string;
  label?: string;
}

/** Kinds of columns, and names that they have in public datasets, without case, blanks and signs. */
const SYNONYMS: Readonly<Record<keyof ColumnNames, readonly string[]>> = {
  anchor: namesOf(
    'anchor query queries question question1 sentence1 text1 texta sentencea s1 sent0 sent1 premise title summary',
    'prompt instruction source src input keywords keyword name term word q a first left ltable english en subject',
  ),
  positive: namesOf(
    'positive positives pos document documents doc passage passages answer answers chosen question2 sentence2 text2',
    'textb sentenceb s2 sent1 sent2 hypothesis body description documentation context response completion target tgt output',
    'definition gloss abstract content b second right rtable reply translation paraphrases a',
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

/** Names of positives that say so, before all others. */
const POSITIVE = ['positive', 'positives', 'pos'];
/** Words of the names of labels. */
const LABEL_WORDS = namesOf('label labels class category intent topic sentiment');
/** Words of the names of scores. */
const SCORE_WORDS = namesOf('relevance relevancy relevant similarity');
/** Words of the names of negatives. */
const NEGATIVE = namesOf(
  'negative negatives neg negs hardnegative hardnegatives rejected incorrect wrong distractor distractors',
);
/** Names of columns that say whether a pair belongs together. */
const VERDICT = namesOf(
  'label labels goldlabel target rel relevant isrelevant match ismatch matched same issame related isrelated',
  'correct iscorrect clicked isclicked click selected isselected isanswer equal entailment verdict',
);
/** Names that texts have where a file has no pairs. */
const STRONG_TEXT = namesOf('text sentence content review tweet message utterance comment');
/** Names of which two stand for the two sides of a comparison, so that numbers are its score. */
const COMPARED =
  /^((sentence|text|question|s|sent|phrase)(1|a)|premise|anchor|first|left|ltable.*|a)$/;
/** Names that say little: with labels in the file, they are texts with labels. */
const WEAK = /^(title|summary|name|subject|term|word|keywords?|input)$/;
/** Words of the names of columns without texts. */
const NO_TEXT = namesOf('id ids url uri link count length date time lang');

/** Words that a name has at most: what has more, or ends as a sentence does, is a text. */
const MAX_WORDS = 5;
/** Characters of the name of a column at most; a longer one is a text of a table without names. */
const LONGEST_NAME = 40;
/** Name that stands for no column of scores. */
export const NO_SCORE = 'none';

/** Different values of a column of classes at most. */
const MAX_CLASSES = 10;

/** A column's name without case, blanks and signs, and without units: `similarity (%)`. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/(?<=\S)\s*(\([^()]*\)|\[[^\]]*\]|[?%])$/, '')
    .replace(/[\s_\-.\u200B-\u200D\uFEFF]+/g, '');

/** Words of a column's name: `search_query`, `ProductTitle`, `data.query`, `answer1`. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');

/** Tells whether a name has one of some words, with or without a number behind it. */
function hasWord(name: string, wanted: readonly string[]): boolean {
  if (/[.?!]$/.test(name)) return false;
  const words = wordsOf(name);
  if (words.length > MAX_WORDS || words.some((word) => NO_TEXT.includes(word))) return false;
  return words.some((word) => wanted.includes(word) || wanted.includes(word.replace(/\d+$/, '')));
}

const list = (columns: readonly string[]): string =>
  columns.map((name) => JSON.stringify(name)).join(', ');

/** A table whose columns are looked for. */
interface Search {
  readonly path: string;
  readonly table: Rows;
  readonly names: ColumnNames;
  readonly samples: ColumnSamples;
}

/** Finds the column that an option names. */
function askedColumn({ path, table, names }: Search, kind: keyof ColumnNames): string | undefined {
  const asked = names[kind];
  if (asked === undefined) return undefined;
  const { columns } = table;
  const found =
    columns.find((name) => name === asked) ?? columns.find((name) => plain(name) === plain(asked));
  if (found !== undefined) return found;
  throw new InputError(`--${kind} ${asked}: ${path} has no such column; it has ${list(columns)}`);
}

/** Finds the first known name of a kind, or the column that was asked for. */
function findColumn(
  search: Search,
  kind: keyof ColumnNames,
  byWords: boolean,
  taken: readonly (string | undefined)[] = [],
): string | undefined {
  const asked = askedColumn(search, kind);
  if (asked !== undefined) return asked;
  const holdsTexts = kind === 'anchor' || kind === 'positive' || kind === 'text';
  const columns = search.table.columns.filter(
    (name) =>
      !taken.includes(name) &&
      !(holdsTexts && (isNegative(search, name) || search.samples.holdsNoTexts(name))),
  );
  for (const synonym of SYNONYMS[kind]) {
    const isNamed = (name: string): boolean =>
      plain(name) === synonym || (byWords && synonym.length > 1 && hasWord(name, [synonym]));
    const found = columns.find(isNamed);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Tells whether a column holds texts that do not belong to the anchor. */
function isNegative({ samples }: Search, name: string): boolean {
  return (
    (/^(hard)?neg(ative)?s?\d*$/.test(plain(name)) || hasWord(name, NEGATIVE)) &&
    !samples.holdsNoTexts(name)
  );
}

/** The two sides of pairs. */
interface Sides {
  anchor: string;
  positives: string[];
  /** True if two texts of one kind are compared. */
  isCompared: boolean;
}

/** Finds the two sides of pairs by their names. */
function findSides(search: Search, byWords: boolean, label: string | undefined): Sides | undefined {
  const { names } = search;
  const anchor = findColumn(search, 'anchor', byWords, [names.positive]);
  if (anchor === undefined) return undefined;
  const columns = search.table.columns.filter((name) => name !== anchor);
  const isPositive = (name: string): boolean =>
    POSITIVE.includes(plain(name)) ||
    (hasWord(name, POSITIVE) && !search.samples.holdsNoTexts(name));
  const positive =
    (names.positive === undefined
      ? columns.find((name) => isPositive(name) && !isNegative(search, name))
      : undefined) ??
    findColumn(search, 'positive', byWords, [anchor, byWords ? label : undefined]) ??
    findColumn({ ...search, names: {} }, 'text', byWords, [anchor, label]);
  if (positive === undefined) return undefined;
  // Of two things with several texts each, the texts of one name are compared.
  const other = /1$/.test(plain(anchor)) ? plain(anchor).replace(/1$/, '2') : undefined;
  const isOther = columns.some((name) => plain(name) === other) && plain(positive) !== other;
  if (isOther && names.positive === undefined) return undefined;
  if (positive === anchor) {
    throw new InputError(`--anchor and --positive must be two columns, got ${anchor} twice`);
  }
  const positives = names.positive === undefined ? numbered(columns, positive) : [positive];
  return { anchor, positives, isCompared: COMPARED.test(plain(anchor)) };
}

/** Columns that go on counting: `answer1`, `answer2`, …. */
function numbered(columns: readonly string[], first: string): string[] {
  const stem = /^(.*\D)1$/.exec(plain(first))?.[1];
  if (stem === undefined) return [first];
  const isNext = (name: string): boolean =>
    plain(name).startsWith(stem) && /^\d+$/.test(plain(name).slice(stem.length));
  return columns.filter((name) => name === first || isNext(name));
}

/** Finds two columns of one name with 1 and 2, or a and b: `title1` and `title2`. */
function findNumberedSides({ table, samples }: Search): Sides | undefined {
  const columns = table.columns.filter(
    (name) => !samples.holdsNoTexts(name) && !wordsOf(name).some((word) => NO_TEXT.includes(word)),
  );
  for (const anchor of columns) {
    const name = plain(anchor);
    const stem = name.replace(/(1|a)$/, '');
    const nextOf = name.endsWith('1') ? ['2'] : name.endsWith('a') ? ['b', '2'] : ['2'];
    const seconds = [...nextOf.map((end) => stem + end), `${name}2`];
    const positive = stem === '' ? undefined : columns.find((c) => seconds.includes(plain(c)));
    // Three or more are choices.
    if (columns.some((c) => [`${stem}3`, `${stem}c`].includes(plain(c)))) continue;
    if (positive !== undefined) return { anchor, positives: [positive], isCompared: true };
  }
  return undefined;
}

/** Finds the two sides of pairs: by whole names, by lists of two texts, by words of names, by numbers. */
function findPair(
  whole: Search,
  flat: Search,
  label: string | undefined,
  labelByWords: string | undefined,
): { search: Search; sides: Sides } | undefined {
  const { names, path } = whole;
  const isAsked = [names.anchor, names.positive, names.score].some((name) => name !== undefined);
  const exact = findSides(whole, false, label);
  if (exact !== undefined) {
    const isText = exact.positives.some((name) => STRONG_TEXT.includes(plain(name)));
    const own = label ?? (isText ? labelByWords : undefined);
    const isPair = isAsked || own === undefined || exact.positives.includes(own);
    return isPair || !WEAK.test(plain(exact.anchor)) ? { search: whole, sides: exact } : undefined;
  }
  const lists = splitPairCells(whole.table);
  const hasSentences = whole.table.columns.some(
    (name) => lists?.columns.includes(name) && whole.samples.holdsSentences(name),
  );
  if (lists !== undefined && !hasSentences) {
    const search = searchOf(path, lists, names);
    const sides = findNumberedSides(search);
    if (sides !== undefined) return { search, sides };
  }
  const hasText = whole.table.columns.some((name) => STRONG_TEXT.includes(plain(name)));
  if (hasText && label !== undefined && !isAsked) return undefined;
  const byWords = hasText && !isAsked ? undefined : findSides(flat, true, labelByWords);
  if (byWords !== undefined) return { search: flat, sides: byWords };
  const numberedSides = isAsked ? undefined : findNumberedSides(flat);
  return numberedSides && { search: flat, sides: numberedSides };
}

/** Completes the columns of pairs by their negatives and scores. */
function pairColumns(search: Search, { isCompared, ...sides }: Sides): Columns {
  const { table, names } = search;
  const taken = [sides.anchor, ...sides.positives];
  const asked = askedColumn(search, 'negative');
  const negatives =
    asked === undefined
      ? table.columns.filter((name) => isNegative(search, name) && !taken.includes(name))
      : [asked];
  const score = findScore(search, taken, isCompared, negatives.length > 0);
  if (score === undefined) return { ...sides, negatives };
  const isInference = taken.some((name) => /^(premise|hypothesis)$/.test(plain(name)));
  const form = scoreFormOf(search.path, table, score, isInference, names.score !== undefined);
  return { ...sides, negatives: [], score, form };
}

/** Finds the column of the scores of pairs. */
function findScore(
  search: Search,
  taken: readonly string[],
  isCompared: boolean,
  hasNegatives: boolean,
): string | undefined {
  const { path, table, names, samples } = search;
  const isNone = names.score === NO_SCORE && !table.columns.includes(NO_SCORE);
  if (isNone) return undefined;
  const asked = askedColumn(search, 'score');
  if (asked !== undefined) return asked;
  // A score of a triplet is that of a teacher: its positive belongs to the anchor all the same.
  if (hasNegatives) return undefined;
  const known = findColumn(search, 'score', false, taken);
  const columns = table.columns.filter((name) => !taken.includes(name));
  const verdict = VERDICT.flatMap((name) => columns.filter((column) => plain(column) === name));
  const further = isCompared ? findColumn(search, 'score', true, taken) : undefined;
  const byWords = columns.filter((name) => hasWord(name, SCORE_WORDS));
  const found = [known, ...verdict, ...byWords, further].find(
    (name) => name !== undefined && holdsScores(table, name),
  );
  if (found !== undefined) return found;
  const classes = columns.find(
    (name) =>
      hasWord(name, ['label', 'labels']) && samples.classesOf(name, MAX_CLASSES) !== undefined,
  );
  const unclear = known ?? classes;
  if (unclear === undefined) return undefined;
  if (holdsScores(table, unclear)) {
    throw new InputError(
      `${path}: --score ${unclear} reads it as how near the texts of a pair are, and with --score ${NO_SCORE} ` +
        'all rows are pairs that belong together',
    );
  }
  throw new InputError(
    `${path}: ${unclear} must hold numbers, got ${valuesOf(table, unclear)}; --score names another column, ` +
      `and with --score ${NO_SCORE} all rows are pairs that belong together`,
  );
}

/** Finds the columns of texts alone, or with labels. */
function textColumns(
  search: Search,
  byWords: boolean,
  label: string | undefined,
): Columns | undefined {
  const { path, table, names, samples } = search;
  const found =
    findColumn(search, 'text', byWords, [label]) ??
    (label === undefined ? undefined : findColumn(search, 'anchor', byWords, [label]));
  if (found === undefined) return undefined;
  const columns = {
    text: found,
    positives: [],
    negatives: [],
    ...(label !== undefined && { label }),
  };
  if (names.text !== undefined || names.label !== undefined) return columns;
  const isStrong = STRONG_TEXT.includes(plain(found)) || hasWord(found, STRONG_TEXT);
  const isPlain = label === undefined ? isStrong : !holdsScores(table, label);
  if (isPlain && label !== undefined) return columns;
  const other = table.columns.find(
    (name) =>
      ![found, label].includes(name) &&
      (!isPlain || SYNONYMS.positive.includes(plain(name))) &&
      !(label !== undefined && WEAK.test(plain(name))) &&
      !wordsOf(name).some((word) => NO_TEXT.includes(word)) &&
      samples.holdsSentences(name),
  );
  if (other === undefined) return columns;
  const alone = label === undefined ? '--text' : '--text and --label';
  throw new InputError(
    `${path}: has texts in ${list([found, other])}; --anchor and --positive say which belong together, ` +
      `${alone} what is read alone`,
  );
}

/** Options of columns that can't be given together. */
function checkNames({ anchor, positive, negative, score, text, label }: ColumnNames): void {
  const pair = Object.entries({ anchor, positive, negative, score }).find(([, name]) => name);
  if (negative !== undefined && score !== undefined && score !== NO_SCORE) {
    throw new InputError('--negative is for pairs without scores: leave out --negative or --score');
  }
  const alone = Object.entries({ text, label }).find(([, name]) => name);
  if (pair === undefined || alone === undefined) return;
  throw new InputError(
    `--${pair[0]} is for pairs, and --${alone[0]} for texts alone or with labels`,
  );
}

/**
 * Decides what the columns of a table are.
 *
 * @returns the columns, and the table with objects and lists in its rows made columns
 * @throws {InputError} if no column is known, or it is not clear what they are
 */
export function readColumns(path: string, table: Rows, names: ColumnNames): [Columns, Rows] {
  checkNames(names);
  const isNested = Object.values(names).some((name) => name?.includes('.'));
  const whole = searchOf(path, isNested ? flattenRows(table) : table, names);
  const flat = searchOf(path, flattenRows(whole.table), names);
  const label = findColumn(whole, 'label', false, [names.text, names.anchor, names.positive]);
  const labelByWords =
    label ??
    flat.table.columns.find(
      (name) => hasWord(name, LABEL_WORDS) && !flat.samples.holdsSentences(name),
    );
  const wantsText = names.text !== undefined || names.label !== undefined;
  const pair = wantsText ? undefined : findPair(whole, flat, label, labelByWords);
  if (pair !== undefined) return [pairColumns(pair.search, pair.sides), pair.search.table];
  const pairName = (['anchor', 'positive', 'negative', 'score'] as const).find((n) => names[n]);
  if (pairName !== undefined) {
    const missing = names.anchor === undefined ? '--anchor' : '--positive';
    throw new InputError(
      `--${pairName} ${names[pairName]}: ${path} has no other known column of texts; ${missing} names it among ` +
        list(table.columns),
    );
  }
  const exact = textColumns(
    whole,
    false,
    whole.table.columns.includes(labelByWords ?? '') ? labelByWords : label,
  );
  if (exact !== undefined) return [exact, whole.table];
  const words = textColumns(flat, true, labelByWords);
  if (words !== undefined) return [words, flat.table];
  throw unknownColumns(path, flat.table.columns);
}

function searchOf(path: string, table: Rows, names: ColumnNames): Search {
  return { path, table, names, samples: sampleColumns(table) };
}

/** The error of a table whose columns are not known, or have no names. */
function unknownColumns(path: string, columns: readonly string[]): InputError {
  const text = columns.find(
    (name) => name.length > LONGEST_NAME || wordsOf(name).length > MAX_WORDS,
  );
  if (text !== undefined) {
    const start = text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
    return new InputError(
      `${path}: must begin with the names of its columns, such as anchor and positive, got ` +
        JSON.stringify(start),
    );
  }
  return new InputError(
    `${path}: has neither two columns of texts (anchor, positive) nor one (text); its columns are ` +
      `${list(columns)}; --anchor and --positive, or --text, say which to read`,
  );
}
