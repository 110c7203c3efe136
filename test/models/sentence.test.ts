/**
 * Sentence encoders versus Python: rows of sentence-transformers 6.2 and model2vec 0.10 for folders
 * of every kind (test/golden/sentence.py), and of two real encoders.
 */

import { cosineSimilarity } from 'nearfar';
import {
  type Files,
  loadSentenceEncoder,
  type SentenceEncoder,
  saveSentenceEncoder,
} from 'nearfar/models';
import { bytesInUse, memoryBytes } from 'nearfar/nn';
import { check, close, same, suite, throws } from '../harness.js';
import { DAMAGED } from './sentence-damaged.js';
import {
  fixtureCases,
  fixtureFolder,
  fixtureNames,
  inShards,
  sharedModel,
  withFiles,
} from './sentence-folders.js';

const test = suite('sentence encoder');

/** Largest difference from Python's rows. */
const WITHIN = 1e-4;

function rowsAre(encoder: SentenceEncoder, texts: string[], rows: number[][], options = {}): void {
  const { data, cols } = encoder.encode(texts, options);
  texts.forEach((text, i) => {
    const row = data.subarray(i * cols, (i + 1) * cols);
    close(row, rows[i] as number[], { atol: WITHIN, what: JSON.stringify(text.slice(0, 40)) });
  });
}

for (const name of fixtureNames) {
  test(`${name} gives Python's rows`, () => {
    const folder = fixtureFolder(name);
    for (const { name: title, files, texts, rows, options, maxTokens } of fixtureCases(name)) {
      const encoder = loadSentenceEncoder(withFiles(folder, files));
      try {
        rowsAre(encoder, texts, rows, options);
        same(encoder.width, rows[0]?.length, `${title}: width`);
        if (maxTokens !== undefined) same(encoder.maxTokens, maxTokens, `${title}: maxTokens`);
      } catch (error) {
        throw new Error(`${title}: ${error}`);
      } finally {
        encoder.dispose();
      }
    }
  });
}

for (const name of ['all-MiniLM-L6-v2', 'minilm-static-256']) {
  const title = `${name} gives Python's rows of 242 awkward texts`;
  const model = sharedModel(name);
  if (model === undefined && process.env.CI !== 'true') {
    test.skip(title, 'it is not next to this checkout');
    continue;
  }
  test(title, () => {
    check(model !== undefined, `${name} must be there in CI`);
    const encoder = loadSentenceEncoder(model.files);
    const texts = model.rows.map(({ text }) => text);
    rowsAre(
      encoder,
      texts,
      model.rows.map(({ embedding }) => embedding),
    );
    encoder.dispose();
  });
}

const KINDS = ['bert-v2', 'roberta-v6', 'mpnet-v6', 'static-v6', 'model2vec-quantized'];

test('a text has the same bits alone and in any batch', () => {
  for (const name of KINDS) {
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    const { texts } = fixtureCases(name)[0] as { texts: string[] };
    const many = Array.from({ length: 7 }, () => texts).flat();
    const { data, cols } = encoder.encode(many);
    many.forEach((text, i) => {
      if (i >= texts.length && i % 11 > 0) return;
      same([...data.subarray(i * cols, (i + 1) * cols)], [...encoder.encode(text).data], text);
    });
    encoder.dispose();
  }
});

test('a stream gives the bits of encode, and the event loop its turns', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v2'));
  const texts = Array.from({ length: 11 }, (_, i) => `near ${'far '.repeat(i)}`);
  const { data, cols } = encoder.encode(texts);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const starts: number[] = [];
  for await (const { start, rows } of encoder.encodeStream(texts, { batchSize: 4 })) {
    starts.push(start);
    const end = start + rows.rows;
    same([...rows.data], [...data.subarray(start * cols, end * cols)], `rows from ${start}`);
  }
  clearInterval(timer);
  same(starts, [0, 4, 8]);
  check(turns > 0, 'no timer ran');
  const controller = new AbortController();
  let batches = 0;
  for await (const _ of encoder.encodeStream(texts, { batchSize: 2, signal: controller.signal })) {
    if (++batches === 2) controller.abort();
  }
  same(batches, 2);
  encoder.dispose();
});

