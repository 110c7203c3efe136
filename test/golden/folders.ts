/**
 * Writes a folder of every kind that this package writes, and what its models make of some input,
 * and has transformers open them and compare:
 *
 *   npx tsx test/golden/folders.ts VENV/bin/python
 *
 * The environment is that of folders.py.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BERT,
  BertClassifier,
  CharacterTokenizer,
  CLIP,
  characterJson,
  type Files,
  GPT,
  imagesFrom,
  JsonTokenizer,
  MAE,
  SimCLR,
  saveBert,
  saveBertClassifier,
  saveClip,
  saveGpt,
  saveMae,
  saveSimClr,
  type Tokenizer,
  trainWordPiece,
  WordTokenizer,
  wordPieceJson,
} from 'nearfar/models';
import { type Module, tensor, tidy } from 'nearfar/nn';
import { Random } from '../../src/core/random.js';

/** Class that a folder is opened as, its input and the numbers that are expected. */
interface Case {
  kind: string;
  files: Files;
  [key: string]: unknown;
}

const TEXTS = ['near and far', 'far, and farther: the near'];

/** Gives a model drawn weights, those that scale about 1, and leaves dropout out. */
function drawn<T extends Module>(model: T, seed: number): T {
  const random = new Random(seed);
  for (const [path, { data }] of model.stateDict()) {
    const around = /norm\d?\.weight$/i.test(path) ? 1 : path === 'logitScale' ? 2 : 0;
    for (const i of data.keys()) data[i] = random.uniform(around - 0.4, around + 0.4);
  }
  return model.eval();
}

function gpt(tokenizer: Tokenizer, seed: number, config: object): Case {
  const model = drawn(new GPT(tokenizer, { layers: 2, width: 12, context: 32, ...config }), seed);
  const ids = TEXTS.map((text) => tokenizer.encode(text).slice(0, 32));
  return tidy(() => ({
    kind: 'gpt',
    files: saveGpt(model),
    texts: TEXTS,
    ids: TEXTS.map((text) => tokenizer.encode(text)),
    logits: ids.map((row) => [...model.forward(row).toArray()]),
  }));
}

const SIZES = { layers: 2, width: 12, context: 32 };
const wordPiece = (): JsonTokenizer =>
  new JsonTokenizer(wordPieceJson(trainWordPiece(TEXTS, { size: 40 })));

/** All texts of a batch, padded. */
function windows(tokenizer: JsonTokenizer) {
  const rows = TEXTS.map((text) => tokenizer.encode(text));
  const steps = Math.max(...rows.map((row) => row.length));
  const ids = rows.flatMap((row) => [...row, ...new Array<number>(steps - row.length).fill(0)]);
  const lengths = Int32Array.from(rows, (row) => row.length);
  return { rows, tokens: { ids: Int32Array.from(ids), batch: rows.length, lengths } };
}

function bert(tokenizer: JsonTokenizer, seed: number, config: object): Case {
  const model = drawn(new BERT(tokenizer, { ...SIZES, ...config }), seed);
  const { rows, tokens } = windows(tokenizer);
  return tidy(() => ({
    kind: 'bert',
    files: saveBert(model),
    texts: TEXTS,
    ids: rows,
    logits: [...model.head.forward(model.forward(tokens), model.wordEmbeddings).toArray()],
  }));
}

function classifier(seed: number): Case {
  const tokenizer = wordPiece();
  const bert = new BERT(tokenizer, { ...SIZES, heads: 2, activation: 'gelu_new' });
  const model = drawn(new BertClassifier(bert, ['far', 'near', 'same']), seed);
  const { rows, tokens } = windows(tokenizer);
  return tidy(() => ({
    kind: 'bert-classifier',
    files: saveBertClassifier(model),
    texts: TEXTS,
    ids: rows,
    labels: model.labelNames,
    logits: [...model.forward(tokens).toArray()],
  }));
}

/** Bytes of two images, each pixel its channels. */
function pixelsOf(height: number, width: number, channels: number): Uint8Array {
  const random = new Random(9);
  return Uint8Array.from({ length: 2 * height * width * channels }, () => random.integer(256));
}

