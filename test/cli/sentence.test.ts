/** `nearfar train sentence`, its report, `eval` and `distill`: files with odd columns, resumed runs. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as EvaluationModule from '../../src/cli/models/sentence-evaluation.js';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';
import { load } from './load.js';

const test = suite('cli sentence');
const { outcomeOf } = await load<typeof EvaluationModule>('src/cli/models/sentence-evaluation.ts');
const folder = temporaryFolder('sentence');

const TOPICS = ['cat', 'dog', 'car', 'tree', 'music', 'bread', 'river', 'stone', 'paper', 'cloud'];
const COUNT = 60;
const indices = Array.from({ length: COUNT }, (_, i) => i);
const question = (i: number): string => `how to find ${TOPICS[i % 10]} number ${i}`;
const answer = (i: number): string =>
  `you see ${TOPICS[i % 10]} ${i} in the ${TOPICS[(3 * i) % 10]} list`;

type Cell = string | number;

function table(head: string[], row: (i: number) => Cell[], delimiter = ',', end = '\n'): string {
  const lines = [head, ...indices.map(row)].map((cells) => cells.join(delimiter));
  return lines.join(end) + end;
}

const lines = (row: (i: number) => unknown): string =>
  indices.map((i) => `${JSON.stringify(row(i))}\n`).join('');

function file(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

interface Result {
  status: number | null;
  events: Record<string, unknown>[];
  error: string;
}

function run(...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['dist/cli.js', ...args, '--json', '--threads', '1'],
    { encoding: 'utf8' },
  );
  const all = stdout.split('\n').filter((line) => line !== '');
  return { status, events: all.map((line) => JSON.parse(line)), error: stderr };
}

const train = (data: string, out: string, ...more: string[]): Result =>
  run('train', 'sentence', '--data', data, '--out', join(folder, out), '--width', '8', ...more);

function notesOf({ events }: Result): string {
  return events.flatMap(({ event, text }) => (event === 'note' ? [text] : [])).join('\n');
}

const READ: [name: string, contents: string | Uint8Array, note: RegExp, metric: string][] = [
  [
    'anchor.csv',
    table(['anchor', 'positive'], (i) => [question(i), answer(i)]),
    /60 pairs of anchor and positive/,
    'mrrAt10',
  ],
  [
    'BOM.CSV',
    `\uFEFF${table([' Query ', 'DOCUMENT'], (i) => [question(i), answer(i)], ';', '\r\n')}`,
    /60 pairs of Query and DOCUMENT/,
    'mrrAt10',
  ],
  [
    'faq.tsv',
    table(
      ['id', 'Question', 'Answer'],
      (i) => [i, question(i), i % 5 === 0 ? ' ' : answer(i)],
      '\t',
    ),
    /48 pairs of Question and Answer(.|\n)*12 of 60 rows are left out: Answer is empty/,
    'mrrAt10',
  ],
  [
    'bge.jsonl',
    lines((i) => ({ query: question(i), pos: [answer(i)], neg: [answer(i + 1)] })),
    /negatives in neg/,
    'mrrAt10',
  ],
  [
    'lists.json',
    JSON.stringify(indices.map((i) => [question(i), answer(i)])),
    /60 pairs/,
    'mrrAt10',
  ],
  [
    'sts.csv',
    table(['sentence1', 'sentence2', 'score'], (i) => [question(i), answer(i), i % 6]),
    /scores in score/,
    'spearman',
  ],
  [
    'comma.csv',
    table(['text1', 'text2', 'Similarity'], (i) => [question(i), answer(i), `0,${i % 9}`], ';'),
    /scores in Similarity/,
    'spearman',
  ],
  [
    'nli.jsonl',
    lines((i) => ({
      premise: question(i),
      hypothesis: answer(i),
      label: ['entailment', 'neutral', 'contradiction'][i % 3],
    })),
    /scores in label/,
    'spearman',
  ],
  [
    'labels.csv',
    table(['Message', 'Category'], (i) => [question(i), i % 2 === 0 ? 'ham' : 'spam']),
    /labels in Category/,
    'knnAccuracy',
  ],
  [
    'words.csv',
    table(['search_query', 'item_id', 'product_title', 'relevance_score'], (i) => [
      ...[question(i), `id ${i}`, answer(i)],
      i === 3 ? 'n/a' : `${i % 4}/4`,
    ]),
    /search_query and product_title, scores in relevance_score(.|\n)*1 of 60 rows/,
    'spearman',
  ],
  [
    'ragged.csv',
    table(
      ['query', 'document', 'note'],
      (i) => (i % 9 === 0 ? [question(i)] : [question(i), answer(i)]),
      '|',
    ),
    /53 pairs of query and document(.|\n)*7 of 60 rows are left out: document is empty/,
    'mrrAt10',
  ],
  [
    'nested.jsonl',
    lines((i) => ({ id: i, data: { query: question(i), document: answer(i) } })),
    /60 pairs of data.query and data.document/,
    'mrrAt10',
  ],
  [
    'columns.json',
    JSON.stringify({ question: indices.map(question), answer: indices.map(answer) }),
    /60 pairs of question and answer/,
    'mrrAt10',
  ],
  [
    'chat.jsonl',
    lines((i) => ({
      messages: [
        { role: 'user', content: question(i) },
        { role: 'assistant', content: answer(i) },
      ],
    })),
    /60 pairs/,
    'mrrAt10',
  ],
  [
    'squad.json',
    JSON.stringify({
      version: '1.1',
      data: [0, 1].map((article) => ({
        title: `Article ${article}`,
        paragraphs: indices
          .filter((i) => i % 2 === article)
          .map((i) => ({
            context: answer(i),
            qas: [
              { id: `q${i}`, question: question(i), answers: [{ text: 'the', answer_start: 0 }] },
              { id: `n${i}`, question: `${question(i)} not`, is_impossible: true, answers: [] },
            ],
          })),
      })),
    }),
    /60 pairs of query and document/,
    'mrrAt10',
  ],
  [
    'unicode.csv',
    Buffer.from(
      `\uFEFF${table(['query', 'document'], (i) => [question(i), `${answer(i)} ≠ é`])}`,
      'utf16le',
    ),
    /60 pairs of query and document/,
    'mrrAt10',
  ],
  [
    'big-endian.jsonl',
    Buffer.from(
      `\uFEFF${lines((i) => ({ query: question(i), document: answer(i) }))}`,
      'utf16le',
    ).swap16(),
    /60 pairs of query and document/,
    'mrrAt10',
  ],
  ['faq.csv', table(['q', 'a'], (i) => [question(i), answer(i)]), /60 pairs of q and a/, 'mrrAt10'],
  [
    'unit.csv',
    table(['text_a', 'text_b', 'Similarity (%)', 'id'], (i) => [
      ...[question(i), answer(i), `${i} %`, i],
    ]),
    /scores in Similarity \(%\)(.|\n)*not read: id/,
    'spearman',
  ],
  [
    'mean.tsv',
    table(
      ['sentence1', 'sentence2', 'mean_score'],
      (i) => [question(i), answer(i), `${i} of 60`],
      '\t',
    ),
    /scores in mean_score/,
    'spearman',
  ],
  [
    'duplicate.csv',
    table(['question1', 'question2', 'duplicate?'], (i) => [
      ...[question(i), answer(i)],
      i % 2 ? 'y' : 'n',
    ]),
    /scores in duplicate\?/,
    'spearman',
  ],
  [
    'texts.txt',
    indices.map((i) => `${question(i)} ${answer(i)}\n`).join(''),
    /60 texts in text/,
    'mrrAt10',
  ],
];

test('training begins with the English encoder unless a kind, a width or a teacher is given', () => {
  const data = file(
    'begin.csv',
    table(['anchor', 'positive'], (i) => [question(i), answer(i)]),
  );
  const texts = file('begin.txt', 'near\nfar\n');
  const common = ['train', 'sentence', '--data', data, '--steps', '2', '--force'];
  const widths = [
    { args: [], width: 256 },
    { args: ['--from', 'english'], width: 256 },
    { args: ['--kind', 'static', '--width', '16'], width: 16 },
    { args: ['--kind', 'bert', '--width', '16'], width: 16 },
  ].map(({ args, width }) => {
    const out = join(folder, 'begin');
    const result = run(...common, '--out', out, ...args);
    same(result.status, 0, `${args.join(' ')}: ${result.error}`);
    const encoded = run('encode', out, '--data', texts, '--out', join(folder, 'begin.npy'));
    same(encoded.status, 0, encoded.error);
    return { width, header: readFileSync(join(folder, 'begin.npy')).toString('latin1', 0, 128) };
  });
  for (const { width, header } of widths) {
    check(header.includes(`(2, ${width},)`), `width ${width}: ${header}`);
  }
});

test('columns of many names are found, and every kind of data is measured', () => {
  for (const [name, contents, note, metric] of READ) {
    const result = train(file(name, contents), 'read', '--steps', '2', '--force');
    same(result.status, 0, `${name}: ${result.error}`);
    check(note.test(notesOf(result)), `${name}: ${notesOf(result)}`);
    const done = result.events.at(-1) as Record<string, unknown>;
    check(Number.isFinite(done[metric]), `${name}: ${metric} is ${done[metric]}`);
    check(
      ['helps', 'no gain', 'too few'].includes(done.verdict as string),
      `${name}: ${done.verdict}`,
    );
  }
});

const REFUSED: [name: string, contents: string | Uint8Array, expected: RegExp, more?: string[]][] =
  [
    [
      'unknown.csv',
      table(['foo', 'bar'], (i) => [question(i), answer(i)]),
      /its columns are "foo", "bar"/,
    ],
    [
      'named.csv',
      table(['foo', 'bar'], (i) => [question(i), answer(i)]),
      /no such column; it has "foo", "bar"/,
      ['--anchor', 'x'],
    ],
    [
      'twice.csv',
      table(['anchor', 'anchor'], (i) => [question(i), answer(i)]),
      /several columns anchor/,
    ],
    [
      'score.csv',
      table(['text1', 'text2', 'score'], (i) => [question(i), answer(i), i === 7 ? 'high' : i]),
      /row 8: score must be a number, got "high"/,
    ],
    [
      'grades.csv',
      table(['text1', 'text2', 'score'], (i) => [question(i), answer(i), i % 2 ? 'low' : 'high']),
      /score must hold numbers, got "high"/,
    ],
    [
      'empty-scores.csv',
      table(['text1', 'text2', 'score'], (i) => [question(i), answer(i), '']),
      /score must hold numbers, got nothing/,
    ],
    [
      'equal.csv',
      table(['text1', 'text2', 'score'], (i) => [question(i), answer(i), 1]),
      /all scores are 1/,
    ],
    ['one.csv', table(['text', 'label'], (i) => [question(i), 'x']), /all labels in label are x/],
    ['words.csv', table(['text'], (i) => [`w${i}`]), /no text has two words/],
    [
      'same.csv',
      table(['anchor', 'positive'], (i) => ['the same', answer(i)]),
      /all pairs have the same first text/,
    ],
    ['head.csv', 'anchor,positive\n', /holds no rows/],
    [
      'headless.csv',
      table(['What is a query? All that people look for, in words', 'You find it there'], (i) => [
        ...[question(i), answer(i)],
      ]),
      /must begin with the names of its columns, such as anchor and positive, got "What is a query/,
    ],
    ['few.csv', 'anchor,positive\na b,c d\ne f,g h\n', /at least four examples are needed/],
    [
      'object.jsonl',
      lines((i) => ({ query: question(i), document: { x: i } })),
      /:1: document must be a text/,
    ],
    [
      'odd.csv',
      Uint8Array.of(0xff, 0xfe, ...Buffer.from('anchor,positive\na,b', 'utf16le'), 0x41),
      /odd.csv: is not valid UTF-16/,
    ],
    ['latin.csv', Uint8Array.of(...Buffer.from('anchor,positive\ncaf'), 0xe9), /UTF-8/],
    [
      'loss.csv',
      table(['text', 'label'], (i) => [question(i), i % 2]),
      /--loss cosent: .* whose loss is supcon/,
      ['--loss', 'cosent'],
    ],
  ];

test('what can not be read is refused in one line that says why', () => {
  for (const [name, contents, expected, more = []] of REFUSED) {
    const { status, error } = train(file(name, contents), 'refused', '--steps', '2', ...more);
    same(status, 2, `${name}: ${error}`);
    check(expected.test(error) && error.trim().split('\n').length === 1, `${name}: ${error}`);
  }
});

const pairs = file(
  'pairs.csv',
  table(['anchor', 'positive'], (i) => [question(i), answer(i)]),
);
const LONG = ['--steps', '60', '--eval-every', '10', '--seed', '4'];

function weightsOf(out: string): string {
  return readFileSync(join(folder, out, '0_StaticEmbedding/model.safetensors')).toString('base64');
}

test('a run that is killed goes on to the bits of one that was not', async () => {
  same(train(pairs, 'whole', ...LONG).status, 0);
  const out = ['--out', join(folder, 'killed'), '--width', '8'];
  const args = ['train', 'sentence', '--data', pairs, ...out];
  const child = spawn(process.execPath, ['dist/cli.js', ...args, ...LONG, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let seen = 0;
  for await (const chunk of child.stdout) {
    seen += String(chunk).split('"eval"').length - 1;
    if (seen >= 2) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const resumed = train(pairs, 'killed', ...LONG, '--resume');
  same(resumed.status, 0, resumed.error);
  const [step] = resumed.events.filter(
    ({ event, section }) => event === 'step' && section === 'train',
  );
  check(step === undefined || (step.step as number) > 10, `it began again at ${step?.step}`);
  same(weightsOf('killed'), weightsOf('whole'));
  same(train(pairs, 'whole', ...LONG).status, 2, 'a trained folder is not overwritten');
});

test('a LoRA adapter goes on after an interrupt, and is written alone and merged', async () => {
  const from = 'test/golden/fixtures/sentence/bert-v6';
  const options = ['--from', from, '--lora', '2', '--steps', '6', '--eval-every', '2'];
  const adapt = (out: string, ...more: string[]): Result =>
    run('train', 'sentence', '--data', pairs, '--out', join(folder, out), ...options, ...more);
  const whole = adapt('lora');
  same(whole.status, 0, whole.error);
  const args = ['train', 'sentence', '--data', pairs, '--out', join(folder, 'stopped'), ...options];
  const child = spawn(process.execPath, ['dist/cli.js', ...args, '--json', '--threads', '1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let seen = '';
  for await (const chunk of child.stdout) {
    seen += String(chunk);
    // A second one would end the run at once.
    if (/"step":3\b/.test(seen) && !child.killed) child.kill('SIGINT');
  }
  if (child.exitCode === null) await once(child, 'exit');
  check(/"interrupted"/.test(seen), `it was not interrupted: ${seen.slice(-300)}`);
  const other = join(from, 'other.txt');
  writeFileSync(other, '');
  const changed = adapt('stopped', '--resume');
  rmSync(other);
  same(changed.status, 2, 'an adapter of another encoder');
  check(/is not the encoder that the run began with/.test(changed.error), changed.error);
  const resumed = adapt('stopped', '--resume');
  same(resumed.status, 0, resumed.error);
  for (const path of ['model.safetensors', 'adapter/adapter_model.safetensors']) {
    const bytes = (out: string): string => readFileSync(join(folder, out, path)).toString('hex');
    same(bytes('stopped'), bytes('lora'), path);
  }
  const evals = whole.events.filter(({ event }) => event === 'eval');
  check(
    evals.length === 3 && evals.every(({ valLoss }) => (valLoss as number) > 0),
    'a loss at each validation',
  );
  const done = run('eval', join(folder, 'lora'), '--data', pairs);
  same(done.status, 0, done.error);
  const refused = train(pairs, 'static', '--kind', 'static', '--lora', '4');
  check(/--lora is for BERT-like encoders/.test(refused.error), refused.error);
  check(/--lora must be at most 16/.test(adapt('wide', '--lora', '17').error), 'a wide adapter');
  check(/must be at least 2/.test(adapt('one', '--batch-size', '1').error), 'a batch of one');
});

test('a trained folder has a report, and eval reads it', () => {
  const page = readFileSync(join(folder, 'whole/report.html'), 'utf8');
  const parts = [
    'BM25',
    'untrained',
    'Embedding space',
    '<svg',
    'is the mean of 1/rank',
    '>MRR@10<',
  ];
  for (const part of parts) check(page.includes(part), part);
  check(/on \d+ held-out queries\.<\/p>/.test(page), 'the verdict leads');
  check(!page.includes('mrrAt10'), 'figures have names for people');
  const { status, events, error } = run('eval', join(folder, 'whole'), '--data', pairs);
  same(status, 0, error);
  const done = events.at(-1) as Record<string, number>;
  check((done.mrrAt10 as number) > 0 && (done.mrrAt10 as number) <= 1, `mrrAt10 ${done.mrrAt10}`);
  same([done.samples, done.documents], [COUNT, COUNT]);
  const further = train(pairs, 'further', '--from', join(folder, 'whole'), '--steps', '3');
  same(further.status, 0, further.error);
});

test('training goes on from int8 weights, and another model may replace the folder', () => {
  same(train(pairs, 'small', '--steps', '3', '--dtype', 'int8').status, 0);
  const text = file('plain.txt', 'a text to learn from, again and again. '.repeat(50));
  const gpt = ['--layers', '1', '--heads', '1', '--width', '8', '--context', '8', '--steps', '2'];
  const out = ['--out', join(folder, 'small'), '--force'];
  const { status, error } = run('train', 'gpt', '--data', text, ...out, ...gpt);
  same(status, 0, error);
  check(!existsSync(join(folder, 'small/modules.json')), readdirSync(join(folder, 'small')).join());
});

test('an interval that contains 0 shows nothing; one below 0 a loss', () => {
  const say = (low: number, high: number, verdict: 'helps' | 'no gain' | 'too few'): string =>
    outcomeOf({ difference: (low + high) / 2, interval: [low, high], verdict }, 'training');
  same(say(0.01, 0.05, 'helps'), 'training helps');
  same(say(-0.01, 0.05, 'no gain'), 'nothing is shown of whether training helps');
  same(say(-0.05, 0, 'no gain'), 'nothing is shown of whether training helps');
  same(say(-0.05, -0.01, 'no gain'), 'training makes it worse');
  same(say(-0.5, 0.5, 'too few'), 'too few to tell whether training helps');
});

test('distill wants a BERT-like encoder', () => {
  const { status, error } = run(
    'distill',
    join(folder, 'whole'),
    '--out',
    join(folder, 'distilled'),
  );
  same(status, 2);
  check(/is a static encoder already/.test(error), error);
  const bert = 'test/golden/fixtures/sentence/bert-v6';
  const made = run('distill', bert, '--out', join(folder, 'distilled'), '--width', '8');
  same(made.status, 0, made.error);
  same((made.events.at(-1) as Record<string, number>).width, 8);
});
