/** `nearfar adapt` and `nearfar eval` of ready-made embeddings: files of every kind, verdicts, what is refused. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Adapter } from 'nearfar/adapt';
import { npyBytes } from '../../src/data/files/npy.js';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';
import { type Outcome, run } from './program.js';

const test = suite('command line: adapt');

const ROWS = 150;
const COLS = 12;

/** Numbers that look random, from -0.5 to 0.5. */
function numbers(n: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: n }, () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  });
}

/** Half of the columns of documents are noise. */
const queries = numbers(ROWS * COLS, 7);
const noise = numbers(ROWS * COLS, 11);
const documents = queries.map((value, i) =>
  2 * (i % COLS) < COLS ? value : 3 * (noise[i] as number),
);

const folder = temporaryFolder('adapt');
const nearfar = (args: readonly string[]): Promise<Outcome> => run(folder, args);
const at = (name: string): string => join(folder, name);
const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(at(name), content);
  return at(name);
};
const row = (data: Float32Array, r: number): number[] => [
  ...data.subarray(r * COLS, (r + 1) * COLS),
];

write('queries.npy', npyBytes(queries, [ROWS, COLS]));
write('documents.npy', npyBytes(documents, [ROWS, COLS]));
const all = Array.from({ length: ROWS }, (_, r) => r);
write('pairs.csv', `query,document\n${all.map((r) => `${r},${r}`).join('\n')}\n`);
write(
  'queries.jsonl',
  all.map((r) => JSON.stringify({ id: `q${r}`, embedding: row(queries, r) })).join('\n'),
);
write(
  'documents.csv',
  `id,${row(documents, 0)
    .map((_, c) => `x${c}`)
    .join()}\n${all.map((r) => `d${r},${row(documents, r).join()}`).join('\n')}\n`,
);
write(
  'pairs.jsonl',
  all.map((r) => JSON.stringify({ query: `q${r}`, document: `d${r}` })).join('\n'),
);

const FILES = [
  '--queries',
  at('queries.npy'),
  '--documents',
  at('documents.npy'),
  '--pairs',
  at('pairs.csv'),
];

interface Done {
  event: string;
  verdict: string;
  base: number;
  gain: number;
  changed: unknown[];
  'mrr@10': number;
  metric: string;
  count: number;
  before: Record<string, number>;
}

