/**
 * GPT's training step in TensorFlow.js, with nearfar's weights and batches, as nanoGPT's model.py
 * computes it. All of it runs on WebAssembly: the embedding is a product, as there is no gradient
 * of `gather`. Only the loss of a step comes back to JavaScript.
 */

import type { Sizes } from '../operations/operation.js';
import type { Operations } from './peer.js';
import { type Product, read, type Tf, type TfTensor, type TfVariable } from './tensorflow-api.js';

/** Initial state and batches, see `workloads.ts`. */
interface Inputs {
  weights: Uint8Array;
  ids: number[];
  targets: number[];
  rates: number[];
  betas: [number, number];
  weightDecay: number;
  gradClip: number;
}

/** @param product of two matrices, with its gradient */
export function gptTraining(tf: Tf, product: Product): Operations[string] {
  return (inputs, sizes) => {
    const training = new Training(tf, product, sizes, inputs as unknown as Inputs);
    return () =>
      read(
        'loss',
        tf.tidy(() => training.step()),
      );
  };
}

/** Reads weights of a safetensors file; those of linear layers become (in, out), as in tfjs. */
function variablesOf(tf: Tf, file: Uint8Array): Record<string, TfVariable> {
  const start = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const text = new TextDecoder().decode(file.subarray(8, start));
  const { __metadata__, ...header } = JSON.parse(text);
  type Entry = [name: string, { shape: number[]; data_offsets: [number, number] }];
  return Object.fromEntries(
    (Object.entries(header) as Entry[]).map(
      ([
        name,
        {
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const values = tf.tensor(
          new Float32Array(file.slice(start + from, start + to).buffer),
          shape,
        );
        const linear = name.startsWith('blocks.') && shape.length === 2;
        return [name, tf.variable(linear ? values.transpose() : values)];
      },
    ),
  );
}

class Training {
  readonly #tf: Tf;
  readonly #product: Product;
  readonly #sizes: Sizes;
  readonly #inputs: Inputs;
  readonly #weights: Record<string, TfVariable>;
  readonly #adam: ReturnType<Tf['train']['adam']>;
  /** Token numbers of each batch, (B T). */
  readonly #ids: TfTensor[];
  readonly #targets: TfTensor[];
  /** (T, T), added to scores: the causal mask. */
  readonly #future: TfTensor;
  #steps = 0;

  constructor(tf: Tf, product: Product, sizes: Sizes, inputs: Inputs) {
    this.#tf = tf;
    this.#product = product;
    this.#sizes = sizes;
    this.#inputs = inputs;
    this.#weights = variablesOf(tf, inputs.weights);
    this.#adam = tf.train.adam(0, ...inputs.betas, 1e-8);
    const { B, T } = sizes as { B: number; T: number };
    const batchesOf = (all: number[]): TfTensor[] =>
      Array.from({ length: all.length / (B * T) }, (_, at) =>
        tf.tensor1d(all.slice(at * B * T, (at + 1) * B * T), 'int32'),
      );
    this.#ids = batchesOf(inputs.ids);
    this.#targets = batchesOf(inputs.targets);
    this.#future = tf.tidy(() =>
      tf.linalg
        .bandPart(tf.ones([T, T]), -1, 0)
        .sub(1)
        .mul(1e9),
    );
  }

  #weight(name: string): TfVariable {
    return this.#weights[name] as TfVariable;
  }

  #size(letter: string): number {
    return this.#sizes[letter] as number;
  }

  #oneHot(numbers: TfTensor): TfTensor {
    return this.#tf.oneHot(numbers, this.#size('V')).toFloat();
  }

  #linear(x: TfTensor, name: string): TfTensor {
    return this.#product(x, this.#weight(`${name}.weight`));
  }

  #norm(x: TfTensor, name: string): TfTensor {
    const { mean, variance } = this.#tf.moments(x, 1, true);
    return x
      .sub(mean)
      .mul(variance.add(1e-5).rsqrt())
      .mul(this.#weight(`${name}.weight`));
  }

  #attention(x: TfTensor, name: string): TfTensor {
    const tf = this.#tf;
    const [B, T, C] = ['B', 'T', 'C'].map((letter) => this.#size(letter)) as Three<number>;
    const heads = this.#size('heads');
    const parts = tf.split(this.#linear(x, `${name}.qkv`), 3, 1);
    const [q, k, v] = parts.map((y) =>
      y.reshape([B, T, heads, C / heads]).transpose([0, 2, 1, 3]),
    ) as Three<TfTensor>;
    const scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(C / heads));
    const mixed = tf.matMul(tf.softmax(scores.add(this.#future)), v).transpose([0, 2, 1, 3]);
    return this.#linear(mixed.reshape([B * T, C]), `${name}.output`);
  }

  #mlp(x: TfTensor, name: string): TfTensor {
    const up = this.#linear(x, `${name}.up`);
    const gelu = up.mul(0.5).mul(up.mul(Math.SQRT1_2).erf().add(1));
    return this.#linear(gelu, `${name}.down`);
  }

  /** (B T, V) */
  #logits(ids: TfTensor): TfTensor {
    const [B, T, C] = ['B', 'T', 'C'].map((letter) => this.#size(letter)) as Three<number>;
    const tokens = this.#weight('tokenEmbeddings');
    const embedded = this.#product(this.#oneHot(ids), tokens).reshape([B, T, C]);
    let x = embedded.add(this.#weight('positionEmbeddings')).reshape([B * T, C]);
    for (let layer = 0; layer < this.#size('layers'); layer++) {
      const block = `blocks.${layer}`;
      x = x.add(this.#attention(this.#norm(x, `${block}.norm1`), `${block}.attention`));
      x = x.add(this.#mlp(this.#norm(x, `${block}.norm2`), `${block}.mlp`));
    }
    return this.#product(this.#norm(x, 'norm'), tokens.transpose());
  }

  /** Trains on the next batch. @returns its loss */
  step(): TfTensor {
    const tf = this.#tf;
    const { rates, weightDecay, gradClip } = this.#inputs;
    const at = this.#steps % this.#ids.length;
    const rate = rates[Math.min(this.#steps++, rates.length - 1)] as number;
    const { value, grads } = tf.variableGrads(() => {
      const labels = this.#oneHot(this.#targets[at] as TfTensor);
      return tf.losses.softmaxCrossEntropy(labels, this.#logits(this.#ids[at] as TfTensor));
    });
    const squares = Object.values(grads).map((grad) => grad.square().sum());
    const length = tf.addN(squares).sqrt().add(1e-6);
    const factor = tf.minimum(tf.div(gradClip, length), 1);
    const clipped = Object.entries(grads).map(([name, grad]) => [name, grad.mul(factor)]);
    // Decay and then Adam: AdamW.
    for (const weight of Object.values(this.#weights)) {
      if (weight.rank > 1) weight.assign(weight.mul(1 - rate * weightDecay));
    }
    this.#adam.learningRate = rate;
    this.#adam.applyGradients(Object.fromEntries(clipped));
    return value;
  }
}

type Three<X> = [X, X, X];