test('fewer dimensions are the first, of unit length where the encoder makes it so', () => {
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v2'));
  const texts = ['near', 'far and near'];
  const whole = encoder.encode(texts);
  const { data, cols, rows } = encoder.encode(texts, { dimensions: 5 });
  same([rows, cols], [2, 5]);
  for (let r = 0; r < rows; r++) {
    const first = whole.data.subarray(r * whole.cols, r * whole.cols + cols);
    const norm = Math.hypot(...first);
    close(
      data.subarray(r * cols, (r + 1) * cols),
      Array.from(first, (x) => x / norm),
      { atol: 1e-6 },
    );
  }
  encoder.dispose();
  const plain = loadSentenceEncoder(fixtureFolder('roberta-v6'));
  const { data: all } = plain.encode('near');
  same([...plain.encode('near', { dimensions: 3 }).data], [...all.subarray(0, 3)]);
  plain.dispose();
});

test('similarity is what the folder says, larger being nearer', () => {
  const folder = fixtureFolder('bert-v2');
  const a = [[1, 2, 2]];
  const b = [
    [2, 4, 4],
    [0, 0, 1],
  ];
  const expected = {
    cosine: [1, 2 / 3],
    dot: [18, 2],
    euclidean: [-3, -Math.sqrt(6)],
    manhattan: [-5, -4],
  };
  for (const [name, scores] of Object.entries(expected)) {
    const config = { similarity_fn_name: name };
    const encoder = loadSentenceEncoder(
      withFiles(folder, { 'config_sentence_transformers.json': config }),
    );
    same(encoder.similarityName, name);
    const found = encoder.similarity(a, b);
    same([found.rows, found.cols], [1, 2]);
    close(found.data, scores, { atol: 1e-6, what: name });
    close(encoder.similarity([1, 2, 2], [0, 0, 1]).data, [scores[1] as number], { atol: 1e-6 });
    encoder.dispose();
  }
});

test('prompts have their names', () => {
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v6'));
  same(encoder.prompts, { document: 'far: ', query: 'near: ' });
  same(encoder.defaultPromptName, 'document');
  const prompted = encoder.encode('near: far', { prompt: '' }).data;
  same([...encoder.encode('far', { promptName: 'query' }).data], [...prompted]);
  throws(
    () => encoder.encode('far', { promptName: 'toString' }),
    RangeError,
    "encode: promptName must be 'document' or 'query', got \"toString\"",
  );
  encoder.dispose();
});

test('lone surrogates and long texts are texts', () => {
  for (const name of fixtureNames) {
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    const texts = ['\ud800', 'a\udc00b', 'x'.repeat(20000), '\u0301', '\u200d', '\0'];
    const { data } = encoder.encode(texts);
    check(data.every(Number.isFinite), name);
    encoder.dispose();
  }
});

test('nothing of an encoder stays in memory', () => {
  const before = bytesInUse();
  for (const name of fixtureNames) {
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    encoder.encode(['near', 'far']);
    encoder.dispose();
    throws(() => encoder.encode('near'), Error, /disposed/);
  }
  same(bytesInUse(), before);
});

test('what is saved and loaded again gives the same bits', () => {
  for (const name of fixtureNames) {
    for (const { files, texts, options } of fixtureCases(name).slice(0, 3)) {
      const encoder = loadSentenceEncoder(withFiles(fixtureFolder(name), files));
      const saved = saveSentenceEncoder(encoder);
      const again = loadSentenceEncoder(saved);
      same([...again.encode(texts, options).data], [...encoder.encode(texts, options).data], name);
      same(
        [
          again.maxTokens,
          again.width,
          again.prompts,
          again.defaultPromptName,
          again.similarityName,
        ],
        [
          encoder.maxTokens,
          encoder.width,
          encoder.prompts,
          encoder.defaultPromptName,
          encoder.similarityName,
        ],
        name,
      );
      const twice = saveSentenceEncoder(again);
      same([...twice.keys()].sort(), [...saved.keys()].sort(), name);
      for (const [path, bytes] of saved) {
        check(
          Buffer.compare(twice.get(path) as Uint8Array, bytes) === 0,
          `${name}: ${path} differs`,
        );
      }
      encoder.dispose();
      again.dispose();
    }
  }
});

