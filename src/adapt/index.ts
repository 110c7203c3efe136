/**
 * nearfar/adapt: adapters of ready-made embeddings, trained on one's own pairs, applied anywhere.
 *
 * @module
 */

export { Adapter, type AdapterOptions, type ApplyOptions } from './adapter.js';
export type {
  AdapterData,
  Ids,
  LabelData,
  PairData,
  Pairs,
  TripletData,
  Triplets,
} from './data.js';
export type { AdapterMetric } from './evaluate.js';
export {
  type AdapterTrainingOptions,
  type FitAdapterOptions,
  type FitAdapterStep,
  fitAdapter,
} from './fit.js';
export type { AdapterLoss } from './objective.js';
export type { AdapterState } from './run.js';
export {
  type AdapterReport,
  type TriedForm,
  type TuneAdapterOptions,
  tuneAdapter,
} from './tune.js';
