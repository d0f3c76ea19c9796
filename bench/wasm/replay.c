/*
 * The loop of `native/replay.c` as a Wasm module, with one of three allocators behind malloc: emscripten's dlmalloc
 * or emmalloc, linked in, or kmem (KMEM), as its `kmem.c` calls it. `src/subjects/modules.ts` compiles one module of each.
 *
 * Where the allocator is linked in, its functions are exported too, for a loop in JavaScript.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Not every C library for Wasm declares it. */
void *memalign(size_t align, size_t size);

enum { OPERATION_WORDS = 2, KIND_BITS = 3, KIND_MASK = 7, ALIGNED_SIZE_BITS = 24 };
enum { KIND_FREE = 0, KIND_MALLOC = 1, KIND_CALLOC = 2, KIND_REALLOC = 3 };

#define EXPORT(name) __attribute__((export_name(#name), noinline))

#ifndef KMEM
EXPORT(allocate) void *allocate(size_t size) { return malloc(size); }
EXPORT(allocate_zeroed) void *allocate_zeroed(size_t size) { return calloc(1, size); }
EXPORT(release) void release(void *pointer) { free(pointer); }
/* The end of what the allocator has taken from the memory so far, moved up by `bytes`. */
EXPORT(claim) void *claim(size_t bytes) { return sbrk((intptr_t)bytes); }
#endif

EXPORT(allocate_otherwise) void *allocate_otherwise(int kind, void *old, uint32_t argument) {
  if (kind == KIND_REALLOC) return realloc(old, argument);
  return memalign((size_t)1 << (argument >> ALIGNED_SIZE_BITS), argument & ((1 << ALIGNED_SIZE_BITS) - 1));
}

static inline __attribute__((always_inline)) void run(const int32_t *operations, size_t count, void **live,
                                                      const int write) {
  for (size_t at = 0; at < count * OPERATION_WORDS; at += OPERATION_WORDS) {
    int32_t head = operations[at];
    uint32_t slot = (uint32_t)head >> KIND_BITS;
    int kind = head & KIND_MASK;
    if (kind == KIND_FREE) {
      free(live[slot]);
    } else {
      uint32_t argument = operations[at + 1];
      int32_t *object = kind == KIND_MALLOC   ? malloc(argument)
                        : kind == KIND_CALLOC ? calloc(1, argument)
                                              : allocate_otherwise(kind, live[slot], argument);
      if (write) *object = (int32_t)slot;
      live[slot] = object;
    }
  }
}

EXPORT(run_write) void run_write(const int32_t *o, size_t n, void **live) { run(o, n, live, 1); }
EXPORT(run_plain) void run_plain(const int32_t *o, size_t n, void **live) { run(o, n, live, 0); }