function clip(seed: number, tokenizer: Tokenizer | undefined, config: object): Case {
  const model = drawn(
    new CLIP(tokenizer ?? TEXTS, {
      ...{ image: 'vit', imageSize: 8, patch: 4, imageWidth: 12, imageLayers: 2, imageHeads: 3 },
      ...{ text: 'transformer', textWidth: 8, textLayers: 2, textHeads: 2, context: 30 },
      ...{ projection: 6, channels: 3, ...config },
    }),
    seed,
  );
  const pixels = pixelsOf(8, 8, 3);
  const images = imagesFrom(pixels, { height: 8, width: 8, channels: 3 });
  return {
    kind: 'clip',
    files: saveClip(model),
    texts: TEXTS,
    ids: TEXTS.map((text) => model.tokenizer.encode(text)),
    start: model.config.startToken,
    end: model.config.endToken,
    pixels: [...pixels],
    shape: [2, 8, 8, 3],
    imageRows: [...model.encode(images).data],
    textRows: [...model.encodeTexts(TEXTS).data],
    logitScale: model.logitScale.item(),
  };
}

function mae(seed: number, config: object): Case {
  const model = drawn(
    new MAE({
      ...{ height: 8, width: 8, channels: 3, patch: 2, hidden: 12, layers: 2, heads: 3 },
      ...{ decoderHidden: 8, decoderLayers: 1, decoderHeads: 2, ...config },
    }),
    seed,
  );
  const { height, width, channels } = model.config;
  const pixels = pixelsOf(height, width, channels);
  const mask = model.mask(2, { seed: 1, step: 0 });
  const size = channels * height * width;
  return tidy(() => {
    // (B, C, H, W), −1 black to 1 white.
    const planes = Float32Array.from({ length: 2 * size }, (_, i) => {
      const [b, offset] = [Math.floor(i / size), i % size];
      const [c, at] = [Math.floor(offset / (height * width)), offset % (height * width)];
      return (pixels[b * size + at * channels + c] as number) / 127.5 - 1;
    });
    const images = tensor(planes, [2, channels, height, width]);
    return {
      kind: 'mae',
      files: saveMae(model),
      pixels: [...pixels],
      shape: [2, height, width, channels],
      visible: [...mask.visible],
      hidden: [...mask.hidden],
      predicted: [...model.forward(images, mask).toArray()],
    };
  });
}

/** A kind that is not Hugging Face's: transformers has to refuse it instead of opening another. */
const refused = (files: Files): Case => ({ kind: 'refused', files });

const CASES: Record<string, () => Case> = {
  'gpt-characters': () => {
    const characters = [...new Set(TEXTS.join(''))].sort();
    return gpt(new CharacterTokenizer(characters), 1, { heads: 3 });
  },
  'gpt-wordpiece': () => gpt(wordPiece(), 2, { heads: 2, hidden: 20, bias: true, eps: 0.01 }),
  'gpt-gelu-new': () => gpt(wordPiece(), 3, { heads: 2, activation: 'gelu_new' }),
  'bert-wordpiece': () => bert(wordPiece(), 4, { heads: 3 }),
  'bert-characters': () =>
    bert(new JsonTokenizer(characterJson(TEXTS)), 5, { heads: 2, hidden: 20, typeVocabSize: 3 }),
  'bert-classifier': () => classifier(6),
  'clip-words': () => clip(7, undefined, {}),
  'clip-quick-gelu': () =>
    clip(8, new WordTokenizer(['and', 'far', 'near']), {
      activation: 'quick_gelu',
      imageMean: [0.48, 0.46, 0.41],
      imageStd: [0.27, 0.26, 0.28],
    }),
  mae: () => mae(9, {}),
  'mae-normalized': () =>
    mae(10, { imageMean: [0.4, 0.5, 0.6], imageStd: [0.2, 0.3, 0.4], channels: 3 }),
  'small-clip': () => refused(saveClip(new CLIP(TEXTS, { imageSize: 8 }))),
  simclr: () => refused(saveSimClr(new SimCLR({ height: 8, width: 8, channels: 1 }))),
};

const [python = 'python3'] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), 'nearfar-folders-'));
try {
  for (const [name, make] of Object.entries(CASES)) {
    const { files, ...expected } = make();
    mkdirSync(join(root, name));
    for (const [file, bytes] of files) writeFileSync(join(root, name, file), bytes);
    writeFileSync(join(root, `${name}.json`), JSON.stringify(expected));
  }
  const { status } = spawnSync(python, ['test/golden/folders.py', root], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  rmSync(root, { recursive: true });
}
