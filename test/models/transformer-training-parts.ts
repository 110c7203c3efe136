/** Parts of the library below its entries, in one bundle: the network that trains BERT-like encoders. */

export { ACTIVATIONS } from '../../src/models/sentence/activations.js';
export { loadSentenceEncoder } from '../../src/models/sentence/load.js';
export { BertNetwork } from '../../src/models/sentence/training/bert.js';
export { cutIntoChunks, tokensAtOnce } from '../../src/models/sentence/training/chunks.js';
export { activate } from '../../src/models/sentence/training/modules.js';
export * as nn from '../../src/nn/index.js';
export { sequenceAttention } from '../../src/nn/ops/attention.js';
export { residualNorm, sequenceDropout } from '../../src/nn/ops/sequences.js';
export { withSampleKeys } from '../../src/nn/random.js';
