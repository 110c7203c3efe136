/** A step of a loss that compares the samples of the whole batch. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, Scope } from '../../core/memory.js';
import { turn } from '../../core/turn.js';
import { type Module, mul, noGrad, slice, sum, type Tensor, tidy } from '../../nn/index.js';
import { withMode } from '../../nn/inference.js';
import { toLeaf } from '../../nn/leaf.js';
import { withSampleKeys } from '../../nn/random.js';
import { record } from '../../nn/record.js';
import { empty, filled } from '../../nn/tensor.js';
import { Workspace } from '../../nn/tidy.js';
import { joinBytes, splitBytes } from '../bytes.js';
import { lossSteps } from '../losses/index.js';
import { runSteps, type ShardInput, type ShardMatrix, type ShardResult } from '../losses/steps.js';
import type { Communicator } from '../transport/communicator.js';
import { type Block, blockOf } from '../tree.js';
import type { ShardGradients } from './gradients.js';
import type { Chunk, Contrastive, ShardWork, StepLoss, StepWork } from './work.js';

/** Milliseconds of work after which the event loop gets a turn: a rank that is silent counts as lost. */
const TURN_MS = 100;

/** Gives the event loop a turn now and then. */
export class Turns {
  #last = Date.now();

  /** Gives a turn if the last one is long ago. */
  async take(): Promise<void> {
    if (Date.now() - this.#last < TURN_MS) return;
    await turn();
    this.#last = Date.now();
  }
}

/** Surroundings of a step. */
export interface StepContext {
  model: Module;
  communicator: Communicator;
  shards: number;
  seed: number;
  /** Number of the step, from 0. */
  step: number;
  gradients: ShardGradients;
  turns: Turns;
  /** Keeps the buffers that a forward pass moves. */
  buffers: Buffers;
}

/** Buffers that training moves: every shard starts with those of the step before. */
export class Buffers {
  readonly #tensors: readonly Tensor[];
  readonly #start: readonly Float32Array[];

  constructor(tensors: readonly Tensor[]) {
    this.#tensors = tensors;
    this.#start = this.read();
  }

  /** Copies their numbers. */
  read(): Float32Array[] {
    return this.#tensors.map((tensor) => tensor.toArray());
  }

  /** Sets them to what they were, by default at the start of the step. */
  reset(to: readonly Float32Array[] = this.#start): void {
    for (const [i, tensor] of this.#tensors.entries()) {
      tensor.data.set(to[i] as Float32Array);
      tensor.markChanged();
    }
  }
}

/** Exchanges the bytes of each own shard for those of all shards. */
export function exchangeShards(
  communicator: Communicator,
  shards: number,
): (own: readonly Uint8Array[]) => Promise<readonly Uint8Array[]> {
  return async (own) => {
    const messages = await communicator.allGather(joinBytes(own));
    return messages.flatMap((message, rank) =>
      splitBytes(message, blockOf(rank, messages.length, shards).count),
    );
  };
}

/** A shard of this rank, between the two passes through the network. */
class EmbeddedShard {
  readonly shard: number;
  readonly #work: ShardWork;
  readonly #context: StepContext;
  readonly #workspace = new Workspace();
  readonly #keepsGraph: boolean;
  #chunks: Tensor[] = [];
  /** Buffers as the first pass left them. */
  #moved: readonly Float32Array[] = [];

  constructor(shard: number, work: ShardWork, context: StepContext, keepsGraph: boolean) {
    this.shard = shard;
    this.#work = work;
    this.#context = context;
    this.#keepsGraph = keepsGraph;
  }

  #embed({ samples, embed }: Chunk): Tensor {
    const { model, seed, step } = this.#context;
    return withMode(model, true, () => withSampleKeys({ seed, step, samples }, embed));
  }

