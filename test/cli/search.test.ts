/** `nearfar search` and `encode` with folders of sentence encoders, as a user runs them. */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hybridSearch, type Matrix, topK } from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import { loadSentenceEncoder } from 'nearfar/models';
import { readNpy } from '../../src/data/files/npy.js';
import { check, close, same, sameBits, suite } from '../harness.js';
import { FIXTURES, fixtureFolder } from '../models/sentence-folders.js';
import { events, folder, run } from './program.js';

const test = suite('search');

const DOCUMENTS = ['near the far', 'what is near is pulled together', 'far', 'what is far', 'near'];

/** A folder with encoders and files, as they lie next to a user. */
function workspace(...encoders: string[]): string {
  const at = folder();
  for (const name of encoders) cpSync(join(FIXTURES, name), join(at, name), { recursive: true });
  const rows = DOCUMENTS.map((text, i) =>
    JSON.stringify(i === 2 ? { text } : { id: `d${i}`, text }),
  );
  writeFileSync(join(at, 'documents.jsonl'), rows.join('\n'));
  writeFileSync(
    join(at, 'documents.csv'),
    `id,text\n${DOCUMENTS.map((t, i) => `${i},${t}`).join('\n')}`,
  );
  writeFileSync(join(at, 'queries.txt'), 'far and near\n\nnear\n');
  return at;
}

interface Found {
  query: string;
  text?: string;
  results: { rank: number; index: number; id: string; score: number; text?: string }[];
}

async function search(at: string, ...args: string[]): Promise<{ found: Found[]; all: object[] }> {
  const { status, stdout, stderr } = await run(at, ['search', ...args, '--json']);
  same(status, 0, stderr);
  const all = events(stdout);
  return { found: all.filter(({ event }) => event === 'result') as never, all };
}

async function refused(at: string, args: string[], message: RegExp): Promise<void> {
  const { status, stdout, stderr } = await run(at, args);
  same([status, stdout], [2, ''], stderr);
  const lines = stderr.trimEnd().split('\n');
  check(lines.length === 1 && message.test(stderr), `${args.join(' ')}: ${stderr}`);
}

test('without a folder it searches with the English encoder in the package', async () => {
  const at = workspace();
  const query = ['--query', 'all things that are far away'];
  const { found } = await search(at, '--documents', 'documents.csv', ...query, '-k', '2');
  const encoder = await loadEnglish();
  const rows = encoder.encode(DOCUMENTS);
  const { indices } = topK(encoder.encode(query[1] as string), rows, 2);
  same(
    found[0]?.results.map(({ index }) => index),
    [...indices],
  );
  encoder.dispose();
});

test('documents are found as the library finds them, with their ids and texts', async () => {
  for (const name of ['static-v6', 'model2vec-f16', 'mpnet-v6']) {
    const at = workspace(name);
    const { found, all } = await search(
      at,
      ...[name, '--documents', 'documents.jsonl', '--queries', 'queries.txt', '-k', '3'],
    );
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    const queries = ['far and near', 'near'];
    const metric = encoder.similarityName as 'cosine';
    const prompts = ['query', 'document'].map((each) => {
      return Object.hasOwn(encoder.prompts, each) ? each : undefined;
    });
    const [q, d] = [queries, DOCUMENTS].map((texts, i) => {
      return encoder.encode(texts, { promptName: prompts[i] });
    }) as [Matrix, Matrix];
    const { indices, scores } = topK(q, d, 3, { metric });
    encoder.dispose();
    same(
      found.map(({ text }) => text),
      queries,
    );
    same(
      found.map(({ query }) => query),
      ['queries.txt:1', 'queries.txt:3'],
    );
    const results = found.flatMap((each) => each.results);
    same(
      results.map(({ index }) => index),
      [...indices],
      name,
    );
    close(
      results.map(({ score }) => score),
      scores,
      { atol: 1e-7 },
    );
    for (const { index, id, text } of results) {
      same([id, text], [index === 2 ? 'documents.jsonl:3' : `d${index}`, DOCUMENTS[index]]);
    }
    const done = all.at(-1) as Record<string, unknown>;
    same([done.event, done.queries, done.documents, done.k], ['done', 2, 5, 3]);
  }
});

