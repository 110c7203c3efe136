/**
 * Folders that are damaged at random: each is refused in one sentence that names the file, or loads,
 * without memory that grows or stays.
 */

import {
  BERT,
  BertClassifier,
  CLIP,
  type Files,
  GPT,
  loadBert,
  loadBertClassifier,
  loadClip,
  loadGpt,
  loadMae,
  loadSentenceEncoder,
  loadSimClr,
  MAE,
  readTokenizer,
  type SentenceEncoder,
  SimCLR,
  saveBert,
  saveBertClassifier,
  saveClip,
  saveGpt,
  saveMae,
  saveSentenceEncoder,
  saveSimClr,
} from 'nearfar/models';
import { bytesInUse, loadSafetensors, memoryBytes, parameter, saveSafetensors } from 'nearfar/nn';
import { check, same, suite } from '../harness.js';
import { damage } from './damage.js';
import { fixtureFolder, fixtureNames } from './sentence-folders.js';

const test = suite('damaged');

/** Damaged folders of each kind. */
const COUNT = 40;
/** Bytes by which WASM memory may grow. */
const MAX_GROWTH = 2 ** 26;

/** Frees what `make` made, so that only its files stay. */
function filesOf<T extends { dispose(): void }>(model: T, save: (model: T) => Files): Files {
  const files = save(model);
  model.dispose();
  return files;
}

const TEXTS = ['near and far', 'far and near'];
const SIZES = { layers: 1, heads: 2, width: 8, context: 8 };
const IMAGES = { height: 8, width: 8, channels: 1 };

const gpt = () => filesOf(new GPT(TEXTS[0] as string, SIZES), saveGpt);
const bert = () => filesOf(new BERT(TEXTS, SIZES), saveBert);
const clip = (options: object) => filesOf(new CLIP(TEXTS, { imageSize: 8, ...options }), saveClip);

/** An encoder that loads also encodes: its rows may only be too large. */
function loadAndEncode(files: Files): SentenceEncoder {
  const encoder = loadSentenceEncoder(files);
  try {
    for (const text of ['near and far', '', 'ΑΣ é 你好 👩‍👩‍👧 \ud800', 'x'.repeat(3000)]) {
      try {
        encoder.encode(text);
      } catch (error) {
        check(/^encode: .* past f32's range/.test((error as Error).message), `${error}`);
      }
    }
  } catch (error) {
    encoder.dispose();
    throw error;
  }
  return encoder;
}

/** Files of each loader: of a tokenizer, the model's files without the model. */
const LOADERS: Record<string, [files: () => Files, load: (files: Files) => unknown]> = {
  loadGpt: [gpt, loadGpt],
  loadBert: [bert, loadBert],
  loadBertClassifier: [
    () => {
      const classifier = new BertClassifier(new BERT(TEXTS, SIZES), ['near', 'far']);
      return filesOf(classifier, saveBertClassifier);
    },
    loadBertClassifier,
  ],
  loadClip: [() => clip({ channels: 1 }), loadClip],
  'loadClip of transformers': [
    () => {
      const image = { image: 'vit', patch: 4, imageWidth: 8, imageLayers: 1, imageHeads: 2 };
      const text = { text: 'transformer', textWidth: 8, textLayers: 1, textHeads: 2, context: 6 };
      return clip({ ...image, ...text });
    },
    loadClip,
  ],
  loadMae: [
    () => {
      const decoder = { decoderHidden: 8, decoderLayers: 1, decoderHeads: 2 };
      const sizes = { ...IMAGES, patch: 4, hidden: 8, layers: 1, heads: 2, ...decoder };
      return filesOf(new MAE(sizes), saveMae);
    },
    loadMae,
  ],
  loadSimClr: [() => filesOf(new SimCLR(IMAGES), saveSimClr), loadSimClr],
  ...Object.fromEntries(
    fixtureNames.map((name) => [
      `loadSentenceEncoder of ${name}`,
      [() => fixtureFolder(name), loadAndEncode],
    ]),
  ),
  'loadSentenceEncoder of 8 bits': [
    () => {
      const encoder = loadSentenceEncoder(fixtureFolder('bert-v2'));
      return filesOf(encoder, (each) => saveSentenceEncoder(each, { dtype: 'int8' }));
    },
    loadSentenceEncoder,
  ],
  'loadSentenceEncoder of 4 bits': [
    () => {
      const encoder = loadSentenceEncoder(fixtureFolder('model2vec-f32'));
      return filesOf(encoder, (each) => saveSentenceEncoder(each, { dtype: 'int4' }));
    },
    loadSentenceEncoder,
  ],
  loadSafetensors: [
    () => {
      const x = parameter([[1, 2]]);
      const bytes = saveSafetensors(new Map([['x', x]]));
      x.dispose();
      return new Map([['model.safetensors', bytes]]);
    },
    (files) => {
      const bytes = files.get('model.safetensors') ?? new Uint8Array(0);
      for (const tensor of loadSafetensors(bytes).values()) tensor.dispose();
      return undefined;
    },
  ],
  readTokenizer: [
    () => new Map([...bert()].filter(([name]) => /tokenizer|vocab/.test(name))),
    (files) => readTokenizer('readTokenizer', files).encode('near and far'),
  ],
};

/** Says what is wrong with an error message; undefined if nothing is. */
function faultOf(error: unknown, loader: string, files: Files): string | undefined {
  const { message } = error as Error;
  const isKind = error instanceof RangeError || error instanceof TypeError;
  const isSentence = message.startsWith(`${loader}: `) && !message.includes('\n');
  const names = [...files.keys(), 'config.json', 'tokenizer.json', 'safetensors'];
  const named = names.some((name) => message.includes(name));
  return isKind && isSentence && named && message.length < 500 ? undefined : `${error}`;
}

for (const [name, [make, load]] of Object.entries(LOADERS)) {
  const [loader = ''] = name.split(' ');
  test(`${name}: damaged files are refused by name, or load`, () => {
    const whole = make();
    const faults: string[] = [];
    let refused = 0;
    for (let seed = 0; seed < COUNT; seed++) {
      const { what, files } = damage(whole, seed);
      const [used, size] = [bytesInUse(), memoryBytes()];
      try {
        (load(files) as { dispose?(): void } | undefined)?.dispose?.();
      } catch (error) {
        refused++;
        const fault = faultOf(error, loader, whole);
        if (fault !== undefined) faults.push(`${what}: ${fault}`);
      }
      if (memoryBytes() - size > MAX_GROWTH) faults.push(`${what}: memory grew`);
      if (bytesInUse() !== used) faults.push(`${what}: ${bytesInUse() - used} bytes stayed`);
    }
    same(faults, [], 'faults');
    check(refused > COUNT / 4, `only ${refused} refused`);
  });
}
