/** Scores of graded pairs, as people write them into tables. */

import { scoreOf } from '../../src/cli/input/scores.js';
import { InputError } from '../../src/terminal/errors.js';
import { check, close, same, suite } from '../harness.js';

const test = suite('scores of tables');

const READ: [cell: unknown, score: number | undefined][] = [
  [4.5, 4.5],
  ['4.5', 4.5],
  ['4,5', 4.5],
  ['+4.5', 4.5],
  ['4.5e-1', 0.45],
  ['\u22120.5', -0.5],
  ['-0,5', -0.5],
  ['90 %', 90],
  ['90,5%', 90.5],
  ['4/5', 0.8],
  ['4.5 out of 5', 0.9],
  ['4 of 5', 0.8],
  ['★★★☆☆', 3],
  ['☆☆☆☆☆', 0],
  [true, 1],
  ['FALSE', 0],
  ['Yes', 1],
  ['n', 0],
  ['entailment', 1],
  ['not_entailment', 0],
  ['', undefined],
  [' ', undefined],
  [null, undefined],
  [undefined, undefined],
  ['n/a', undefined],
  ['NaN', undefined],
  ['-', undefined],
];

test('numbers, parts, stars, yes and no are scores, and missing ones are none', () => {
  for (const [cell, score] of READ) {
    const read = scoreOf('a.csv: row 1', 'score', cell);
    if (score === undefined || read === undefined) same(read, score, `${cell}`);
    else close([read], [score], { rtol: 1e-12, what: `${cell}` });
  }
});

test('anything else is refused with the row, the column and the cell', () => {
  for (const cell of ['high', '0-5', '4/0', 'inf', '1.2.3', [4, 5]]) {
    let message = 'nothing is thrown';
    try {
      scoreOf('a.csv: row 1', 'score', cell);
    } catch (error) {
      check(error instanceof InputError, `${error}`);
      message = error.message;
    }
    check(message.startsWith('a.csv: row 1: score must be a number, got "'), message);
  }
});
