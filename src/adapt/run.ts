/** A run that trains one adapter: its batches, steps and state. */

import type { MatrixInput } from '../core/matrix.js';
import { Random } from '../core/random.js';
import type { ShapedArray } from '../core/safetensors.js';
import { STREAMS } from '../core/streams.js';
import { NonFiniteError } from '../core/validation.js';
import { principalComponents } from '../linalg/pca.js';
import { Adapter, WEIGHTS } from './adapter.js';
import { type Batches, makeBatches, type Positives, positivesOf } from './batches.js';
import { nodeOf, type Task } from './data.js';
import { selectRows } from './evaluate.js';
import { type HardNegatives, mineForSamples } from './hard-negatives.js';
import type { Objective } from './objective.js';
import type { AdapterShape, Weights } from './shape.js';
import { type BatchPart, initialWeights, Trainer } from './trainer.js';

/** Settings of a run. */
export interface RunSettings {
  readonly objective: Objective;
  /** Peak of the learning rate, after a warm-up. */
  readonly learningRate: number;
  readonly batchSize: number;
  readonly steps: number;
  /** Mined negatives of each query. */
  readonly hardNegatives: number;
  /** Documents of a step that are drawn as negatives of all its queries. */
  readonly randomNegatives: number;
  readonly seed: number;
}

/** Steps over which the learning rate rises. */
const WARMUP = 10;
/** Rows that a PCA projection is fitted on at most. */
const MAX_PCA_ROWS = 4096;

/** State of a run: typed arrays and numbers alone, so that it can be cloned or written to a file. */
export interface AdapterState {
  /** Steps done. */
  step: number;
  /** Seed of the run. */
  seed: number;
  /** Weights of the last step. */
  weights: Map<string, { data: Float32Array; shape: readonly number[] }>;
  /** First moments of AdamW. */
  mean: Map<string, { data: Float32Array; shape: readonly number[] }>;
  /** Second moments of AdamW. */
  meanSquare: Map<string, { data: Float32Array; shape: readonly number[] }>;
  /** Best step on validation so far; its weights are undefined for an untrained adapter. */
  best: {
    step: number;
    validation: number | undefined;
    weights: Map<string, { data: Float32Array; shape: readonly number[] }> | undefined;
  };
  /** Evaluations since the best. */
  waited: number;
  /** Weights and moments of the runs of a cross-validation; none with another validation. */
  folds: {
    weights: Map<string, { data: Float32Array; shape: readonly number[] }>;
    mean: Map<string, { data: Float32Array; shape: readonly number[] }>;
    meanSquare: Map<string, { data: Float32Array; shape: readonly number[] }>;
  }[];
}

/** Finds what training starts from where the widths differ: the PCA projection of the training rows. */
export function findBase(
  { inputWidth, outputWidth }: AdapterShape,
  task: Task,
  samples: Int32Array,
): ShapedArray | undefined {
  if (outputWidth >= inputWidth) return undefined;
  const row = task.kind === 'pairs' || task.kind === 'scores' ? 1 : 0;
  const named = Array.from(samples, (sample) => task.samples[sample * task.arity + row] as number);
  const all = [...new Set(named)];
  const rows = all.length >= outputWidth ? all : allRows(task.documents);
  if (rows.length < outputWidth) return undefined;
  const step = Math.max(1, rows.length / MAX_PCA_ROWS);
  const count = Math.min(rows.length, MAX_PCA_ROWS);
  const kept = Array.from({ length: count }, (_, i) => rows[Math.floor(i * step)] as number);
  const { components } = principalComponents(selectRows(task.documents, kept), outputWidth);
  const data = new Float32Array(inputWidth * outputWidth);
  for (let o = 0; o < outputWidth; o++) {
    for (let i = 0; i < inputWidth; i++) {
      data[i * outputWidth + o] = components.data[o * inputWidth + i] as number;
    }
  }
  return { data, shape: [inputWidth, outputWidth] };
}

/** Documents that are trained on or that no pair names: others may be held out. */
function negativePool(task: Task, samples: Int32Array, { ofDocument }: Positives): Int32Array {
  const trained = new Set(Array.from(samples, (sample) => nodeOf(task, sample, 1)));
  return Int32Array.from(allRows(task.documents)).filter((row) => {
    const node = task.nodes[task.documentStart + row] as number;
    return trained.has(node) || !ofDocument.has(node);
  });
}

function allRows({ rows }: MatrixInput): number[] {
  return Array.from({ length: rows }, (_, i) => i);
}

/** Trains an adapter of a shape on samples, step by step. `dispose` frees its memory. */
export class Run {
  readonly #shape: AdapterShape;
  readonly #task: Task;
  readonly #settings: RunSettings;
  readonly #trainer: Trainer;
  readonly #batches: Batches;
  readonly #positives: Positives | undefined;
  readonly #negatives: HardNegatives | undefined;
  /** Documents that negatives are drawn from. */
  readonly #pool: Int32Array | undefined;

