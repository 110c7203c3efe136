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

/** Numbers of these classes in public datasets, where -1 is none. */
const CLASSES = ['entailment', 'neutral', 'contradiction'] as const;

/** Forms of scores: higher is nearer, or the numbers of the classes of inference. */
export type ScoreForm = 'numbers' | 'classes';

/** Meanings of these forms, for people. */
export const SCORE_FORMS: Readonly<Record<ScoreForm, string>> = {
  numbers: 'higher is nearer',
  classes: `0 is ${CLASSES[0]}, 1 ${CLASSES[1]}, 2 ${CLASSES[2]}`,
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
export function scoreOf(
  at: string,
  column: string,
  cell: unknown,
  form: ScoreForm = 'numbers',
): number | undefined {
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  if (isMissingScore(cell)) return undefined;
  if (form === 'classes') {
    const name = CLASSES[Number(cell)];
    return name === undefined ? undefined : INFERENCE[name];
  }
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

/** The lowest and the highest of scores. */
export function rangeOf(scores: readonly number[]): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const score of scores) [low, high] = [Math.min(low, score), Math.max(high, score)];
  return [low, high];
}

/** Values that are named in a message. */
const SHOWN = 3;

/** Some different cells of a column, for messages: `"high", "low"`. */
export function valuesOf({ rows }: Rows, column: string): string {
  const values = new Set<string>();
  for (const { cells } of rows) {
    const cell = cells[column];
    if (!isMissingScore(cell)) values.add(JSON.stringify(cell));
    if (values.size > SHOWN) return `${[...values].slice(0, SHOWN).join(', ')}, …`;
  }
  return values.size === 0 ? 'nothing' : [...values].join(', ');
}

/**
 * Tells how the scores of a column are written.
 *
 * @param isInference whether the pairs are premises and hypotheses
 * @param isAsked whether the user named the column
 * @throws {InputError} if 0 and 1 may both be that a premise entails the hypothesis
 */
export function scoreFormOf(
  path: string,
  { rows }: Rows,
  column: string,
  isInference: boolean,
  isAsked: boolean,
): ScoreForm {
  if (!isInference) return 'numbers';
  const values = new Set(rows.map(({ cells }) => cells[column]).filter((c) => !isMissingScore(c)));
  const numbers = new Set([...values].map((value) => Number(value)));
  if ([...numbers].some((value) => ![-1, 0, 1, 2].includes(value))) return 'numbers';
  if ([...values].some((value) => typeof value === 'boolean')) return 'numbers';
  if (numbers.has(2)) return 'classes';
  if (isAsked || !numbers.has(0)) return 'numbers';
  throw new InputError(
    `${path}: ${column} holds 0 and 1, and either may be entailment; write entailment and ` +
      `not_entailment instead, or give --score ${column} if 1 is entailment`,
  );
}
