/**
 * Who frees tensors. `tidy` frees what is made inside it and not returned; `dispose` frees one
 * tensor; what neither of them frees, the garbage collector does.
 */

import { checkCallback } from '../core/validation.js';

declare global {
  interface SymbolConstructor {
    /** As `lib: esnext.disposable` declares it, for programs without that library. */
    readonly dispose: unique symbol;
  }
}

/** Something that `tidy` can free. */
export interface Disposable {
  /** Frees the memory. */
  dispose(): void;
  /** Is told that no `tidy` will free it: from now on the garbage collector has to. */
  onUntracked?(): void;
}

/** One running `tidy`: what was made inside, and the `tidy` around it. */
interface Scope {
  made: Set<Disposable>;
  outer: Scope | undefined;
}

let current: Scope | undefined;

/** Gives something new to the innermost `tidy`; false if there is none. */
export function track(made: Disposable): boolean {
  current?.made.add(made);
  return current !== undefined;
}

/** Takes something away from the `tidy` that has it; false if none has. */
export function takeFromTidy(kept: Disposable): boolean {
  for (let scope = current; scope !== undefined; scope = scope.outer) {
    if (scope.made.delete(kept)) return true;
  }
  return false;
}

/** Takes something away from the `tidy` that has it: its owner, or the garbage collector, frees it. */
export function untrack(kept: Disposable): void {
  if (takeFromTidy(kept)) kept.onUntracked?.();
}

/**
 * Runs a function and frees every tensor that was made inside and is not part of its result.
 *
 * What is returned belongs to the `tidy` around this one, or else to the caller. Parameters and
 * gradients live on as well. Call `backward` inside: the graph of a returned loss is freed.
 *
 * @param body synchronous function; its result may be a tensor, or arrays, maps, sets and plain
 *   objects of tensors
 * @returns what the function returned
 * @throws {TypeError} if it is not a function, or asynchronous: its tensors would be freed before it ends
 * @example const loss = tidy(() => { const l = mse(model.forward(x), y); l.backward(); return l.item(); });
 */
export function tidy<T>(body: () => T): T {
  checkCallback('tidy', 'body', body);
  const outer = current;
  const scope: Scope = { made: new Set(), outer };
  current = scope;
  let result: T;
  try {
    result = body();
    if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
      throw new TypeError('tidy: body must be synchronous, got an async function');
    }
    for (const kept of disposables(result, new Set())) {
      if (!scope.made.delete(kept)) continue;
      if (outer === undefined) kept.onUntracked?.();
      else outer.made.add(kept);
    }
  } finally {
    current = outer;
    for (const made of scope.made) made.dispose();
  }
  return result;
}

/** A `tidy` of several functions, with a pause between them: what they make is freed at once. */
export class Workspace {
  readonly #made = new Set<Disposable>();

  /** Runs a synchronous function; what it makes lives until `dispose`. */
  run<T>(body: () => T): T {
    const outer = current;
    current = { made: this.#made, outer };
    try {
      return body();
    } finally {
      current = outer;
    }
  }

  /** Frees all that was made. */
  dispose(): void {
    for (const made of this.#made) made.dispose();
    this.#made.clear();
  }
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
