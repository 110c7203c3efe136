/** Static encoders of one token per word, as files of sentence-transformers, and their tables. */

import { type SentenceEncoder, saveSentenceEncoder } from 'nearfar/models';
import { loadSafetensors } from 'nearfar/nn';

/** A folder of sentence-transformers' StaticEmbedding, one token per word. */
export function folderOf(words: readonly string[], table: readonly (readonly number[])[]) {
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const cols = (table[0] as number[]).length;
  const header = JSON.stringify({
    'embedding.weight': {
      ...{ dtype: 'F32', shape: [table.length, cols] },
      data_offsets: [0, 4 * table.length * cols],
    },
  }).padEnd(128, ' ');
  const weights = new Uint8Array(8 + header.length + 4 * table.length * cols);
  new DataView(weights.buffer).setBigUint64(0, BigInt(header.length), true);
  weights.set(new TextEncoder().encode(header), 8);
  weights.set(new Uint8Array(Float32Array.from(table.flat()).buffer), 8 + header.length);
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  const module = (idx: number, path: string, type: string): object => ({
    ...{ idx, name: `${idx}`, path, type: `sentence_transformers.models.${type}` },
  });
  return new Map([
    ['modules.json', json([module(0, '', 'StaticEmbedding'), module(1, '1', 'Normalize')])],
    [
      'tokenizer.json',
      json({
        pre_tokenizer: { type: 'WhitespaceSplit' },
        model: { type: 'WordLevel', vocab, unk_token: words[0] },
      }),
    ],
    ['model.safetensors', weights],
  ]);
}

/** The table of an encoder. */
export function tableOf(encoder: SentenceEncoder): Float32Array {
  const files = saveSentenceEncoder(encoder);
  const path = [...files.keys()].find((key) => key.endsWith('.safetensors')) as string;
  const tensors = loadSafetensors(files.get(path) as Uint8Array);
  const [tensor] = [...tensors.values()];
  const numbers = tensor?.toArray() as Float32Array;
  for (const each of tensors.values()) each.dispose();
  return numbers;
}
