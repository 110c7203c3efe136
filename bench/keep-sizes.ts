/**
 * Measures the package for README and documentation: what imports add to a bundle, gzipped, and the
 * encoder's weights.
 *
 *   npm run sizes:keep        writes bench/results/sizes.json
 */

import { statSync } from 'node:fs';
import { gzippedOf, sizes } from '../build/size.js';
import { writeResults } from './results-file.js';

const found = await sizes();
writeResults('sizes', 'npm run sizes:keep', {
  ntXent: gzippedOf(found, 'import { ntXent }'),
  nearfar: gzippedOf(found, 'import * as nearfar'),
  nn: gzippedOf(found, 'import { Linear }'),
  models: gzippedOf(found, 'import { GPT }'),
  sentence: gzippedOf(found, 'import { loadSentenceEncoder }'),
  english: gzippedOf(found, 'import { loadEnglish }'),
  threads: gzippedOf(found, 'import { setThreads }'),
  englishWeights: statSync('src/weights/english.bin').size,
});