  /**
   * @param samples that it is trained on
   * @param weights to start from; undefined for the identity
   * @param base matrix that the identity is replaced by
   */
  constructor(
    shape: AdapterShape,
    task: Task,
    samples: Int32Array,
    settings: RunSettings,
    weights: Weights | undefined,
    base: ShapedArray | undefined,
  ) {
    this.#shape = shape;
    this.#task = task;
    this.#settings = settings;
    const { batchSize, seed, objective } = settings;
    const contrastive = task.kind === 'pairs' && objective.loss === 'infoNce';
    this.#positives = contrastive ? positivesOf(task) : undefined;
    this.#batches = makeBatches(task, samples, batchSize, seed, this.#positives);
    if (this.#positives !== undefined && settings.hardNegatives > 0) {
      this.#negatives = mineForSamples(task, samples, settings.hardNegatives, this.#positives);
    }
    if (this.#positives !== undefined && settings.randomNegatives > 0) {
      this.#pool = negativePool(task, samples, this.#positives);
    }
    this.#trainer = new Trainer(shape, weights ?? initialWeights(shape, base, seed));
  }

  get steps(): number {
    return this.#trainer.steps;
  }

  /** The learning rate of a step, from 1. */
  learningRate(step: number): number {
    return this.#settings.learningRate * Math.min(1, step / WARMUP);
  }

  /**
   * Makes one step.
   *
   * @throws {RangeError} if the loss is not finite
   */
  step(): number {
    const step = this.#trainer.steps + 1;
    const samples = this.#batches(step - 1);
    const values =
      this.#task.values === undefined
        ? []
        : Array.from(samples, (sample) => this.#task.values?.[sample] as number);
    let loss: number;
    try {
      loss = this.#trainer.backward(this.#settings.objective, this.#parts(samples), values);
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      throw new NonFiniteError(
        `fitAdapter: the loss is not finite at step ${step}: a lower learningRate may help`,
      );
    }
    this.#trainer.step(this.learningRate(step));
    return loss;
  }

  /** Rows of a batch. */
  #parts(samples: Int32Array): BatchPart[] {
    const { kind, queries, documents, arity } = this.#task;
    const both = this.#shape.side === 'both';
    const rows = (i: number): number[] =>
      Array.from(samples, (sample) => this.#task.samples[sample * arity + i] as number);
    if (kind === 'labels') return [{ input: queries, rows: rows(0), adapted: true }];
    const parts: BatchPart[] = [{ input: queries, rows: rows(0), adapted: true }];
    for (let i = 1; i < arity; i++) parts.push({ input: documents, rows: rows(i), adapted: both });
    const negatives = this.#negativeRows(samples);
    if (negatives.length > 0) parts.push({ input: documents, rows: negatives, adapted: both });
    return parts;
  }

  /** Mined and drawn negatives of a batch, without those that belong to a query of the batch. */
  #negativeRows(samples: Int32Array): number[] {
    const taken = new Set<number>();
    for (const sample of samples) {
      taken.add(nodeOf(this.#task, sample, 1));
      const positives = this.#positives?.ofQuery.get(nodeOf(this.#task, sample, 0));
      for (const node of positives ?? []) taken.add(node);
    }
    const rows: number[] = [];
    const add = (row: number): void => {
      const node = this.#task.nodes[this.#task.documentStart + row] as number;
      if (taken.has(node)) return;
      taken.add(node);
      rows.push(row);
    };
    if (this.#negatives !== undefined) {
      for (const sample of samples) {
        this.#negatives.get(this.#task.samples[2 * sample] as number)?.forEach(add);
      }
    }
    const pool = this.#pool;
    if (pool !== undefined) {
      const { seed, randomNegatives } = this.#settings;
      const random = new Random(seed, STREAMS.randomNegatives, this.steps);
      for (let i = 0; i < randomNegatives; i++) add(pool[random.integer(pool.length)] as number);
    }
    return rows;
  }

  /** A copy of the weights. */
  weights(): Map<string, ShapedArray> {
    return this.#trainer.weights();
  }

  /** An adapter with the weights of this step. */
  adapter(): Adapter {
    return adapterOf(this.#shape, this.weights());
  }

  moments(): ReturnType<Trainer['moments']> {
    return this.#trainer.moments();
  }

  restore(moments: ReturnType<Trainer['moments']>, steps: number): void {
    this.#trainer.restore(moments, steps);
  }

  dispose(): void {
    this.#trainer.dispose();
  }
}

/** An adapter of a shape with these weights. */
export function adapterOf(shape: AdapterShape, weights: Weights | undefined): Adapter {
  const { rank, hidden, ...rest } = shape;
  const adapter = new Adapter({
    ...rest,
    ...(rank !== undefined && { rank }),
    ...(hidden !== undefined && { hidden }),
  });
  adapter[WEIGHTS] = weights;
  return adapter;
}
