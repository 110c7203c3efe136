/**
 * nearfar/distributed: one training on several threads or machines, each with a part of every batch. The
 * gradient is that of one machine with the whole batch, with the same bits on any number of ranks.
 *
 * @module
 */

export type { NatsConnection, NatsMessage } from './nats/connection.js';
export type { ConnectRanksOptions, NatsFacts } from './nats/options.js';
export { connectRanks } from './nats/ranks.js';
export {
  defaultShards,
  type SentenceRanksOptions,
  type ShardOptions,
  type TrainRanksOptions,
  trainRanks,
} from './training/train.js';
export {
  type Communicator,
  RankLostError,
  type RankState,
  type Subtree,
  type Traffic,
} from './transport/communicator.js';
export type { GradientFormat } from './transport/format.js';
export {
  failRank,
  type JoinRanksOptions,
  joinRanks,
  type RankShare,
  type RankShareOptions,
  shareRanks,
} from './transport/shared-memory.js';
