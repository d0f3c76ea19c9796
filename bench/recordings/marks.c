/*
 * Stands in front of heaptrack's library and tells its recording what heaptrack leaves out: whether an
 * allocation came from calloc or realloc. The program gets each call's result as it is.
 *
 * heaptrack writes `+ size trace pointer` for every allocation and `- pointer` for every free, and a realloc
 * as both, one right after the other. After such a call this library has heaptrack write one more line, a
 * free of `pointer | mark`: no allocation begins there, since all are aligned to 16 bytes. The line comes
 * before the program holds the pointer, so no other thread can have freed it in between.
 *
 *     pointer | 1     calloc gave the pointer
 *     pointer | 2     realloc gave it, in place of the one freed by the line before
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

extern void heaptrack_free(void *pointer);

enum { MARK_CALLOC = 1, MARK_REALLOC = 2 };

static void mark(void *pointer, uintptr_t kind) {
  if (pointer) heaptrack_free((void *)((uintptr_t)pointer | kind));
}

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

void *calloc(size_t count, size_t size) {
  static void *(*call)(size_t, size_t);
  if (!call) call = next("calloc");
  void *pointer = call(count, size);
  mark(pointer, MARK_CALLOC);
  return pointer;
}

void *realloc(void *old, size_t size) {
  static void *(*call)(void *, size_t);
  static void (*call_free)(void *);
  if (!call) call = next("realloc");
  if (old && size == 0) { /* the C library frees and gives NULL, of which heaptrack takes no notice */
    if (!call_free) call_free = next("free");
    call_free(old);
    return NULL;
  }
  void *pointer = call(old, size);
  if (old) mark(pointer, MARK_REALLOC);
  return pointer;
}
