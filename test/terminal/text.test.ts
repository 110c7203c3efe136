/** Text for a terminal: no line is wider than the window. */

import { breakWords, wrap } from '../../src/terminal/text.js';
import { same, suite } from '../harness.js';

const test = suite('terminal text');

test('lines are broken at spaces, and within words that are longer than a line', () => {
  same(wrap('near and far', 8), 'near and\nfar');
  same(breakWords(wrap('a near-and-far-apart word', 8), 8), 'a\nnear-and\n-far-apa\nrt\nword');
  same(breakWords('one\n\ntwo', 3), 'one\n\ntwo');
  same(breakWords('😀😀😀', 2), '😀😀\n😀');
});
