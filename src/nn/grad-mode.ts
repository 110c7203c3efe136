/** Whether operations record what gradients need. */

let gradients = true;

/** Whether they do now. */
export function isGradEnabled(): boolean {
  return gradients;
}

/** Runs a function without recording. */
export function noGrad<T>(body: () => T): T {
  return withGradMode(false, body);
}

/** Runs a function with or without recording, whatever held before. */
export function withGradMode<T>(on: boolean, body: () => T): T {
  const before = gradients;
  gradients = on;
  try {
    return body();
  } finally {
    gradients = before;
  }
}
