/** Columns of examples as public datasets and spreadsheets have them: what is read, and what is refused. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'fflate';
import type * as ExamplesModule from '../../src/cli/input/examples.js';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';
import { load } from './load.js';

const test = suite('cli columns of examples');
const { readExamples } = await load<typeof ExamplesModule>('src/cli/input/examples.ts');
const folder = temporaryFolder('example-columns');

const THINGS = ['cat', 'dog', 'car', 'tree', 'music', 'bread', 'river', 'stone', 'paper', 'cloud'];
const indices = Array.from({ length: 20 }, (_, i) => i);
const q = (i: number): string => `how do I find the ${THINGS[i % 10]} number ${i}`;
const a = (i: number): string => `you see the ${THINGS[i % 10]} in list ${i}`;
const n = (i: number): string => `the ${THINGS[(i + 3) % 10]} shop ${i} is closed`;

type Row = (i: number) => (string | number)[];
const table = (head: string[], row: Row, delimiter = ','): string =>
  [head, ...indices.map(row)].map((cells) => cells.join(delimiter)).join('\n');
const lines = (row: (i: number) => unknown): string =>
  indices.map((i) => JSON.stringify(row(i))).join('\n');

function write(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
  return path;
}

type Options = Parameters<typeof readExamples>[1];

function read(name: string, contents: string | Uint8Array, options?: Options): string {
  const path = write(name, contents);
  try {
    return readExamples(path, options).notes.join('\n').replaceAll(`${folder}/`, '');
  } catch (error) {
    return `refused: ${(error as Error).message.replaceAll(`${folder}/`, '')}`;
  }
}

type Case = [name: string, contents: string | Uint8Array, expected: string, options?: Options];

function checkAll(cases: readonly Case[]): void {
  for (const [name, contents, expected, options] of cases) {
    const got = read(name, contents, options);
    check(got.includes(expected), `${name}: expected ${expected}\n  got ${got}`);
  }
}

test('a column that says which pairs belong together is read, whatever its name', () => {
  const pair = (head: string[], cell: Row): string => table(head, (i) => [q(i), a(i), ...cell(i)]);
  const verdict: Row = (i) => [i % 2];
  checkAll([
    ['qnli.csv', pair(['question', 'sentence', 'label'], verdict), 'scores in label (0 to 1'],
    ['wikiqa.csv', pair(['question', 'answer', 'label'], verdict), 'scores in label'],
    ['relevant.csv', pair(['query', 'document', 'relevant'], verdict), 'scores in relevant'],
    ['clicked.csv', pair(['query', 'title', 'clicked'], verdict), 'scores in clicked'],
    ['match.csv', pair(['text_a', 'text_b', 'match'], verdict), 'scores in match'],
    [
      'graded.csv',
      pair(['query', 'doc', 'relevance_label'], (i) => [i % 4]),
      'relevance_label (0 to 3',
    ],
    ['left.csv', pair(['ltable_title', 'rtable_title', 'label'], verdict), 'scores in label'],
    [
      'strings.csv',
      pair(['query', 'document', 'label'], (i) => [i % 2 ? 'relevant' : 'no match']),
      'refused: strings.csv: label must hold numbers, got "no match", "relevant"; --score names another',
    ],
    [
      'topic.csv',
      pair(['query', 'document', 'label'], (i) => [THINGS[i % 3] as string]),
      '20 pairs',
      { score: 'none' },
    ],
    ['ones.csv', pair(['query', 'document', 'label'], () => [1]), 'or --score none'],
    [
      'distance.csv',
      pair(['sentence1', 'sentence2', 'distance'], (i) => [i / 20]),
      'if distance says how near',
    ],
    [
      'category.csv',
      pair(['question', 'answer', 'category'], (i) => [THINGS[i % 3] as string]),
      'not read: category',
    ],
  ]);
});

test('numbers of the classes of inference are read in the order of public datasets', () => {
  const nli = (classes: number): string =>
    table(['premise', 'hypothesis', 'label'], (i) => [
      q(i),
      a(i),
      (i % classes) - (classes === 4 ? 1 : 0),
    ]);
  const three = readExamples(write('nli3.csv', nli(3))).examples;
  same(three.kind === 'scores' ? three.scores.slice(0, 3).join(' ') : three.kind, '1 0.5 0');
  checkAll([
    ['nli4.csv', nli(4), '0 is entailment, 1 neutral, 2 contradiction)\n5 of 20 rows are left out'],
    ['nli2.csv', nli(2), 'refused: nli2.csv: label holds 0 and 1, and either may be entailment'],
    ['nli2.csv', nli(2), 'scores in label (0 to 1, higher', { score: 'label' }],
  ]);
});

test('negatives and several positives are read, and a score next to negatives is not', () => {
  const row = (more: (i: number) => object) => lines((i) => ({ query: q(i), ...more(i) }));
  checkAll([
    [
      'dpo.jsonl',
      lines((i) => ({ prompt: q(i), chosen: a(i), rejected: n(i) })),
      'prompt and chosen, negatives in rejected',
    ],
    [
      'tevatron.jsonl',
      row((i) => ({
        positive_passages: [{ docid: 1, text: a(i) }],
        negative_passages: [{ docid: 2, text: n(i) }],
      })),
      'query and positive_passages, negatives in negative_passages',
    ],
    [
      'dpr.jsonl',
      lines((i) => ({
        question: q(i),
        answers: ['x'],
        positive_ctxs: [{ text: a(i) }],
        hard_negative_ctxs: [{ text: n(i) }],
      })),
      'question and positive_ctxs, negatives in hard_negative_ctxs',
    ],
    [
      'margin.jsonl',
      row((i) => ({ positive: a(i), negative: n(i), score: i })),
      'negatives in negative\nnot read: score',
    ],
    [
      'sciq.jsonl',
      row((i) => ({ distractor1: n(i), correct_answer: a(i) })),
      'correct_answer, negatives in distractor1',
    ],
    [
      'answers.csv',
      table(['question', 'answer1', 'answer2'], (i) => [q(i), a(i), n(i)]),
      '40 pairs of question and answer1, answer2',
    ],
    ['triplets.jsonl', lines((i) => ({ texts: [q(i), a(i), n(i)] })), 'negatives in negative'],
  ]);
});

test('two texts of one kind are pairs, and texts are not read alone next to others', () => {
  const two = (head: string[], more: Row = () => []): string =>
    table(head, (i) => [q(i), a(i), ...more(i)]);
  checkAll([
    [
      'titles.csv',
      two(['title1', 'title2', 'label'], (i) => [i % 2]),
      'title1 and title2, scores in label',
    ],
    [
      'names.csv',
      two(['name_a', 'name_b', 'same'], (i) => [i % 2 ? 'yes' : 'no']),
      'name_a and name_b, scores in same',
    ],
    ['text2.csv', two(['text', 'text2']), '20 pairs of text and text2'],
    [
      'input.jsonl',
      lines((i) => ({ texts: [q(i), a(i)], label: i % 2 })),
      'texts 1 and texts 2, scores in label',
    ],
    ['esci.csv', two(['query', 'product_title']), '20 pairs of query and product_title'],
    [
      'sentences.csv',
      two(['source_sentence', 'target_sentence']),
      'source_sentence and target_sentence',
    ],
    [
      'explained.csv',
      two(['question', 'explanation']),
      'refused: explained.csv: has texts in "question", "explanation"',
    ],
    [
      'explained.csv',
      two(['question', 'explanation']),
      '20 texts in question',
      { text: 'question' },
    ],
    [
      'claims.csv',
      two(['claim', 'text', 'label'], (i) => [i % 2]),
      'refused: claims.csv: has texts in "text", "claim"',
    ],
    [
      'choices.csv',
      table(['question', 'option_a', 'option_b', 'option_c', 'answer'], (i) => [
        q(i),
        a(i),
        n(i),
        a(i),
        'ABC'[i % 3] as string,
      ]),
      'refused: choices.csv: has texts in "question", "option_a"',
    ],
    [
      'tweets.csv',
      table(['id', 'keyword', 'text', 'target'], (i) => [i, THINGS[i % 10] as string, q(i), i % 2]),
      'texts in text, labels in target',
    ],
    [
      'airline.csv',
      table(['name', 'text', 'airline_sentiment'], (i) => [
        `bob${i}`,
        q(i),
        i % 2 ? 'good' : 'bad',
      ]),
      'labels in airline_sentiment',
    ],
    ['ids.csv', table(['query', 'document'], (i) => [i, i + 7]), 'refused: ids.csv: has neither'],
  ]);
});

test('options that name columns are not left out silently', () => {
  const pairs = table(['foo', 'bar', 'baz'], (i) => [q(i), a(i), n(i)]);
  checkAll([
    [
      'one.csv',
      pairs,
      'refused: --anchor foo: one.csv has no other known column of texts; --positive',
      { anchor: 'foo' },
    ],
    [
      'both.csv',
      pairs,
      'refused: --anchor is for pairs, and --text for texts',
      { anchor: 'foo', text: 'bar' },
    ],
    [
      'twice.csv',
      pairs,
      'refused: --anchor and --positive must be two',
      { anchor: 'foo', positive: 'foo' },
    ],
    [
      'scored.csv',
      pairs,
      'refused: --negative is for pairs without',
      { anchor: 'foo', positive: 'bar', negative: 'baz', score: 'baz' },
    ],
  ]);
});

test('the form of a file counts more than its suffix', () => {
  const rows = indices.map((i) => ({ query: q(i), document: a(i) }));
  const tsv = (cells: (i: number) => string[]): string =>
    ['query\tdocument', ...indices.map((i) => cells(i).join('\t'))].join('\n');
  checkAll([
    ['array.jsonl', JSON.stringify(rows), '20 pairs'],
    ['pretty.jsonl', JSON.stringify(rows, null, 2), '20 pairs'],
    ['lines.json', lines((i) => rows[i]), '20 pairs'],
    [
      'commas.tsv',
      table(['query', 'document'], (i) => [q(i), a(i)]),
      '20 pairs of query and document',
    ],
    ['one.tsv', `text\n${indices.map((i) => `${q(i)}, please`).join('\n')}`, '20 texts in text'],
    [
      'quotes.tsv',
      tsv((i) => [i % 3 ? q(i) : `"${q(i)}`, i % 3 === 1 ? `${a(i)} says "yes"` : `5" ${a(i)}`]),
      '20 pairs',
    ],
    ['quoted.tsv', tsv((i) => [q(i), `"${a(i)}\nnext line"`]), '20 pairs'],
    [
      'orient.json',
      JSON.stringify({
        query: Object.fromEntries(indices.map((i) => [i, q(i)])),
        document: Object.fromEntries(indices.map((i) => [i, a(i)])),
      }),
      '20 pairs of query and document',
    ],
    [
      'index.json',
      JSON.stringify(Object.fromEntries(rows.map((row, i) => [`q${i}`, row]))),
      '20 pairs',
    ],
    [
      'ids.json',
      JSON.stringify(Object.fromEntries(indices.map((i) => [`q${i}`, q(i)]))),
      '20 texts in text',
    ],
    ['tags.json', JSON.stringify({ tags: ['x', 'y'], data: rows }), '20 pairs'],
    [
      'parts.json',
      JSON.stringify({ train: rows, test: rows }),
      'refused: parts.json: holds several arrays, train, test',
    ],
    [
      'share.jsonl',
      lines((i) => ({
        id: i,
        conversations: [
          { from: 'human', value: q(i) },
          { from: 'gpt', value: a(i) },
        ],
      })),
      '20 pairs',
    ],
    [
      'squad.jsonl',
      lines((i) => ({
        question: q(i),
        context: a(i),
        answers: { text: ['it'], answer_start: [0] },
      })),
      '20 pairs of query and document',
    ],
    [
      'fast.txt',
      indices.map((i) => `__label__${THINGS[i % 3]} ${q(i)}`).join('\n'),
      '20 texts in text, labels in label',
    ],
    [
      'tabs.txt',
      tsv((i) => [q(i), a(i)]),
      'refused: tabs.txt: has a tab in each line; rename it to .tsv',
    ],
  ]);
  const { examples } = readExamples(join(folder, 'quotes.tsv'));
  check(
    examples.kind === 'pairs' && examples.pairs[0]?.[0] === `"${q(0)}`,
    'the quote belongs to the text',
  );
});

test('what can not be read is refused with what to do', () => {
  const csv = table(['query', 'document'], (i) => [q(i), a(i)]);
  checkAll([
    ['packed.csv', gzipSync(new TextEncoder().encode(csv)), 'is gzipped; unpack it first'],
    ['packed.csv.gz', csv, 'got .gz; unpack it first'],
    ['sheet.xlsx', csv, 'got .xlsx; save it as .csv'],
    ['sheet.csv', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), 'is a zip or Excel file'],
    [
      'wide.csv',
      Buffer.from(csv, 'utf16le'),
      'is UTF-16 without a byte order mark; save it as UTF-8',
    ],
    ['latin.csv', Buffer.from(`${csv} café`, 'latin1'), 'is not valid UTF-8; save it as UTF-8'],
    [
      'open.csv',
      csv.replace('how do I find the tree', '"how'),
      'line 5 begins a row with a quote that is not closed',
    ],
    ['title.csv', `My report\n\n${csv}`, 'the first line must name the columns'],
    ['nan.jsonl', '{"a":NaN}\n', 'NaN and Infinity must be null'],
    [
      'headless.csv',
      csv.split('\n').slice(1).join('\n'),
      'must begin with the names of its columns',
    ],
    [
      'three.csv',
      csv.split('\n').slice(0, 4).join('\n'),
      'at least four examples are needed, got 3',
    ],
  ]);
});

test('files of a folder have the same columns, and are named', () => {
  write(
    'good/a.csv',
    table(['query', 'document'], (i) => [q(i), a(i)]),
  );
  const good = read(
    'good/b.csv',
    table(['query', 'document'], (i) => [n(i), a(i)]),
  );
  check(good.includes('20 pairs'), good);
  const { notes } = readExamples(join(folder, 'good'));
  check(notes.includes('2 files are read as one: a.csv, b.csv'), notes.join('\n'));
  write(
    'bad/a.csv',
    table(['query', 'document'], (i) => [q(i), a(i)]),
  );
  write(
    'bad/b.csv',
    table(['query', 'answer'], (i) => [q(i), a(i)]),
  );
  let message = '';
  try {
    readExamples(join(folder, 'bad'));
  } catch (error) {
    message = (error as Error).message;
  }
  check(/b\.csv: has no column document, and .*a\.csv has/.test(message), message);
});

test('a folder in the form of BEIR gives the pairs of its training split', () => {
  write(
    'beir/queries.jsonl',
    lines((i) => ({ _id: `q${i}`, text: q(i) })),
  );
  write(
    'beir/corpus.jsonl',
    lines((i) => ({ _id: `d${i}`, title: `T${i}`, text: a(i) })),
  );
  const qrels = (name: string, row: Row): string =>
    write(`beir/qrels/${name}.tsv`, table(['query-id', 'corpus-id', 'score'], row, '\t'));
  qrels('test', (i) => [`q${i}`, `d${i}`, 1]);
  qrels('train', (i) => [`q${i}`, `d${(i + 1) % 20}`, i < 5 ? 0 : 2]);
  const { examples } = readExamples(join(folder, 'beir'));
  if (examples.kind !== 'pairs') throw new Error(examples.kind);
  same(examples.pairs.length, 15);
  same(examples.pairs[0], [q(5), `T6 ${a(6)}`]);
  qrels('train', (i) => [`q${i}`, `x${i}`, 1]);
  let message = '';
  try {
    readExamples(join(folder, 'beir'));
  } catch (error) {
    message = (error as Error).message;
  }
  check(message.endsWith('train.tsv: row 1: corpus-id x0 is not in the folder'), message);
});

test('a table of a hundred thousand rows is read and checked', () => {
  const rows = Array.from({ length: 130_000 }, (_, i) => `text ${i},label ${i}`);
  const text = read('large.csv', ['text,label', ...rows].join('\n'));
  check(text.includes('no two texts have the same label'), text);
});