test('products of integers keep the direction of rows, and their bits in any batch', () => {
  const folders = fixtureNames.filter((name) => !/static|model2vec/.test(name)).map(fixtureFolder);
  const texts = fixtureCases('bert-v2')[0]?.texts ?? [];
  const shared = sharedModel('all-MiniLM-L6-v2');
  if (shared) folders.push(shared.files);
  for (const files of folders) {
    const exact = loadSentenceEncoder(files);
    const encoder = loadSentenceEncoder(files, { precision: 'int8' });
    const rows = encoder.encode(texts);
    const expected = exact.encode(texts);
    texts.forEach((text, i) => {
      const row = rows.data.subarray(i * rows.cols, (i + 1) * rows.cols);
      const other = expected.data.subarray(i * rows.cols, (i + 1) * rows.cols);
      const cosine = cosineSimilarity(row, other);
      check(cosine > 0.999, `${JSON.stringify(text)}: a cosine of ${cosine}`);
      if (i % 7 === 0) same([...encoder.encode(text).data], [...row], text);
    });
    throws(() => saveSentenceEncoder(encoder), RangeError, /precision 'float32'/);
    encoder.dispose();
    exact.dispose();
  }
});

test('half precision rounds each weight, and eight bits a static table', () => {
  for (const name of ['bert-v6', 'static-v6', 'model2vec-quantized', 'model2vec-weights']) {
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    // Without unknown tokens, which the layout of eight bits leaves out.
    const texts = [
      'near',
      'Near the far',
      'what is near is pulled together',
      'near far '.repeat(9),
    ];
    const whole = encoder.encode(texts).data;
    const dtypes =
      encoder.kind === 'static' ? (['float16', 'int8'] as const) : (['float16'] as const);
    const size = (files: Files): number => files.get('model.safetensors')?.length ?? 0;
    for (const dtype of dtypes) {
      const saved = saveSentenceEncoder(encoder, { dtype });
      const again = loadSentenceEncoder(saved);
      close(again.encode(texts).data, whole, { atol: dtype === 'int8' ? 0.03 : 0.003, what: name });
      // What is written in a type stays as it is in it.
      const twice = loadSentenceEncoder(saveSentenceEncoder(again, { dtype }));
      same([...twice.encode(texts).data], [...again.encode(texts).data], `${name} ${dtype}`);
      if (encoder.kind === 'bert')
        check(size(saved) < 0.7 * size(saveSentenceEncoder(encoder)), dtype);
      again.dispose();
      twice.dispose();
    }
    if (encoder.kind === 'bert') {
      throws(
        () => saveSentenceEncoder(encoder, { dtype: 'int4' }),
        RangeError,
        /for a transformer/,
      );
    }
    encoder.dispose();
  }
});

test('Dropout changes nothing, as it is for training', () => {
  const folder = fixtureFolder('bert-v2');
  const modules = JSON.parse(new TextDecoder().decode(folder.get('modules.json')));
  const dropout = { path: '9_Dropout', type: 'sentence_transformers.models.Dropout' };
  const files = withFiles(folder, {
    'modules.json': [...modules, dropout],
    '9_Dropout/config.json': { dropout: 0.4 },
  });
  const [plain, dropped] = [loadSentenceEncoder(folder), loadSentenceEncoder(files)];
  const texts = ['near and far', ''];
  same([...dropped.encode(texts).data], [...plain.encode(texts).data]);
  plain.dispose();
  dropped.dispose();
});

test('weights in shards give the same bits', () => {
  for (const [name, at] of [
    ['bert-v6', ''],
    ['static-v5', '0_StaticEmbedding/'],
  ] as const) {
    const files = fixtureFolder(name);
    const { replaced, shards } = inShards(files, at);
    const [whole, sharded] = [files, withFiles(files, replaced)].map((each) => {
      const encoder = loadSentenceEncoder(each);
      const { data } = encoder.encode(['near', 'far and near']);
      encoder.dispose();
      return data;
    });
    same(sharded, whole, name);
    const [first = ''] = shards;
    throws(
      () => loadSentenceEncoder(withFiles(files, { ...replaced, [at + first]: new Uint8Array(9) })),
      RangeError,
      /model-00001-of-00002\.safetensors/,
    );
  }
});

test('damaged folders are refused by the name of the file', () => {
  const before = bytesInUse();
  for (const [name, what, files, message] of DAMAGED) {
    try {
      const folder = fixtureFolder(name);
      const damaged = withFiles(folder, files(folder));
      const size = memoryBytes();
      throws(() => loadSentenceEncoder(damaged), RangeError, message);
      check(memoryBytes() - size < 2 ** 24, `${memoryBytes() - size} bytes of memory`);
    } catch (error) {
      throw new Error(`${what}: ${error}`);
    }
  }
  same(bytesInUse(), before);
});
