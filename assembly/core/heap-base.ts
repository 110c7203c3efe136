/** Where the tables of constants end, and the memory that TypeScript hands out begins. */
export function heapBase(): usize {
  return __heap_base;
}
