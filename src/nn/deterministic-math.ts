/**
 * Functions of one number in f64 by their series, for what is computed once, not for every
 * number of a tensor: those of JavaScript engines differ in the last bits.
 */

/** Σ of (−x²)ⁿ / (2n + first)! from n = 0, the cosine's series for 0 and the sine's over x for 1. */
function alternating(x: number, first: 0 | 1): number {
  const square = x * x;
  let term = 1;
  let sum = 1;
  for (let k = 1; k <= 12; k++) {
    term *= -square / ((2 * k - 1 + first) * (2 * k + first));
    sum += term;
  }
  return sum;
}

/** cos(π x) for x in [0, 1]. */
export function cosinePi(x: number): number {
  return x > 0.5 ? -cosinePi(1 - x) : alternating(Math.PI * x, 0);
}

/** x less the nearest multiple of π / 2, and which multiple that is, from 0 to 3. */
function quarter(x: number): { remainder: number; quadrant: number } {
  const turns = Math.round(x / (Math.PI / 2));
  return { remainder: x - turns * (Math.PI / 2), quadrant: ((turns % 4) + 4) % 4 };
}

/** sin x, for angles of up to some thousands. */
export function sine(x: number): number {
  const { remainder, quadrant } = quarter(x);
  const size =
    quadrant % 2 === 0 ? remainder * alternating(remainder, 1) : alternating(remainder, 0);
  return quadrant < 2 ? size : -size;
}

/** cos x, for angles of up to some thousands. */
export function cosine(x: number): number {
  const { remainder, quadrant } = quarter(x);
  const size =
    quadrant % 2 === 0 ? alternating(remainder, 0) : remainder * alternating(remainder, 1);
  return quadrant === 0 || quadrant === 3 ? size : -size;
}

/** eˣ, for |x| of up to some dozens: that of x / 2⁸, squared eight times. */
export function exponential(x: number): number {
  const small = x / 256;
  let term = 1;
  let sum = 1;
  for (let k = 1; k <= 12; k++) {
    term *= small / k;
    sum += term;
  }
  for (let k = 0; k < 8; k++) sum *= sum;
  return sum;
}

/** Natural logarithm of a number above 0. */
export function logarithm(x: number): number {
  let [m, halvings] = [x, 0];
  for (; m >= 1.5; m /= 2) halvings++;
  for (; m < 0.75; m *= 2) halvings--;
  // 2 artanh(s) as a series; s is at most 0.2.
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * s * s + 1 / k;
  return halvings * Math.LN2 + 2 * s * sum;
}
