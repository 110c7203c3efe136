/**
 * Checkpoints of ours that PyTorch reads (hub.py) and a test makes again: every weight a number
 * that matters, drawn without a kernel, so that a seed's bytes stay what they are.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BERT,
  BertClassifier,
  CharacterTokenizer,
  type Files,
  GPT,
  JsonTokenizer,
  loadBert,
  loadBertClassifier,
  loadGpt,
  saveBert,
  saveBertClassifier,
  saveGpt,
  wordPieceJson,
} from 'nearfar/models';
import type { Module, Tensor } from 'nearfar/nn';
import { Random } from '../../src/core/random.js';

/** Windows of token numbers, (B, T). */
export interface Windows {
  ids: Int32Array;
  batch: number;
  lengths: Int32Array;
}

export interface Checkpoint {
  /** Begins with the kind of model. */
  name: string;
  /** Its files, always the same. */
  files(): Files;
  /** Loads files and says what the model gives, and how it is freed. */
  load(files: Files): { logits(windows: Windows): Tensor; model: Module };
}

const CHARACTERS = new CharacterTokenizer([...'\n .adefhnrt']);
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'near', 'and', 'far', '##er', '.'];

/** Saves a model with drawn weights; those that scale are about 1. */
function drawn<T extends Module>(model: T, seed: number, save: (model: T) => Files): Files {
  const random = new Random(seed);
  for (const [path, { data }] of model.stateDict()) {
    const around = /norm\d?\.weight$/.test(path) ? 1 : 0;
    for (const i of data.keys()) data[i] = random.uniform(around - 0.6, around + 0.6);
  }
  const files = save(model);
  model.dispose();
  return files;
}

function gpt(name: string, seed: number, config: object): Checkpoint {
  const sizes = { layers: 2, width: 12, context: 10 };
  return {
    name,
    files: () => drawn(new GPT(CHARACTERS, { ...sizes, ...config }), seed, saveGpt),
    load(files) {
      const model = loadGpt(files);
      return { model, logits: ({ ids, batch }) => model.forward(ids, batch) };
    },
  };
}

function encoder(config: object): BERT {
  const sizes = { layers: 2, width: 12, context: 10 };
  return new BERT(new JsonTokenizer(wordPieceJson(WORDS)), { ...sizes, ...config });
}

export const checkpoints: readonly Checkpoint[] = [
  gpt('gpt', 1, { heads: 3 }),
  gpt('gpt-2', 2, { heads: 2, hidden: 20, bias: true, activation: 'gelu_new', eps: 0.01 }),
  {
    name: 'bert',
    files: () => drawn(encoder({ heads: 3 }), 3, saveBert),
    load(files) {
      const model = loadBert(files);
      return {
        model,
        logits: (windows) => model.head.forward(model.forward(windows), model.wordEmbeddings),
      };
    },
  },
  {
    name: 'bert-classifier',
    files() {
      const bert = encoder({
        heads: 2,
        hidden: 20,
        typeVocabSize: 3,
        activation: 'gelu_new',
        eps: 0.01,
      });
      return drawn(new BertClassifier(bert, ['far', 'near', 'same']), 4, saveBertClassifier);
    },
    load(files) {
      const model = loadBertClassifier(files);
      return { model, logits: (windows) => model.forward(windows) };
    },
  },
];

/** A folder for each checkpoint. */
export function writeCheckpoints(folder: string): void {
  for (const { name, files } of checkpoints) {
    mkdirSync(join(folder, name));
    for (const [file, bytes] of files()) writeFileSync(join(folder, name, file), bytes);
  }
}