test('encode writes the bits of the library and ids, and search takes them as a corpus', async () => {
  const at = workspace('bert-v6');
  const encode = ['encode', 'bert-v6', '--data', 'documents.csv', '--out', 'rows.npy'];
  const options = ['--dimensions', '5', '--prompt-name', 'query', '--precision', 'int8'];
  const { status, stderr } = await run(at, [...encode, ...options]);
  same(status, 0, stderr);
  const { data, shape } = readNpy('rows.npy', readFileSync(join(at, 'rows.npy')));
  same(shape, [DOCUMENTS.length, 5]);
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v6'), { precision: 'int8' });
  const own = encoder.encode(DOCUMENTS, { dimensions: 5, promptName: 'query' });
  encoder.dispose();
  sameBits(data as Float32Array, own.data);
  same(readFileSync(join(at, 'rows.ids.txt'), 'utf8'), '0\n1\n2\n3\n4\n');
  const query = ['bert-v6', '--query', 'near', ...options];
  const { found } = await search(at, ...query, '--corpus', 'rows.npy');
  same(found[0]?.results[0]?.id, '4');
  check((found[0]?.results[0]?.score as number) > 0.99999, 'the same text');
  const { found: withTexts } = await search(
    at,
    ...[...query, '--corpus', 'rows.npy', '--documents', 'documents.csv'],
  );
  same(withTexts[0]?.results[0]?.text, 'near');
  const { found: rows } = await search(
    at,
    '--corpus',
    'rows.npy',
    '--queries',
    'rows.npy',
    '-k',
    '1',
  );
  same(
    rows.map(({ results }) => results[0]?.index),
    [0, 1, 2, 3, 4],
  );
});

test('queries and documents get the prompts that the folder has for them', async () => {
  const at = workspace('bert-v6');
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v6'));
  const documents = encoder.encode(DOCUMENTS, { promptName: 'document' });
  const score = (promptName: string): number =>
    topK(encoder.encode('near', { promptName }), documents, 1).scores[0] as number;
  const scores = [score('query'), score('document')];
  encoder.dispose();
  const args = ['bert-v6', '--documents', 'documents.csv', '--query', 'near'];
  const got = [
    (await search(at, ...args)).found,
    (await search(at, ...args, '--prompt-name', 'document')).found,
  ].map(([first]) => first?.results[0]?.score as number);
  close(got, scores, { atol: 1e-7 });
});

test('hybrid search is that of the library', async () => {
  const at = workspace('model2vec-f16');
  const args = ['model2vec-f16', '--documents', 'documents.csv', '--queries', 'queries.txt'];
  const { found, all } = await search(at, ...args, '--hybrid', '-k', '4');
  const encoder = loadSentenceEncoder(fixtureFolder('model2vec-f16'));
  const queries = ['far and near', 'near'];
  const { indices, scores } = hybridSearch(
    { texts: queries, embeddings: encoder.encode(queries) },
    { texts: DOCUMENTS, embeddings: encoder.encode(DOCUMENTS) },
    4,
  );
  encoder.dispose();
  const results = found.flatMap((each) => each.results);
  same(
    results.map(({ index }) => index),
    [...indices],
  );
  close(
    results.map(({ score }) => score),
    scores,
    { atol: 1e-7 },
  );
  same((all.at(-1) as { hybrid: boolean }).hybrid, true);
  const rows = ['search', '--corpus', 'documents.npy', '--queries', 'documents.npy', '--hybrid'];
  await refused(at, rows, /--hybrid needs --documents/);
});

test('a table fits the window', async () => {
  const at = workspace('static-v6');
  const long = 'near and far '.repeat(40);
  writeFileSync(join(at, 'long.txt'), `${long}\n${'近い '.repeat(60)}\n`);
  for (const columns of [60, 100]) {
    const { status, stdout } = await run(
      at,
      ['search', 'static-v6', '--documents', 'long.txt', '--query', long],
      { env: { COLUMNS: String(columns) } },
    );
    same(status, 0);
    const lines = stdout.trimEnd().split('\n');
    check(lines.length >= 5, stdout);
    const wide = lines.filter((line) => line.length > columns);
    same(wide, [], `lines over ${columns} columns`);
  }
});

test('texts past the limit are counted aloud, queries of unknown words too', async () => {
  const at = workspace('bert-v2', 'model2vec-f32');
  const long = 'near '.repeat(300);
  writeFileSync(join(at, 'long.txt'), `${long}\nnear\n${long}\n`);
  const { status, stdout } = await run(at, [
    ...['encode', 'bert-v2', '--data', 'long.txt', '--out', 'rows.npy', '--json'],
  ]);
  same(status, 0);
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v2'));
  const limit = `${encoder.maxTokens} tokens, the encoder's limit`;
  encoder.dispose();
  same(events(stdout)[0], { event: 'note', text: `2 of 3 texts are cut to ${limit}` });
  const { all } = await search(at, 'bert-v2', '--documents', 'long.txt', '--query', 'near');
  same(all[0], { event: 'note', text: `2 of 3 documents are cut to ${limit}` });
  same((all.at(-1) as { cut: number }).cut, 2);
  const unknown = await search(
    at,
    'model2vec-f32',
    '--documents',
    'documents.csv',
    '--query',
    '近い',
  );
  same(unknown.all[0], {
    event: 'note',
    text: '1 of 1 queries have no word that the encoder knows',
  });
});

