/** Options of a training that ranks share: threads of this machine, or processes on several. */

import { defaultShards, type GradientFormat } from '../../distributed/index.js';
import { GRADIENT_FORMATS } from '../../distributed/transport/format.js';
import { InputError } from '../../terminal/errors.js';
import { type Option, parseChoice, parseInteger } from '../../terminal/options.js';
import type { Input } from '../command.js';

/** Ranks and shards at most. */
const MAX_RANKS = 1024;

/** Options of ranks, for the help. */
export const RANK_OPTIONS: readonly Option[] = [
  {
    flags: '--ranks <n>',
    description:
      'share each batch among so many threads of this machine, or processes with --nats; any number gives the same bits',
  },
  {
    flags: '--nats <url>',
    description:
      'NATS server of the processes that share each batch: run the same command once for each rank, on any machine (credentials: NATS_TOKEN, NATS_USER, NATS_PASSWORD, NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT, NATS_KEY)',
  },
  {
    flags: '--job <name>',
    description: 'name that tells jobs of the same command and data apart, with --nats',
  },
  {
    flags: '--shards <n>',
    description:
      'parts that each batch of --ranks is cut into, a power of two (default: 8); bits depend on it',
  },
  {
    flags: '--gradients <format>',
    description:
      'format in which --ranks sum and send gradients: f32, or bf16, which takes half of the bytes (default: f32); bits depend on it',
  },
];

/** Ranks that were asked for. */
export interface RankOptions {
  ranks: number;
  /** Undefined for the default. */
  shards: number | undefined;
  /** Undefined for the default. */
  gradients: GradientFormat | undefined;
  /** URL of the server, for ranks that are processes. */
  nats: string | undefined;
  /** Name of the job besides what follows from the run. */
  job: string | undefined;
}

/**
 * Reads the options; undefined without --ranks.
 *
 * @throws {InputError} if a number is out of range, or one option needs another
 */
export function readRankOptions(options: Input['options']): RankOptions | undefined {
  const text = (name: string): string | undefined => options[name] as string | undefined;
  const [nats, job] = [text('nats'), text('job')];
  if (job !== undefined && nats === undefined)
    throw new InputError('--job is for a run with --nats');
  if (options.ranks === undefined) {
    const other = ['shards', 'gradients', 'nats'].find((name) => options[name] !== undefined);
    if (other !== undefined) throw new InputError(`--${other} is for a run with --ranks`);
    return undefined;
  }
  const ranks = parseInteger('--ranks', options.ranks as string, 1, MAX_RANKS);
  const format = text('gradients');
  const gradients =
    format === undefined
      ? undefined
      : (parseChoice('--gradients', format, GRADIENT_FORMATS) as GradientFormat);
  const asked = { ranks, gradients, nats, job };
  if (options.shards === undefined) return { ...asked, shards: undefined };
  const shards = parseInteger('--shards', options.shards as string, 1, MAX_RANKS);
  if ((shards & (shards - 1)) !== 0) {
    throw new InputError(`--shards ${shards}: has to be a power of two, as 8`);
  }
  if (shards < ranks) {
    throw new InputError(`--shards ${shards}: has to be at least the number of --ranks, ${ranks}`);
  }
  return { ...asked, shards };
}

/**
 * Chooses the number of shards of a run: what was asked for, or the default of a batch.
 *
 * @throws {InputError} if the batch is too small for so many shards, or the shards for the ranks
 */
export function chooseShards(
  { ranks, shards }: Pick<RankOptions, 'ranks' | 'shards'>,
  batchSize: number,
): number {
  const chosen = shards ?? defaultShards(batchSize);
  if (batchSize < 2 * chosen || chosen < ranks) {
    throw new InputError(
      `--ranks ${ranks}: a batch of ${batchSize} samples has ${chosen} shards; each has to have at ` +
        'least two samples, and each rank at least one shard (see --batch-size and --shards)',
    );
  }
  return chosen;
}
