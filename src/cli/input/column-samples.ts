/** Contents of the columns of a table, by some of its rows. */

import type { Rows, TableRow } from './records.js';

/** Rows that are looked at. */
const SAMPLE = 1000;
/** Words that sentences have on average, at least. */
const SENTENCE_WORDS = 3;

/** Tells what a table's columns hold. */
export interface ColumnSamples {
  /** True if all cells are numbers, truth values or single letters. */
  holdsNoTexts(column: string): boolean;
  /** True if most cells are texts of several words, most of them different. */
  holdsSentences(column: string): boolean;
  /** True if the cells may be grades: truth values, 0 and 1, or fractions that differ. */
  mayGrade(column: string): boolean;
  /** The different values of a column of classes; undefined if there are more than `max`, or one. */
  classesOf(column: string, max: number): string[] | undefined;
}

/** The texts, numbers and truth values in a cell. */
function valuesIn(cell: unknown): string[] {
  if (cell === undefined || cell === null) return [];
  if (Array.isArray(cell)) return cell.flatMap(valuesIn);
  if (typeof cell === 'object') {
    const { text } = cell as { text?: unknown };
    return text === undefined ? [] : valuesIn(text);
  }
  const value = String(cell).trim();
  return value === '' ? [] : [value];
}

const isMark = (value: string): boolean =>
  /^([A-Za-z\d]|true|false|[-+]?[\d.,]+(e[-+]?\d+)?\s*%?)$/i.test(value);

/** Looks at some rows of a table, evenly. */
export function sampleColumns({ rows }: Rows): ColumnSamples {
  const count = Math.min(rows.length, SAMPLE);
  const sample = Array.from(
    { length: count },
    (_, i) => rows[Math.floor((i * rows.length) / count)] as TableRow,
  );
  const known = new Map<string, string[]>();
  const valuesOf = (column: string): string[] => {
    const found = known.get(column) ?? sample.flatMap(({ cells }) => valuesIn(cells[column]));
    known.set(column, found);
    return found;
  };
  return {
    holdsNoTexts(column) {
      const values = valuesOf(column);
      return values.length > 0 && values.every(isMark);
    },
    holdsSentences(column) {
      const values = valuesOf(column);
      const words = values.reduce((sum, value) => sum + value.split(/\s+/).length, 0);
      return (
        values.length > count / 2 &&
        words >= SENTENCE_WORDS * values.length &&
        new Set(values).size > values.length / 2
      );
    },
    mayGrade(column) {
      const values = new Set(valuesOf(column).map((value) => value.toLowerCase()));
      const list = [...values];
      if (list.length < 2) return false;
      const isVerdict = list.every((value) => /^([01]|true|false|yes|no|y|n)$/.test(value));
      const isFraction = /^[-+]?\d*[.,]\d+$|^\d+([.,]\d+)?\s*%$/;
      return isVerdict || (list.some((v) => isFraction.test(v)) && list.every(isMark));
    },
    classesOf(column, max) {
      const classes = new Set(valuesOf(column));
      return classes.size > 1 && classes.size <= max ? [...classes] : undefined;
    },
  };
}