async function last(args: string[]): Promise<Done> {
  const { status, stdout, stderr } = await nearfar([...args, '--json']);
  same(status, 0, `status (${stderr})`);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

test('an adapter that helps is written with its report, and eval measures it', async () => {
  const out = at('adapter.safetensors');
  const done = await last(['adapt', ...FILES, '--out', out]);
  same(done.verdict, 'helps', `verdict, gain ${done.gain}`);
  same(done.changed.length, 10, 'queries whose ranking changed');
  check(!Adapter.load(readFileSync(out)).untrained, 'a trained adapter');
  const page = readFileSync(at('adapter.html'), 'utf8');
  check(page.includes('The adapter helps') && page.includes('<table>'), 'the report');
  const measured = await last(['eval', ...FILES, '--adapter', out]);
  check(measured['mrr@10'] > (measured.before['mrr@10'] as number) + 0.1, 'eval shows the gain');
  const { stdout } = await nearfar(['eval', ...FILES, '--adapter', out]);
  check(/before.*after.*difference/.test(stdout), stdout);
});

test('ids of .jsonl and .csv are kept, and give the same figures', async () => {
  const byNumber = await last(['eval', ...FILES]);
  const byId = await last([
    'eval',
    '--queries',
    at('queries.jsonl'),
    '--documents',
    at('documents.csv'),
    '--pairs',
    at('pairs.jsonl'),
  ]);
  same(byId['mrr@10'], byNumber['mrr@10'], 'mrr@10');
});

test('labels in random order ship nothing', async () => {
  write('labels.txt', `${all.map((r) => `class ${(r * 7919) % 5}`).join('\n')}\n`);
  const out = at('labels.safetensors');
  const done = await last([
    'adapt',
    '--embeddings',
    at('queries.npy'),
    '--labels',
    at('labels.txt'),
    '--out',
    out,
  ]);
  check(done.verdict !== 'helps', done.verdict);
  check(Adapter.load(readFileSync(out)).untrained, 'the identity');
});

test('triplets by id', async () => {
  const lines = all.map((r) => ({ anchor: `q${r}`, positive: `d${r}`, negative: `d${r ^ 1}` }));
  const linesOf = (data: Float32Array, letter: string): string[] =>
    all.map((r) => JSON.stringify({ id: `${letter}${r}`, embedding: row(data, r) }));
  write('both-sides.jsonl', [...linesOf(queries, 'q'), ...linesOf(documents, 'd')].join('\n'));
  write('triplets.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
  const done = await last([
    ...['adapt', '--embeddings', at('both-sides.jsonl'), '--triplets', at('triplets.jsonl')],
    ...['--out', at('triplets.safetensors'), '--steps', '20'],
  ]);
  same(done.metric, 'accuracy');
  check(done.count > ROWS / 2, `${done.count} held out`);
  write('few.csv', 'anchor,positive\nq0,d0\n');
  const args = ['adapt', '--embeddings', at('both-sides.jsonl'), '--triplets', at('few.csv')];
  const { status, stderr } = await nearfar([...args, '--out', at('triplets.safetensors')]);
  same(status, 2, stderr);
  check(/must name an anchor, a positive and a negative/.test(stderr), stderr);
});

test('a BEIR folder', async () => {
  const beir = at('beir');
  mkdirSync(join(beir, 'qrels'), { recursive: true });
  const lines = (letter: string): string =>
    all
      .map((r) => JSON.stringify({ _id: `${letter}${r}`, title: '', text: `${letter} ${r}` }))
      .join('\n');
  writeFileSync(join(beir, 'queries.jsonl'), lines('q'));
  writeFileSync(join(beir, 'corpus.jsonl'), lines('d'));
  writeFileSync(
    join(beir, 'qrels', 'test.tsv'),
    `query-id\tcorpus-id\tscore\n${all.map((r) => `q${r}\td${r}\t1`).join('\n')}\nq0\td1\t0\n`,
  );
  write(
    'both.jsonl',
    all
      .flatMap((r) => [
        { id: `q${r}`, embedding: row(queries, r) },
        { id: `d${r}`, embedding: row(documents, r) },
      ])
      .map((each) => JSON.stringify(each))
      .join('\n'),
  );
  const done = await last(['eval', '--beir', beir, '--embeddings', at('both.jsonl')]);
  same(done['mrr@10'], (await last(['eval', ...FILES]))['mrr@10'], 'mrr@10');
});

test('bad input is one line and status 2', async () => {
  write('bad.npy', npyBytes(queries, [ROWS, COLS]).slice(0, 500));
  write('nan.jsonl', '{"id":"a","embedding":[1,"x"]}');
  write('wide.jsonl', '{"id":"a","embedding":[1,2]}\n{"id":"b","embedding":[1]}');
  write('twice.jsonl', '{"id":"a","embedding":[1,2]}\n{"id":"a","embedding":[1,3]}');
  write('unknown.csv', 'query,document\n0,999\n');
  write('columns.csv', 'x,y\n0,1\n');
  write('adapter.bad', 'no');
  const out = ['--out', at('no.safetensors')];
  const [, q = '', , d = '', , p = ''] = FILES;
  const bad: [string[], RegExp][] = [
    [['--queries', at('bad.npy'), '--documents', d, '--pairs', p], /bad\.npy: /],
    [
      ['--queries', at('nan.jsonl'), '--documents', d, '--pairs', p],
      /must hold finite numbers, got "x"/,
    ],
    [
      ['--queries', at('wide.jsonl'), '--documents', d, '--pairs', p],
      /has 1 numbers, the first row 2/,
    ],
    [
      ['--queries', at('twice.jsonl'), '--documents', at('twice.jsonl'), '--pairs', p],
      /two rows have the id a/,
    ],
    [['--queries', q, '--documents', d, '--pairs', at('unknown.csv')], /has no row "999"/],
    [
      ['--queries', q, '--documents', d, '--pairs', at('columns.csv')],
      /must name a query and a document, got the columns x, y/,
    ],
    [
      ['--queries', q, '--documents', at('documents.txt'), '--pairs', p],
      /embeddings must be \.npy/,
    ],
    [['--queries', q], /are needed/],
  ];
  for (const [args, message] of bad) {
    const { status, stderr } = await nearfar(['adapt', ...args, ...out]);
    same(status, 2, `status of ${args.join(' ')} (${stderr})`);
    check(message.test(stderr) && stderr.trim().split('\n').length === 1, stderr);
  }
  const { status, stderr } = await nearfar(['eval', ...FILES, '--adapter', at('adapter.bad')]);
  same(status, 2, stderr);
  check(/adapter\.bad: must be a safetensors file/.test(stderr), stderr);
});
