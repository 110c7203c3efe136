/** The forms of adapters that are tried, and what is kept of each. */

import type { Task } from './data.js';
import type { AdapterShape, Side, Weights } from './shape.js';
import { MAX_WHITENING_WIDTH, spectrumOf, whiteningMatrix } from './whitening.js';

/** A form that is tried. */
export interface Form {
  /** Name in the report. */
  readonly name: string;
  readonly shape: AdapterShape;
  /** Set where nothing is trained. */
  readonly weights?: Weights;
}

/** Columns between the narrow matrices of the low-rank form, and hidden units, as fractions of the width. */
const RANK_FRACTION = 1 / 8;
const HIDDEN_FRACTION = 1 / 2;

/**
 * Lists the forms for data.
 *
 * @param side 'query' for those alone that leave documents as they are
 */
export function listForms(task: Task, side: Side): Form[] {
  const width = task.width;
  const shape = (more: Partial<AdapterShape>): AdapterShape => ({
    ...{ inputWidth: width, outputWidth: width, rank: undefined, hidden: undefined },
    ...{ side: 'both', bias: false, ...more },
  });
  const rank = Math.max(1, Math.round(width * RANK_FRACTION));
  const hidden = Math.max(1, Math.round(width * HIDDEN_FRACTION));
  const query: Form[] =
    task.kind === 'labels'
      ? []
      : [{ name: 'linear, queries only', shape: shape({ side: 'query' }) }];
  if (side === 'query') {
    const low = { name: `rank ${rank}, queries only`, shape: shape({ side: 'query', rank }) };
    return [...query, low];
  }
  const whitening: Form[] = [];
  if (width <= MAX_WHITENING_WIDTH && task.documents.rows > 1) {
    const spectrum = spectrumOf(task);
    for (const half of [true, false]) {
      const weights = new Map([['weight', whiteningMatrix(spectrum, half)]]);
      whitening.push({ name: half ? 'half whitening' : 'whitening', shape: shape({}), weights });
    }
  }
  return [
    ...whitening,
    { name: 'linear', shape: shape({}) },
    ...query,
    { name: `rank ${rank}`, shape: shape({ rank }) },
    { name: `${hidden} hidden units`, shape: shape({ hidden }) },
  ];
}
