/**
 * Who gives tensors back. What is made inside `tidy` and not returned from it is freed at its end;
 * what is made outside is freed by `dispose`, or when the engine's garbage collector finds it.
 */

/** Something that `tidy` can free. */
export interface Disposable {
  dispose(): void;
}

let current: Set<Disposable> | undefined;

/** Tells the innermost `tidy` of something new. */
export function track(made: Disposable): void {
  current?.add(made);
}

/** Takes something out of `tidy`'s hands: its owner will free it. */
export function untrack(kept: Disposable): void {
  current?.delete(kept);
}

/** Whether somebody will free what is made now. */
export function isTracked(): boolean {
  return current !== undefined;
}

/**
 * Runs a function and frees every tensor that was made inside and is not part of its result: a
 * tensor, or arrays, maps and plain objects of them.
 *
 * @throws TypeError if the function is asynchronous: its tensors would be freed under its feet
 */
export function tidy<T>(body: () => T): T {
  const outer = current;
  const mine = new Set<Disposable>();
  current = mine;
  let result: T;
  try {
    result = body();
    if (result instanceof Promise) {
      throw new TypeError('tidy: body must be synchronous, got an async function');
    }
    for (const kept of disposables(result, new Set())) {
      if (mine.delete(kept)) outer?.add(kept);
    }
  } finally {
    current = outer;
    for (const made of mine) made.dispose();
  }
  return result;
}

function* disposables(value: unknown, seen: Set<unknown>): Iterable<Disposable> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if ('dispose' in value && typeof value.dispose === 'function') {
    yield value as Disposable;
  } else if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
    for (const part of value.values()) yield* disposables(part, seen);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const part of Object.values(value)) yield* disposables(part, seen);
  }
}
