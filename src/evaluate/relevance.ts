/** Relevant rows of queries, as callers list them. */

import {
  checkIntegers,
  checkNonNegative,
  isMap,
  type LengthOf,
  rangeError,
  typeError,
} from '../core/validation.js';

/**
 * Relevant rows of each query: their indices, or a Map from indices to grades (gains of at least 0;
 * a row of grade 0 is not relevant).
 */
export type Relevant = readonly (ArrayLike<number> | ReadonlyMap<number, number>)[];

/** Checked relevant rows: query q has those from starts[q] to starts[q + 1]. */
export interface RelevantRows {
  readonly rows: readonly number[];
  readonly starts: readonly number[];
  /** Grades by row of each query that has them. */
  readonly grades: readonly (ReadonlyMap<number, number> | undefined)[];
}

/**
 * Reads the relevant rows of queries.
 *
 * @param corpus number of rows of the corpus; any row from 0 if it is infinite
 * @throws {RangeError} if no query has a relevant row, or an index is out of range
 */
export function readRelevant(
  name: string,
  relevant: unknown,
  queries: LengthOf,
  corpus: number,
): RelevantRows {
  if (!Array.isArray(relevant)) {
    typeError(name, 'relevant', 'an array with an array of row indices for each query', relevant);
  }
  if (relevant.length !== queries.of) {
    rangeError(name, 'relevant', `${queries.of} long (${queries.what})`, relevant.length);
  }
  const range = {
    valid: (row: number) => row >= 0 && row < corpus,
    what: Number.isFinite(corpus) ? `from 0 to ${corpus - 1} (the rows of corpus)` : 'at least 0',
  };
  const grades: (ReadonlyMap<number, number> | undefined)[] = [];
  const lists = Array.from(relevant, (list: unknown, query) => {
    const argument = `relevant[${query}]`;
    if (!isMap(list)) {
      grades.push(undefined);
      return [...new Set(Array.from(checkIntegers(name, argument, list, undefined, range)))];
    }
    checkIntegers(name, `${argument}.keys()`, [...list.keys()], undefined, range);
    const kept = new Map<number, number>();
    for (const [row, grade] of list as ReadonlyMap<number, unknown>) {
      const gain = checkNonNegative(name, `${argument}.get(${row})`, grade);
      if (gain > 0) kept.set(row, gain);
    }
    grades.push(kept);
    return [...kept.keys()];
  });
  const starts = [0];
  for (const { length } of lists) starts.push((starts.at(-1) as number) + length);
  if (starts.at(-1) === 0) {
    throw new RangeError(`${name}: relevant must have a row for at least one query`);
  }
  return { rows: lists.flat(), starts, grades };
}
