/** Labels as kernels want them: indices of classes, from 0. */

export interface Classes {
  /** The labels that occur, in rising order. */
  classes: Int32Array;
  /** For each label that was given, its index in `classes`. */
  indices: Int32Array;
}

/** Finds the classes among labels, and the class of each label. */
export function indexLabels(labels: ArrayLike<number>): Classes {
  const indices = new Int32Array(labels);
  const sorted = indices.slice().sort();
  let count = 0;
  for (const label of sorted) {
    if (count === 0 || label !== sorted[count - 1]) sorted[count++] = label;
  }
  const classes = sorted.slice(0, count);
  for (let i = 0; i < indices.length; i++) indices[i] = indexIn(classes, indices[i] as number);
  return { classes, indices };
}

/** The index of a number among rising ones, which hold it. */
function indexIn(rising: Int32Array, wanted: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
