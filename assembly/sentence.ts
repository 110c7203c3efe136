/**
 * Every kernel that running a sentence encoder needs besides the core's, in reading order: a
 * module over the memory of the first (core.ts), by the same rules, so that encoding texts needs
 * nothing of nn.ts.
 */

export {
  sequenceScratch,
  sequenceAttention,
  poolSequences,
  manhattanRows,
} from './sentence/sequences';
export { embedTokens, embeddingBags } from './sentence/tables';
export { packInt4, int4ToFloat } from './sentence/int4';
export {
  halfToFloat,
  brainToFloat,
  floatToHalf,
  firstNonFiniteHalf,
  floatToInt8,
  int8ToFloat,
} from './sentence/half';
export {
  integerBytes,
  packIntegerWeights,
  quantizeBlocks,
  packBlockWeights,
  unpackBlockWeights,
  unpackIntegerWeights,
  packInt8,
  int8RowsToFloat,
  packIntegerRows,
  integerProduct,
} from './sentence/integers';
export { activationArray } from './sentence/activations';
export { addArray } from './nn/elementwise';
export { layerNormRows } from './nn/layernorm';
export { geluArray } from './nn/gelu';
export { fillNormal } from './nn/random';
export { maxAbs, scaleArray } from './core/rows';
export { unpackBlocks } from './core/pack';
export { heapBase } from './core/heap-base';
