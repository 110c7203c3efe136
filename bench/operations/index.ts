/** The one table of operations: tests, gradient checks, the hash and benchmarks all read it. */

import { losses } from './losses.js';
import type { Operation } from './operation.js';
import { similarity } from './similarity.js';

export const operations: readonly Operation[] = [...similarity, ...losses];
