/** Modules of Node, where the runtime has them: nothing in the library imports one. */

/** Node's module of a name, which Node, Deno and Bun have; undefined elsewhere. */
export function builtin<T>(name: string): T | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name) as T | undefined;
}