test('what is wrong is said in a sentence', async () => {
  const at = workspace('static-v6', 'bert-v2');
  writeFileSync(join(at, 'empty.txt'), '\n');
  writeFileSync(join(at, 'two.txt'), 'a\nb\n');
  mkdirSync(join(at, 'photos'));
  writeFileSync(join(at, 'photos/a.png'), '');
  writeFileSync(join(at, 'cut.npy'), Uint8Array.of(0x93, 78, 85, 77, 80, 89, 1, 0, 200, 0, 1, 2));
  writeFileSync(join(at, 'bert-v2/tokenizer.json'), '{');
  const base = ['search', 'static-v6'];
  const documents = ['--documents', 'documents.csv'];
  const query = ['--query', 'near'];
  for (const [args, message] of [
    [base, /--documents or --corpus is needed/],
    [[...base, ...documents], /--query or --queries is needed, one of both/],
    [[...base, ...documents, ...query, '--queries', 'two.txt'], /one of both/],
    [
      ['search', 'nowhere', ...documents, ...query],
      /nowhere: cannot read it \(ENOENT: no such file or folder\)/,
    ],
    [['search', '.', ...documents, ...query], /\.: is not the folder of a sentence encoder/],
    [['search', 'bert-v2', ...documents, ...query], /bert-v2: .*tokenizer\.json must be JSON/],
    [[...base, '--documents', 'empty.txt', ...query], /empty\.txt: is empty/],
    [[...base, '--documents', 'cut.npy', ...query], /cut\.npy: must be \.txt.*got \.npy/],
    [[...base, ...documents, '--query', ' '], /--query must hold a text/],
    [[...base, ...documents, ...query, '-k', '0'], /-k must be a whole number from 1/],
    [[...base, ...documents, ...query, '--dimensions', '99'], /--dimensions must be at most/],
    [[...base, ...documents, ...query, '--precision', 'int4'], /--precision must be float32/],
    [[...base, ...documents, ...query, '--prompt-name', 'q'], /--prompt-name must be/],
    [[...base, '--corpus', 'two.txt', ...query], /--corpus must be a \.npy file/],
    [[...base, '--corpus', 'cut.npy', ...query], /cut\.npy: ends within its header/],
    [
      [...base, ...documents, '--queries', 'cut.npy'],
      /--queries of rows \(\.npy\) are for --corpus/,
    ],
    [
      ['encode', 'static-v6', '--data', 'two.txt', '--out', 'x.npy', '--dimensions', '0'],
      /--dimensions must be a whole number/,
    ],
    [
      ['encode', '--data', 'photos', '--out', 'x.npy'],
      /photos: holds no .* file, but images: they need a trained model of images/,
    ],
  ] as const) {
    await refused(at, [...args], message);
  }
});

test('one line tells of all files of a folder that hold no texts', async () => {
  const at = workspace();
  mkdirSync(join(at, 'mixed'));
  writeFileSync(join(at, 'mixed/a.txt'), 'near\nfar\n');
  for (const name of ['a.png', 'b.png', 'c.wav', 'LICENSE'])
    writeFileSync(join(at, 'mixed', name), '');
  const { status, stderr } = await run(at, ['encode', '--data', 'mixed', '--out', 'x.npy']);
  same(status, 0, stderr);
  const expected =
    /^skipped 3 in mixed that are not [^:]*: 2 \.png, 1 \.wav; images need a trained/;
  check(expected.test(stderr) && stderr.trimEnd().split('\n').length === 1, stderr);
});

test('documents and queries are found in files of pairs, and a column can be named', async () => {
  const at = workspace();
  const pairs = DOCUMENTS.map((text, i) => ({ query: `about ${i % 2}`, document: text }));
  writeFileSync(
    join(at, 'pairs.jsonl'),
    [...pairs, pairs[0]].map((pair) => JSON.stringify(pair)).join('\n'),
  );
  writeFileSync(join(at, 'german.csv'), '\uFEFFFrage;Antwort\nwo;near the far\nwas;what is far\n');
  const { found, all } = await search(
    ...([at, '--documents', 'pairs.jsonl', '--queries', 'pairs.jsonl'] as const),
  );
  same(
    found.map(({ text, results }) => [text, results.length]),
    [
      ['about 0', DOCUMENTS.length],
      ['about 1', DOCUMENTS.length],
    ],
  );
  const notes = all.flatMap((line) => ('event' in line && line.event === 'note' ? [line] : []));
  same(
    notes.map((note) => (note as { text?: string }).text),
    [
      'pairs.jsonl: texts of column query; 4 repeated or empty ones are left out',
      'pairs.jsonl: texts of column document; 1 repeated or empty ones are left out',
    ],
  );
  const query = ['--query', 'far'];
  const named = await search(at, '--documents', 'german.csv', '--column', 'ANTWORT', ...query);
  same(named.found[0]?.results.length, 2);
  const search2 = ['search', '--documents', 'german.csv', ...query];
  await refused(at, search2, /its columns are "Frage", "Antwort"; --column says which to read/);
  await refused(at, [...search2, '--column', 'x'], /has no column x; its columns are/);
});
