/*
 * malloc and its family for a C or C++ program that clang compiles for wasm32-wasi: compile this file beside the
 * program's own. Its functions are imported from the module "kmem", which `wasmAllocator` provides.
 *
 * The functions stand here by their own names so that the linker takes none of them from the C library.
 */
#include <errno.h>
#include <stddef.h>

#define IMPORTED(name) __attribute__((import_module("kmem"), import_name(#name)))

IMPORTED(malloc) void *kmem_malloc(size_t size);
IMPORTED(free) void kmem_free(void *pointer);
IMPORTED(calloc) void *kmem_calloc(size_t count, size_t size);
IMPORTED(realloc) void *kmem_realloc(void *pointer, size_t size);
IMPORTED(aligned_alloc) void *kmem_aligned_alloc(size_t align, size_t size);
IMPORTED(memalign) void *kmem_memalign(size_t align, size_t size);
IMPORTED(posix_memalign) int kmem_posix_memalign(void **result, size_t align, size_t size);
IMPORTED(malloc_usable_size) size_t kmem_malloc_usable_size(void *pointer);

void *malloc(size_t size) { return kmem_malloc(size); }
void free(void *pointer) { kmem_free(pointer); }
void *calloc(size_t count, size_t size) { return kmem_calloc(count, size); }
void *realloc(void *pointer, size_t size) { return kmem_realloc(pointer, size); }
void *aligned_alloc(size_t align, size_t size) { return kmem_aligned_alloc(align, size); }
void *memalign(size_t align, size_t size) { return kmem_memalign(align, size); }
int posix_memalign(void **result, size_t align, size_t size) { return kmem_posix_memalign(result, align, size); }
size_t malloc_usable_size(void *pointer) { return kmem_malloc_usable_size(pointer); }

/* Where errno lies, for the option of that name. */
__attribute__((export_name("kmem_errno"))) int *kmem_errno(void) { return &errno; }
