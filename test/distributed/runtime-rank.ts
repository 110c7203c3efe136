/** A rank in any runtime: trains two small models with the others, and gives the bits of their weights. */

import { connectRanks, joinRanks, shareRanks, trainRanks } from 'nearfar/distributed';
import { GPT, imagesFrom, SimCLR, type Trainable } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';

type Connection = Parameters<typeof connectRanks>[0];

const shape = { height: 16, width: 16, channels: 1 };
const pixels = Uint8Array.from({ length: 64 * 256 }, (_, i) => (i * 7919 + (i >> 5) * 31) % 256);
const text = Array.from({ length: 900 }, (_, i) => 'abcdefghij klmno'[(i * i * 7) % 16]).join('');

const MODELS = {
  simclr: () => ({ model: new SimCLR({ ...shape, widths: [4] }), data: imagesFrom(pixels, shape) }),
  gpt: () => ({
    model: new GPT(text, { layers: 1, heads: 2, width: 16, context: 16, dropout: 0.1 }),
    data: text,
  }),
};

/** Numbers of all weights, by model. */
export type Weights = Record<keyof typeof MODELS, number[]>;

/**
 * Trains as one of two ranks, or alone.
 *
 * @param connection undefined for a rank alone
 */
export async function trainRank(connection?: Connection): Promise<Weights> {
  const weights: Partial<Weights> = {};
  for (const [name, make] of Object.entries(MODELS)) {
    manualSeed(1);
    const { model, data } = make();
    const communicator =
      connection === undefined
        ? joinRanks(shareRanks(1), 0)
        : await connectRanks(connection, { job: name, ranks: 2 });
    const options = { steps: 5, batchSize: 32, learningRate: 1e-2, seed: 3, communicator };
    for await (const _ of trainRanks(model as Trainable<unknown, unknown>, data, options));
    await communicator.close();
    const tensors = [...model.stateDict().values()];
    weights[name as keyof Weights] = tensors.flatMap((tensor) => [...tensor.toArray()]);
  }
  return weights as Weights;
}
