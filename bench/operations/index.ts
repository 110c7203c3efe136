/** The one table of operations: tests, gradient checks, the hash and benchmarks all read it. */

import { evaluation } from './evaluation.js';
import { losses, nnLosses } from './losses.js';
import { nnAttention } from './nn-attention.js';
import { nnImages } from './nn-images.js';
import { nnLayers } from './nn-layers.js';
import { nnOperations } from './nn-operations.js';
import { nnShapes } from './nn-shapes.js';
import { nnTraining } from './nn-training.js';
import type { Operation } from './operation.js';
import { sentence } from './sentence.js';
import { similarity } from './similarity.js';

export const operations: readonly Operation[] = [
  ...similarity,
  ...losses,
  ...evaluation,
  ...nnOperations,
  ...nnShapes,
  ...nnAttention,
  ...nnImages,
  ...nnLosses,
  ...nnLayers,
  ...nnTraining,
  ...sentence,
];
