/**
 * Kernels of operations of `nearfar/nn` that few networks need, in reading order: a module of its
 * own over the memory of the others, by the same rules.
 */

export * from './nn/power';
export * from './nn/axis';
export * from './nn/bags';
export * from './losses/prefixes';
export { poolSequencesBackward } from './sentence/sequences';
export { activationArrayBackward } from './sentence/activations';
export { heapBase } from './core/heap-base';
