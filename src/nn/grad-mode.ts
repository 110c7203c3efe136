/** Whether operations record what gradients need. */

let gradients = true;

/** Whether they do now. */
export function gradientsOn(): boolean {
  return gradients;
}

/** Runs a function without recording. */
export function noGrad<T>(body: () => T): T {
  return recording(false, body);
}

/** Runs a function with or without recording, whatever held before. */
export function recording<T>(on: boolean, body: () => T): T {
  const before = gradients;
  gradients = on;
  try {
    return body();
  } finally {
    gradients = before;
  }
}
