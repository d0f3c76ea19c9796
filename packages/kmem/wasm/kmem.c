/*
 * malloc and its family for a C or C++ program in Wasm: compile this file beside the program's own. Each function hands
 * the call on to one that `wasmAllocator` provides: under Emscripten through kmem's JavaScript library, under clang as an
 * import from the module "kmem". What has to be cleared or copied is so here, where the program's memory is at hand.
 *
 * It is C, and C++ as well: em++ takes it for that. The functions stand here by their own names, so that the linker takes none of them from the C library.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __EMSCRIPTEN__
#define IMPORTED(name)
#else
#define IMPORTED(name) __attribute__((import_module("kmem"), import_name(#name)))
#endif
#define EXPORTED(name) __attribute__((used, export_name(#name)))

IMPORTED(malloc) void *kmem_malloc(size_t size);
IMPORTED(free) void kmem_free(void *pointer);
IMPORTED(realloc) void *kmem_realloc(void *pointer, size_t size);
IMPORTED(aligned_alloc) void *kmem_aligned_alloc(size_t align, size_t size);
IMPORTED(memalign) void *kmem_memalign(size_t align, size_t size);
IMPORTED(posix_memalign) int kmem_posix_memalign(void **result, size_t align, size_t size);
IMPORTED(malloc_usable_size) size_t kmem_malloc_usable_size(void *pointer);

/* The smallest object, and the largest that is moved here when it is resized. A larger one may grow where it is. */
#define MIN_BYTES 16
#define MOVED_HERE_BYTES 2048

static void *cleared(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  void *pointer = kmem_malloc(bytes);
  if (pointer != NULL) memset(pointer, 0, bytes);
  return pointer;
}

static void *resized(void *pointer, size_t size) {
  if (pointer == NULL) return kmem_malloc(size);
  size_t usable = kmem_malloc_usable_size(pointer);
  /* No object, which was told of, and the program is to go on. */
  if (usable == 0) return NULL;
  if (usable > MOVED_HERE_BYTES || size > PTRDIFF_MAX) return kmem_realloc(pointer, size);
  /* What gets much smaller moves, so that it does not hold so much. */
  if (size <= usable && (size > usable / 2 || usable == MIN_BYTES)) return pointer;
  if (size < usable) return kmem_realloc(pointer, size);
  void *moved = kmem_malloc(size);
  if (moved == NULL) return NULL;
  memcpy(moved, pointer, usable);
  kmem_free(pointer);
  return moved;
}

void *malloc(size_t size) { return kmem_malloc(size); }
void free(void *pointer) { kmem_free(pointer); }
void *calloc(size_t count, size_t size) { return cleared(count, size); }
void *realloc(void *pointer, size_t size) { return resized(pointer, size); }
void *aligned_alloc(size_t align, size_t size) { return kmem_aligned_alloc(align, size); }
void *memalign(size_t align, size_t size) { return kmem_memalign(align, size); }
int posix_memalign(void **result, size_t align, size_t size) { return kmem_posix_memalign(result, align, size); }
size_t malloc_usable_size(void *pointer) { return kmem_malloc_usable_size(pointer); }

#ifdef __EMSCRIPTEN__
/* The names by which Emscripten's own libraries allocate. */
void *__libc_malloc(size_t size) { return kmem_malloc(size); }
void __libc_free(void *pointer) { kmem_free(pointer); }
void *__libc_calloc(size_t count, size_t size) { return cleared(count, size); }
void *__libc_realloc(void *pointer, size_t size) { return resized(pointer, size); }
void *emscripten_builtin_malloc(size_t size) { return kmem_malloc(size); }
void emscripten_builtin_free(void *pointer) { kmem_free(pointer); }
void *emscripten_builtin_memalign(size_t align, size_t size) { return kmem_memalign(align, size); }
#endif

/* Where the program's own data and stack end, and where errno lies: for the options `base` and `errno`. */
extern char __heap_base;
EXPORTED(kmem_heap_base) void *kmem_heap_base(void) { return &__heap_base; }
EXPORTED(kmem_errno) int *kmem_errno(void) { return &errno; }

#ifdef __cplusplus
}
#endif
