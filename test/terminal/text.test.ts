/** Text for a terminal: no line is wider than the window. */

import { formatTable } from '../../src/terminal/table.js';
import { breakWords, fitText, widthOf, wrap } from '../../src/terminal/text.js';
import { check, same, suite } from '../harness.js';

const test = suite('terminal text');

test('lines are broken at spaces, and within words that are longer than a line', () => {
  same(wrap('near and far', 8), 'near and\nfar');
  same(breakWords(wrap('a near-and-far-apart word', 8), 8), 'a\nnear-and\n-far-apa\nrt\nword');
  same(breakWords('one\n\ntwo', 3), 'one\n\ntwo');
  same(breakWords('😀😀😀', 4), '😀😀\n😀');
});

test('signs of East Asia and emoji take two columns, accents none', () => {
  const widths = ['near', '近く', '가까운', 'é e\u0301', '👍', '👩‍👩‍👧‍👦 far', '🇫🇷'].map(widthOf);
  same(widths, [4, 4, 6, 3, 2, 6, 2]);
  same(wrap('近く 遠く 近く', 9), '近く 遠く\n近く');
  same(breakWords('近く遠く', 5), '近く\n遠く');
  same(fitText('近くと遠く', 7), '近くと…');
  same(fitText('近くと遠く', 6, 'end'), '…遠く');
  same(fitText('a👩‍👩‍👧‍👦b👩‍👩‍👧‍👦', 5), 'a👩‍👩‍👧‍👦b…');
});

test('columns of a table stand below each other whatever the script', () => {
  const rows = [
    ['近い文書', '0.9'],
    ['👍 near', '0.12'],
    ['far', '1'],
  ];
  const lines = formatTable(['文書', 'score'], rows, 40).split('\n');
  same([...new Set(lines.map(widthOf))], [20], lines.join('\n'));
  const narrow = formatTable(['文書', 'score'], rows, 19);
  check(!narrow.includes('│'), `a table wider than the window:\n${narrow}`);
});

test('a long table has a line for each row', () => {
  // A cell that holds the lines of all rows takes the square of their number: minutes for these.
  const rows = Array.from({ length: 1000 }, (_, i) => [String(i), 'near and far…']);
  const lines = formatTable(['', 'text'], rows, 40).split('\n');
  same(lines.length, rows.length + 4);
  same([...new Set(lines.map(widthOf))], [23], lines.join('\n'));
});
