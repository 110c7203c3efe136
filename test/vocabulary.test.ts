/** The words of the code are the field's; a private word that was replaced does not come back. */

import { check, suite } from './harness.js';
import { oldWords } from './vocabulary.js';

const test = suite('vocabulary');

/** No more than this many; it stays 0. */
const LIMIT = 0;

test('sources, tests and README have no private word where the field has one', () => {
  const found = oldWords().map(({ at, old, use }) => `${at}: "${old}", use ${use}`);
  check(found.length <= LIMIT, `${found.length} words\n${found.join('\n')}`);
});
