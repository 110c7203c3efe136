/** onnxruntime-web at a transformer that was exported as ONNX: padded batches, mean, unit length. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncodingInputs } from '../encoding.js';
import { type Candidate, candidate } from '../interleave.js';

/** The part of onnxruntime-web that is used here. */
export interface OrtSessions {
  Tensor: new (type: 'int64', data: BigInt64Array, dims: number[]) => object;
  InferenceSession: {
    create(model: Uint8Array): Promise<{
      run(feeds: object): Promise<Record<string, { data: Float32Array; dims: readonly number[] }>>;
    }>;
  };
}

/** Adds the normalized mean of a text's hidden states to the rows. */
function pool(
  rows: Float32Array,
  to: number,
  hidden: Float32Array,
  from: number,
  count: number,
  width: number,
): void {
  let square = 0;
  for (let c = 0; c < width; c++) {
    let sum = 0;
    for (let t = 0; t < count; t++) sum += hidden[from + t * width + c] as number;
    rows[to + c] = sum / count;
    square += (sum / count) ** 2;
  }
  for (let c = 0; c < width; c++) rows[to + c] = (rows[to + c] as number) / Math.sqrt(square);
}

/** Makes a candidate; undefined without a model in ONNX. */
export async function ortEncoding(
  name: string,
  ort: OrtSessions,
  { kind, onnx, precision, batch, tokens }: EncodingInputs,
): Promise<Candidate | undefined> {
  if (kind !== 'bert' || onnx === undefined) return undefined;
  const file = precision === 'int8' ? 'model_quantized.onnx' : 'model.onnx';
  const model = new Uint8Array(readFileSync(join(onnx, 'onnx', file)));
  const session = await ort.InferenceSession.create(model);
  // Texts of about one length together, as sentence-transformers does, so that little is padded.
  const order = tokens.map((_, i) => i);
  if (batch > 1) order.sort((a, b) => (tokens[a]?.length ?? 0) - (tokens[b]?.length ?? 0));
  return candidate(`${name}, ${precision}`, async () => {
    let rows = new Float32Array(0);
    for (let at = 0; at < order.length; at += batch) {
      const texts = order.slice(at, at + batch);
      const longest = Math.max(...texts.map((i) => tokens[i]?.length ?? 0));
      const ids = new BigInt64Array(texts.length * longest);
      const mask = new BigInt64Array(ids.length);
      texts.forEach((i, r) => {
        tokens[i]?.forEach((id, t) => {
          ids[r * longest + t] = BigInt(id);
          mask[r * longest + t] = 1n;
        });
      });
      const put = (data: BigInt64Array): object =>
        new ort.Tensor('int64', data, [texts.length, longest]);
      const { last_hidden_state: hidden } = await session.run({
        input_ids: put(ids),
        attention_mask: put(mask),
        token_type_ids: put(new BigInt64Array(ids.length)),
      });
      const { data, dims } = hidden as { data: Float32Array; dims: readonly number[] };
      const width = dims[2] as number;
      if (rows.length === 0) rows = new Float32Array(tokens.length * width);
      texts.forEach((i, r) => {
        pool(rows, i * width, data, r * longest * width, tokens[i]?.length ?? 0, width);
      });
    }
    // Its rows in int8 are far from those of float32: they are not compared.
    return precision === 'int8' ? {} : { rows };
  });
}
