/** Labels as kernels want them: classes numbered from 0. */

export interface Classes {
  /** The labels that occur, in rising order. */
  classes: Int32Array;
  /** The place in `classes` of each label that was given. */
  numbers: Int32Array;
}

export function numberClasses(labels: ArrayLike<number>): Classes {
  // Loops, because Array.from takes longer with few labels than the loss that wants them.
  const { length } = labels;
  const places = new Map<number, number>();
  for (let i = 0; i < length; i++) places.set(labels[i] as number, 0);
  const classes = Int32Array.from(places.keys()).sort();
  for (let place = 0; place < classes.length; place++) places.set(classes[place] as number, place);
  const numbers = new Int32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = places.get(labels[i] as number) as number;
  return { classes, numbers };
}
