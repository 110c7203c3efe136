/** Labels as kernels want them: classes numbered from 0. */

export interface Classes {
  /** The labels that occur, in rising order. */
  classes: Int32Array;
  /** The place in `classes` of each label that was given. */
  numbers: Int32Array;
}

export function numberClasses(labels: ArrayLike<number>): Classes {
  const classes = Int32Array.from(new Set(Array.from(labels))).sort();
  const places = new Map(Array.from(classes, (label, place) => [label, place]));
  const numbers = Int32Array.from(labels, (label) => places.get(label) as number);
  return { classes, numbers };
}
