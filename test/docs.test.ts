/** The doc comments of the public API, which editors show: nothing lacks. */

import { docGaps } from './doc-comments.js';
import { check, suite } from './harness.js';

const test = suite('docs');

/** No more than this many; it stays 0. */
const LIMIT = 0;

test('every export, parameter, option and public member has its doc comment', () => {
  const gaps = docGaps().map(({ at, name, lacks }) => `${at}: ${name} lacks ${lacks}`);
  check(gaps.length <= LIMIT, `${gaps.length} gaps\n${gaps.join('\n')}`);
});
