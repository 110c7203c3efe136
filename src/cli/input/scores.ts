/** Scores of graded pairs, as cells of tables have them. */

import { InputError } from '../../terminal/errors.js';
import type { Rows } from './records.js';

/** Classes of natural language inference as scores. */
const INFERENCE: Readonly<Record<string, number>> = {
  entailment: 1,
  neutral: 0.5,
  contradiction: 0,
  not_entailment: 0,
};

/** Cells that programs write for a missing score. */
const MISSING_SCORE = /^(n\/?a|#n\/a|nan|null|none|[-–?.]+)$/i;

function isMissingScore(cell: unknown): boolean {
  if (cell === undefined || cell === null) return true;
  const text = String(cell).trim();
  return text === '' || MISSING_SCORE.test(text);
}

/**
 * Reads a cell as a score: a number, a part such as 4/5, stars, yes and no, or a class of inference.
 *
 * @param at file and row, for messages
 * @returns undefined if the cell is empty
 * @throws {InputError} if it is none
 */
export function scoreOf(at: string, column: string, cell: unknown): number | undefined {
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  if (isMissingScore(cell)) return undefined;
  const text = (typeof cell === 'object' ? JSON.stringify(cell) : String(cell)).trim();
  const inference = INFERENCE[text.toLowerCase()];
  if (inference !== undefined) return inference;
  if (/^(true|yes|t|y)$/i.test(text)) return 1;
  if (/^(false|no|f|n)$/i.test(text)) return 0;
  // ★★★☆☆
  if (/^★*☆*$/.test(text)) return text.lastIndexOf('★') + 1;
  // 0,8 or 80 % or 4/5 or 4 out of 5, and a minus as it is printed
  const [number = '', of = '1'] = text
    .replace(/\s*%$/, '')
    .replace(/^\u2212/, '-')
    .split(/\s*\/\s*|\s+(?:out\s+)?of\s+/);
  const [a, b] = [number, of].map((part) =>
    Number(/^-?\d+,\d+$/.test(part) ? part.replace(',', '.') : part),
  ) as [number, number];
  const score = a / b;
  if (Number.isFinite(score)) return score;
  throw new InputError(`${at}: ${column} must be a number, got ${JSON.stringify(text)}`);
}

/** Tells whether most cells of a column are scores, as far as they are not empty. */
export function holdsScores({ rows }: Rows, column: string): boolean {
  let [scores, others] = [0, 0];
  for (const { at, cells } of rows) {
    try {
      if (scoreOf(at, column, cells[column]) !== undefined) scores++;
    } catch {
      others++;
    }
  }
  return scores > others;
}

/** Refuses a column of scores that holds none: all pairs would count as near, those of low scores too. */
export function refuseScores(path: string, { rows }: Rows, column: string): never {
  const given = rows.map(({ cells }) => cells[column]).find((cell) => !isMissingScore(cell));
  const got = given === undefined ? 'nothing' : JSON.stringify(given);
  throw new InputError(
    `${path}: ${column} must hold numbers, got ${got}; --score names another column, and without a ` +
      'column of that name all rows are pairs that belong together',
  );
}
