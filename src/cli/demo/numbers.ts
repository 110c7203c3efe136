/** Numbers as the report and the tables show them. */

/** Formats a number with so many decimals and a true minus sign. */
export function fixed(value: number, decimals = 3): string {
  return value.toFixed(decimals).replace('-', '−');
}

/** Formats a fraction as a percentage. */
export function percent(fraction: number, decimals = 1): string {
  return `${fixed(100 * fraction, decimals)}\u00A0%`;
}

/** Formats a probability as a whole percentage; one that rounds to 0 is less than 1 %. */
export function probability(p: number): string {
  return p < 0.005 ? '<\u00A01\u00A0%' : percent(p, 0);
}

/** Formats a whole number: 4,000. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Formats a number of things: 1 layer, 2 layers. */
export function several(value: number, thing: string): string {
  return `${count(value)} ${thing}${value === 1 ? '' : 's'}`;
}

/** Formats a small number: 8.6e-8. */
export function tiny(value: number): string {
  return value.toExponential(1);
}

/** Returns the mean of some numbers. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** Returns the largest absolute difference of two lists. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs((a[i] as number) - (b[i] as number)));
  }
  return largest;
}

/** Returns points (step, value), steps counted from 1. */
export function steps(values: ArrayLike<number>): [number, number][] {
  return Array.from(values, (value, i) => [i + 1, value]);
}

/**
 * Returns about `count` points of a curve, each the mean of a range of steps. The last range holds
 * what remains, so that no point is the noise of a single step.
 */
export function thinned(values: ArrayLike<number>, count: number): [number, number][] {
  const all = Array.from(values);
  const width = Math.ceil(all.length / count);
  const points: [number, number][] = [];
  for (let i = 0; i < all.length; ) {
    const end = all.length - i < 2 * width ? all.length : i + width;
    points.push([(i + 1 + end) / 2, mean(all.slice(i, end))]);
    i = end;
  }
  return points;
}