  /** Embeds the chunks; with a graph, or as leaves that are embedded once more for the gradient. */
  async embed(): Promise<void> {
    const { buffers, turns } = this.#context;
    buffers.reset();
    for (const chunk of this.#work.chunks) {
      this.#chunks.push(
        this.#workspace.run(() =>
          this.#keepsGraph
            ? this.#embed(chunk)
            : tidy(() => toLeaf(noGrad(() => this.#embed(chunk)))),
        ),
      );
      await turns.take();
    }
    this.#moved = buffers.read();
    buffers.reset();
  }

  /** Rows of each group, by the losses of the step. */
  rows(losses: readonly StepLoss[]): (Tensor | undefined)[][] {
    return this.#workspace.run(() => {
      const groups = this.#work.groups(this.#chunks);
      return losses.map(({ cols }) =>
        groups.map((rows) => (rows && cols !== undefined ? slice(rows, 1, 0, cols) : rows)),
      );
    });
  }

  get labels(): Int32Array | undefined {
    return this.#work.labels;
  }

  /**
   * Propagates the gradients of the rows into the network.
   *
   * @param loss scalar whose backward gives the rows their gradients
   */
  async backward(loss: () => Tensor): Promise<void> {
    const { buffers, turns, gradients } = this.#context;
    this.#workspace.run(() => loss().backward());
    if (!this.#keepsGraph) {
      for (const [i, chunk] of this.#work.chunks.entries()) {
        const { grad } = this.#chunks[i] as Tensor;
        if (grad !== undefined) tidy(() => sum(mul(this.#embed(chunk), grad)).backward());
        await turns.take();
      }
    }
    buffers.reset(this.#moved);
    gradients.take(this.shard);
    buffers.reset();
    this.dispose();
    await turns.take();
  }

  dispose(): void {
    this.#workspace.dispose();
  }
}

/** A scalar whose backward gives tensors the gradients that are already known. */
function withGrads(
  tensors: readonly Tensor[],
  grads: readonly (Pointer | number)[],
  weight: number,
): Tensor {
  return record(
    'sharedLoss',
    tensors,
    [],
    (y) => kernels(nnCode).fillArray(y, 1, 0),
    (dy) => {
      const factor = dy.item() * weight;
      return tensors.map(({ shape }, i) => {
        const grad = grads[i] as Pointer | number;
        if (shape.length === 0) return filled(shape, factor * grad);
        const dx = empty(shape);
        kernels(nnCode).scaleTo(dx.at, grad, dx.size, factor);
        return dx;
      });
    },
    { saved: [] },
  );
}

/** Sum of scalars. */
function addAll(scalars: readonly Tensor[]): Tensor {
  return record(
    'sumOfLosses',
    scalars,
    [],
    (y) => kernels(nnCode).fillArray(y, 1, 0),
    (dy) => scalars.map(() => filled([], dy.item())),
    { saved: [] },
  );
}

function matrixOf(rows: Tensor | undefined, cols: number): ShardMatrix {
  if (rows === undefined) return { at: 0, rows: 0, cols };
  return { at: rows.at, rows: rows.shape[0] as number, cols };
}

/** Backward of one shard: the rows of each loss get their gradients, and so the learned scalars. */
function shardLoss(
  work: StepWork,
  rows: readonly (Tensor | undefined)[][],
  results: readonly (readonly ShardResult[])[],
  index: number,
): Tensor {
  const scalars = work.scalars?.() ?? [];
  return addAll(
    work.losses.map(({ weight }, l) => {
      const result = results[l]?.[index] as ShardResult;
      const tensors: Tensor[] = [];
      const grads: number[] = [];
      for (const [group, each] of (rows[l] as (Tensor | undefined)[]).entries()) {
        if (each === undefined) continue;
        tensors.push(each);
        grads.push(result.grads[group] as Pointer);
      }
      for (const [i, scalar] of scalars.entries()) {
        tensors.push(scalar);
        grads.push(result.scalars[i] as number);
      }
      return withGrads(tensors, grads, weight);
    }),
  );
}

/**
 * Computes the loss of a step, and fills the gradients with those of this rank's shards.
 *
 * @returns loss of the whole batch, on every rank; where it is not finite, gradients are not computed
 */
export async function contrastiveStep(
  { chunkSize, chunkTokens = Number.POSITIVE_INFINITY }: Contrastive,
  work: StepWork,
  context: StepContext,
): Promise<number> {
  const { communicator, shards } = context;
  const { first, count }: Block = blockOf(communicator.rank, communicator.size, shards);
  const shardWork: ShardWork[] = [];
  for (let shard = first; shard < first + count; shard++) shardWork.push(await work.shard(shard));
  const chunks = shardWork.flatMap((own) => own.chunks);
  const samples = chunks.reduce((sum, own) => sum + own.samples.length, 0);
  const tokens = chunks.reduce((sum, own) => sum + (own.tokens ?? 0), 0);
  const fits = samples <= chunkSize && tokens <= chunkTokens;
  const scope = new Scope();
  const embedded = shardWork.map((own, i) => new EmbeddedShard(first + i, own, context, fits));
  try {
    for (const shard of embedded) await shard.embed();
    const rows = embedded.map((shard) => shard.rows(work.losses));
    const exchange = exchangeShards(communicator, shards);
    let total = 0;
    const results: (readonly ShardResult[])[] = [];
    for (const [l, { loss, weight }] of work.losses.entries()) {
      const cols = rows.flatMap((own) => own[l] ?? []).find((each) => each)?.shape[1] ?? 1;
      const own = embedded.map(({ shard, labels }, i): ShardInput => {
        const groups = (rows[i]?.[l] ?? []).map((each) => matrixOf(each, cols));
        return { shard, groups, labels };
      });
      const whole = await runSteps(lossSteps(scope, loss, own), exchange);
      total += weight * whole.loss;
      if (!Number.isFinite(total)) return Number.NaN;
      results.push(whole.grads());
      await context.turns.take();
    }
    for (const [i, shard] of embedded.entries()) {
      await shard.backward(() => shardLoss(work, rows[i] as (Tensor | undefined)[][], results, i));
    }
    return total;
  } finally {
    for (const shard of embedded) shard.dispose();
    scope.release();
  }
}
