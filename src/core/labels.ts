/** Labels as kernels want them: classes numbered from 0. */

export interface Classes {
  /** The labels that occur, in rising order. */
  classes: Int32Array;
  /** The place in `classes` of each label that was given. */
  numbers: Int32Array;
}

export function numberClasses(labels: ArrayLike<number>): Classes {
  const numbers = new Int32Array(labels);
  const classes = numbers.slice().sort();
  let count = 0;
  for (const label of classes) {
    if (count === 0 || label !== classes[count - 1]) classes[count++] = label;
  }
  const found = classes.slice(0, count);
  for (let i = 0; i < numbers.length; i++) numbers[i] = placeOf(found, numbers[i] as number);
  return { classes: found, numbers };
}

/** The place of a number among numbers in rising order, which have it. */
function placeOf(rising: Int32Array, wanted: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
