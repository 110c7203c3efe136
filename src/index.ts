/**
 * nearfar: products, similarity, search, losses with gradients, and PCA. Typed arrays in, plain
 * numbers and typed arrays out; synchronous; no set-up call; the same bits on every runtime.
 *
 * @module
 */

/** Rises whenever a release changes the bits of a result. */
export const BITS = 1;

export type { Matrix, MatrixLike, NumberArray } from './core/matrix.js';
export type { Labels, NoOptions } from './core/validation.js';
export {
  type ClassWeight,
  fitClassifier,
  LinearClassifier,
  type LogisticOptions,
} from './evaluate/classifier.js';
export {
  type CompareRankingsOptions,
  compareRankings,
  type RankingComparison,
} from './evaluate/compare-rankings.js';
export { type EmbeddingMetrics, evaluateEmbeddings } from './evaluate/embedding-metrics.js';
export {
  type AlignmentOptions,
  alignment,
  effectiveRank,
  type UniformityOptions,
  uniformity,
} from './evaluate/embedding-space.js';
export { type KnnOptions, knnClassify } from './evaluate/knn.js';
export { type LinearProbe, linearProbe } from './evaluate/linear-probe.js';
export type { Relevant } from './evaluate/relevance.js';
export {
  type EvaluateRankingsOptions,
  type EvaluateRetrievalOptions,
  evaluateRankings,
  evaluateRetrieval,
  type RetrievalMetricsPerQuery,
} from './evaluate/retrieval.js';
export type { PerQueryMetrics, RetrievalMetrics } from './evaluate/retrieval-metrics.js';
export { spearman } from './evaluate/spearman.js';
export { type Pca, type PcaOptions, pca, pcaTransform } from './linalg/pca.js';
export {
  cosineSimilarity,
  cosineSimilarityMatrix,
  dotMatrix,
  euclideanDistanceMatrix,
  type MatmulOptions,
  type Metric,
  matmul,
  normalize,
} from './linalg/similarity.js';
export { logSumExp, softmax } from './linalg/softmax.js';
export { type EmbeddingItem, type EmbeddingResponse, toMatrix } from './linalg/to-matrix.js';
export { type AngleLossOptions, angleLoss, angleLossGrad } from './losses/angle.js';
export {
  type ClipLossGradients,
  type ClipLossOptions,
  clipLoss,
  clipLossGrad,
} from './losses/clip-loss.js';
export { type CoSentLossOptions, coSentLoss, coSentLossGrad } from './losses/co-sent.js';
export {
  type ContrastiveLossOptions,
  contrastiveLoss,
  contrastiveLossGrad,
} from './losses/contrastive-loss.js';
export {
  type CrossEntropyOptions,
  crossEntropy,
  crossEntropyGrad,
} from './losses/cross-entropy.js';
export {
  type DecoupledNtXentOptions,
  decoupledNtXent,
  decoupledNtXentGrad,
} from './losses/decoupled-nt-xent.js';
export {
  type InfoNceGradients,
  type InfoNceOptions,
  infoNce,
  infoNceGrad,
} from './losses/info-nce.js';
export {
  type KlDivergenceGradients,
  klDivergence,
  klDivergenceGrad,
} from './losses/kl-divergence.js';
export { type NtXentOptions, ntXent, ntXentGrad } from './losses/nt-xent.js';
export type { PairGradients } from './losses/pairs.js';
export {
  type SigLipGradients,
  type SigLipLossOptions,
  sigLipLoss,
  sigLipLossGrad,
} from './losses/sig-lip.js';
export { type SupConOptions, supCon, supConGrad } from './losses/sup-con.js';
export {
  type Distance,
  type TripletLossGradients,
  type TripletLossOptions,
  tripletLoss,
  tripletLossGrad,
} from './losses/triplet.js';
export {
  type TripletRule,
  type TripletUpdateOptions,
  tripletUpdate,
} from './losses/triplet-update.js';
export { Bm25, type Bm25Options } from './search/bm25.js';
export { type MineHardNegativesOptions, mineHardNegatives } from './search/hard-negatives.js';
export {
  type HybridCorpus,
  type HybridQueries,
  type HybridSearchOptions,
  hybridSearch,
  type RankFusionOptions,
  reciprocalRankFusion,
} from './search/hybrid.js';
export { type TopK, type TopKOptions, topK } from './search/top-k.js';
