// AssemblyScript's runtime allocator, TLSF, and nothing else. Compiled by compile-tlsf.sh.

export function allocate(size: usize): usize {
  return heap.alloc(size);
}

export function reallocate(old: usize, size: usize): usize {
  return heap.realloc(old, size);
}

export function release(pointer: usize): void {
  heap.free(pointer);
}

export function zero(pointer: usize, size: usize): void {
  memory.fill(pointer, 0, size);
}
