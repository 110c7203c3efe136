/**
 * Encoding texts with sentence encoders from folders: transformers in batches and one by one, static
 * ones at two lengths of text. Peers get the tokens, ours the texts.
 */

import { Random } from '../src/core/random.js';
import { TokenList } from '../src/data/text/pipeline/token-list.js';
import type { Files, SentenceEncoder } from '../src/models/index.js';
import { candidate } from './interleave.js';
import type { Api } from './operations/operation.js';
import type { Workload } from './workload.js';

/** A sentence encoder's folder. */
export interface EncoderFolder {
  name: string;
  /** Where it is, for peers that read it themselves. */
  path: string;
  files: Files;
  /** Folder with `onnx/model.onnx` and `onnx/model_quantized.onnx` of it, for peers. */
  onnx?: string | undefined;
}

/** Inputs that peers get of a workload that encodes texts. */
export interface EncodingInputs {
  kind: 'bert' | 'static';
  folder: string;
  onnx: string | undefined;
  precision: 'float32' | 'int8';
  /** Texts that are encoded at once. */
  batch: number;
  texts: string[];
  /** Token numbers of each text. */
  tokens: number[][];
}

const PRECISIONS = ['float32', 'int8'] as const;
const BATCHES = [20, 1];
/** Texts of a transformer, and words of the shortest and the longest. */
const TEXTS = 40;
const WORDS = [8, 42] as const;
/** Texts of a static encoder, and their characters. */
const STATIC_TEXTS = 2000;
const CHARACTERS = [22, 142];

/** Tells what kind of encoder a folder holds. */
export function kindOf({ files }: EncoderFolder): 'bert' | 'static' {
  const bytes = files.get('modules.json') ?? files.get('config.json');
  const text = new TextDecoder().decode(bytes);
  return /StaticEmbedding|model2vec/.test(text) ? 'static' : 'bert';
}

const batchName = (batch: number): string => (batch === 1 ? 'one by one' : `batches of ${batch}`);

/** Names of a folder's workloads. */
export function encodingNames(folder: EncoderFolder): string[] {
  const { name } = folder;
  return kindOf(folder) === 'static'
    ? CHARACTERS.map((count) => `encode ${name}, ${count} characters`)
    : PRECISIONS.flatMap((precision) =>
        BATCHES.map((batch) => `encode ${name}, ${precision}, ${batchName(batch)}`),
      );
}

/** Words of an encoder's vocabulary, the frequent ones, which are the first, more often. */
function* wordsOf(encoder: SentenceEncoder, random: Random): Generator<string, never> {
  const { vocabulary } = encoder.parts.tokens.tokenizer;
  const words = Array.from(vocabulary.keys(), (token) => token.replace(/^\P{L}+/u, '')).filter(
    (word) => /^\p{L}{2,}$/u.test(word),
  );
  for (;;) yield words[Math.floor(random.uniform() ** 3 * words.length)] as string;
}

function take(words: Generator<string, never>, count: number): string {
  return Array.from({ length: count }, () => words.next().value).join(' ');
}

function inputsOf(
  folder: EncoderFolder,
  encoder: SentenceEncoder,
  texts: string[],
  settings: Pick<EncodingInputs, 'precision' | 'batch'>,
): EncodingInputs & Record<string, unknown> {
  const { path, onnx } = folder;
  const tokens = texts.map((text) => [...encoder.parts.tokens.ids(text)]);
  return { kind: encoder.kind, folder: path, onnx, texts, tokens, ...settings };
}

const countTokens = ({ tokens }: EncodingInputs): number =>
  tokens.reduce((sum, list) => sum + list.length, 0);

/** Lists the workloads of a folder. */
export function encodingWorkloads({ models }: Api, folder: EncoderFolder): Workload[] {
  const loaded = new Map<string, SentenceEncoder>();
  const load = (precision: 'float32' | 'int8'): SentenceEncoder => {
    const encoder =
      loaded.get(precision) ?? models.loadSentenceEncoder(folder.files, { precision });
    loaded.set(precision, encoder);
    return encoder;
  };
  const names = encodingNames(folder);
  if (kindOf(folder) === 'static') {
    return CHARACTERS.map((characters, i) => ({
      name: names[i] as string,
      sizes: { texts: STATIC_TEXTS, characters },
      flops: undefined,
      inputs() {
        const encoder = load('float32');
        const words = wordsOf(encoder, new Random(characters));
        const texts = Array.from({ length: STATIC_TEXTS }, () =>
          take(words, characters).slice(0, characters),
        );
        return inputsOf(folder, encoder, texts, { precision: 'float32', batch: STATIC_TEXTS });
      },
      items: ({ texts }) => ({ count: (texts as string[]).length, unit: 'texts' }),
      ours(given) {
        const encoder = load('float32');
        const { texts } = given as unknown as EncodingInputs;
        return candidate('nearfar', () => ({ rows: encoder.encode(texts).data }));
      },
      parts(given) {
        const { tokens } = load('float32').parts;
        const { texts } = given as unknown as EncodingInputs;
        const list = new TokenList();
        const tokenize = (): Record<string, never> => {
          list.truncate(0);
          for (const text of texts) tokens.append(list, text);
          return {};
        };
        return [candidate('its tokenizer alone', tokenize)];
      },
    }));
  }
  const all = PRECISIONS.flatMap((precision) => BATCHES.map((batch) => ({ precision, batch })));
  return all.map(({ precision, batch }, i) => ({
    name: names[i] as string,
    sizes: { texts: TEXTS, batch },
    flops: undefined,
    inputs() {
      const encoder = load(precision);
      const random = new Random(1);
      const words = wordsOf(encoder, random);
      const texts = Array.from({ length: TEXTS }, () =>
        take(words, WORDS[0] + random.integer(WORDS[1] - WORDS[0])),
      );
      return inputsOf(folder, encoder, texts, { precision, batch });
    },
    items: (given) => ({ count: countTokens(given as unknown as EncodingInputs), unit: 'tokens' }),
    ours(given) {
      const encoder = load(precision);
      const { texts } = given as unknown as EncodingInputs;
      return candidate('nearfar', () => {
        const rows = new Float32Array(texts.length * encoder.width);
        for (let at = 0; at < texts.length; at += batch) {
          rows.set(encoder.encode(texts.slice(at, at + batch)).data, at * encoder.width);
        }
        return { rows };
      });
    },
  }));
}
