/** Rows of another model for the texts of a file, as `--teacher` names them. */

import { createHash } from 'node:crypto';
import type { Matrix } from '../../index.js';
import type { SentenceEncoder } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import type { Examples, ReadExamples } from '../input/examples.js';
import { readNpyMatrix } from '../input/matrix-files.js';

/** Texts, and a teacher's row of each. */
interface Taught {
  examples: Extract<Examples, { kind: 'texts' }>;
  teacher: Matrix;
  notes: string[];
  hash: string;
}

/**
 * Reads a teacher's rows, and leaves out texts whose row is zero: it has no direction to learn.
 *
 * @param file a row for each row of the file of texts
 * @param path file of the texts
 * @throws {InputError} if rows are missing or there is nothing to learn from them
 */
export function readTeacher(
  file: string,
  path: string,
  { rows, kept, notes, hash }: ReadExamples,
  texts: readonly string[],
): Taught {
  const { data, cols, rows: given } = readNpyMatrix(file);
  if (given !== rows) {
    throw new InputError(`--teacher ${file}: has ${given} rows, and ${path} ${rows}`);
  }
  const pairs = kept
    .map((row, i) => ({
      text: texts[i] as string,
      row: data.subarray(row * cols, (row + 1) * cols),
    }))
    .filter(({ row }) => row.some((value) => value !== 0));
  const [first] = pairs;
  if (first === undefined || pairs.every(({ row }) => row.every((x, i) => x === first.row[i]))) {
    throw new InputError(`--teacher ${file}: all rows are equal`);
  }
  const own = new Float32Array(pairs.length * cols);
  pairs.forEach(({ row }, i) => {
    own.set(row, i * cols);
  });
  const zeros = texts.length - pairs.length;
  return {
    examples: { kind: 'texts', texts: pairs.map(({ text }) => text) },
    teacher: { data: own, rows: pairs.length, cols },
    notes:
      zeros === 0
        ? notes
        : [...notes, `${zeros} texts are left out: the rows of ${file} for them are zero`],
    hash: createHash('sha256').update(hash).update(own).digest('hex'),
  };
}

/**
 * Checks that an encoder can search among a teacher's rows.
 *
 * @param file of the rows, for the message
 * @throws {InputError} if it has another number of columns
 */
export function checkWidth(
  file: unknown,
  teacher: Matrix | undefined,
  { width }: SentenceEncoder,
): void {
  if (teacher === undefined || teacher.cols === width) return;
  throw new InputError(
    `--teacher ${file}: its rows have ${teacher.cols} columns, those of the encoder ${width}, ` +
      "which can't search among them",
  );
}
