/**
 * Kernels of PNG files, in reading order: a module of its own over the memory of the others, by the
 * same rules.
 */

export * from './images/inflate';
export * from './images/png';
export { heapBase } from './core/heap-base';
