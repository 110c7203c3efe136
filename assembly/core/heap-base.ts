/** Where the tables of constants end, and the memory that TypeScript allocates may begin. */
export function heapBase(): usize {
  return __heap_base;
}
