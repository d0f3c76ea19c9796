/* Asks malloc and its family for what C says of them. Each function returns 0, or the line that found otherwise. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TEST(name) __attribute__((export_name(#name))) int name(void)
#define MUST(condition) do { if (!(condition)) return __LINE__; } while (0)
#define ALIGNED(pointer, align) (((uintptr_t)(pointer) & ((align) - 1)) == 0)

TEST(malloc_aligns_and_does_not_overlap) {
  static unsigned char *blocks[500];
  for (int i = 0; i < 500; i++) {
    blocks[i] = malloc(i * 7);
    MUST(blocks[i] != NULL && ALIGNED(blocks[i], 16));
    memset(blocks[i], i, i * 7);
  }
  for (int i = 0; i < 500; i++) {
    for (int byte = 0; byte < i * 7; byte++) MUST(blocks[i][byte] == (unsigned char)i);
    free(blocks[i]);
  }
  return 0;
}

TEST(malloc_0_is_an_object_of_its_own) {
  void *first = malloc(0), *second = malloc(0);
  MUST(first != NULL && second != NULL && first != second);
  free(first);
  free(second);
  return 0;
}

TEST(malloc_fails_with_enomem) {
  errno = 0;
  MUST(malloc((size_t)INT32_MAX) == NULL && errno == ENOMEM);
  errno = 0;
  MUST(malloc((size_t)INT32_MAX + 1) == NULL && errno == ENOMEM);
  errno = 0;
  MUST(malloc(SIZE_MAX) == NULL && errno == ENOMEM);
  errno = 0;
  MUST(malloc(0x20000000) == NULL && errno == ENOMEM);
  return 0;
}

TEST(success_leaves_errno) {
  errno = 1234;
  void *pointer = malloc(100);
  pointer = realloc(pointer, 10000);
  free(pointer);
  free(calloc(10, 10));
  free(aligned_alloc(64, 64));
  free(NULL);
  MUST(errno == 1234);
  return 0;
}

TEST(free_null_does_nothing) {
  free(NULL);
  return 0;
}

TEST(calloc_clears) {
  static const size_t sizes[] = {1, 3, 16, 100, 129, 1000, 5000, 100000};
  for (int i = 0; i < 8; i++) {
    for (int round = 0; round < 3; round++) {
      unsigned char *bytes = calloc(1, sizes[i]);
      MUST(bytes != NULL);
      for (size_t byte = 0; byte < sizes[i]; byte++) MUST(bytes[byte] == 0);
      memset(bytes, 0xff, sizes[i]);
      free(bytes);
    }
  }
  return 0;
}

TEST(calloc_clears_no_byte_beyond) {
  unsigned char *before = malloc(16), *bytes = malloc(16), *after = malloc(16);
  memset(before, 1, 16);
  memset(after, 2, 16);
  free(bytes);
  unsigned char *again = calloc(5, 3);
  MUST(again == bytes);
  for (int byte = 0; byte < 16; byte++) MUST(before[byte] == 1 && after[byte] == 2);
  free(before);
  free(again);
  free(after);
  return 0;
}

TEST(calloc_of_nothing_is_an_object) {
  void *first = calloc(0, 100), *second = calloc(100, 0);
  MUST(first != NULL && second != NULL && first != second);
  free(first);
  free(second);
  return 0;
}

TEST(calloc_overflow_fails_with_enomem) {
  errno = 0;
  MUST(calloc(65536, 65536) == NULL && errno == ENOMEM); /* 2^32: 0 in 32 bits */
  errno = 0;
  MUST(calloc(65537, 65537) == NULL && errno == ENOMEM);
  errno = 0;
  MUST(calloc(SIZE_MAX, SIZE_MAX) == NULL && errno == ENOMEM); /* 1 in 32 bits */
  errno = 0;
  MUST(calloc(SIZE_MAX, 2) == NULL && errno == ENOMEM);
  return 0;
}

TEST(realloc_null_is_malloc) {
  unsigned char *pointer = realloc(NULL, 100);
  MUST(pointer != NULL && malloc_usable_size(pointer) >= 100);
  free(pointer);
  return 0;
}

TEST(realloc_keeps_the_bytes) {
  unsigned char *bytes = malloc(1);
  for (size_t byte = 0; byte < malloc_usable_size(bytes); byte++) bytes[byte] = byte * 31;
  for (size_t size = 2; size < 70000; size = size * 5 / 4 + 1) {
    size_t old = malloc_usable_size(bytes);
    bytes = realloc(bytes, size);
    MUST(bytes != NULL && ALIGNED(bytes, 16) && malloc_usable_size(bytes) >= size);
    for (size_t byte = 0; byte < old && byte < size; byte++) MUST(bytes[byte] == (unsigned char)(byte * 31));
    for (size_t byte = 0; byte < malloc_usable_size(bytes); byte++) bytes[byte] = byte * 31;
  }
  for (size_t size = malloc_usable_size(bytes); size > 0; size = size * 3 / 4) {
    bytes = realloc(bytes, size);
    MUST(bytes != NULL);
    for (size_t byte = 0; byte < size; byte++) MUST(bytes[byte] == (unsigned char)(byte * 31));
  }
  free(bytes);
  return 0;
}

TEST(realloc_to_0_is_the_smallest_object) {
  void *pointer = realloc(malloc(1000), 0);
  MUST(pointer != NULL && malloc_usable_size(pointer) == 16);
  free(pointer);
  return 0;
}

TEST(realloc_that_fails_keeps_the_object) {
  unsigned char *bytes = malloc(100);
  memset(bytes, 7, 100);
  errno = 0;
  MUST(realloc(bytes, 0x20000000) == NULL && errno == ENOMEM);
  errno = 0;
  MUST(realloc(bytes, SIZE_MAX) == NULL && errno == ENOMEM);
  for (int byte = 0; byte < 100; byte++) MUST(bytes[byte] == 7);
  free(bytes);
  return 0;
}

TEST(aligned_alloc_aligns) {
  for (size_t align = 1; align <= 1 << 20; align *= 2) {
    void *first = aligned_alloc(align, 24), *second = aligned_alloc(align, align);
    MUST(first != NULL && second != NULL && first != second);
    MUST(ALIGNED(first, align) && ALIGNED(second, align) && ALIGNED(first, 16));
    free(first);
    free(second);
  }
  return 0;
}

TEST(aligned_alloc_refuses_with_einval) {
  static const size_t wrong[] = {0, 3, 24, 100, SIZE_MAX};
  for (int i = 0; i < 5; i++) {
    errno = 0;
    MUST(aligned_alloc(wrong[i], 96) == NULL && errno == EINVAL);
  }
  return 0;
}

TEST(aligned_alloc_fails_with_enomem) {
  errno = 0;
  MUST(aligned_alloc(64, 0x20000000) == NULL && errno == ENOMEM);
  errno = 0;
  MUST(aligned_alloc(64, SIZE_MAX & -64) == NULL && errno == ENOMEM);
  return 0;
}

TEST(posix_memalign_stores_an_aligned_object) {
  for (size_t align = 4; align <= 1 << 20; align *= 2) {
    void *pointer = NULL;
    errno = 1234;
    MUST(posix_memalign(&pointer, align, 100) == 0 && errno == 1234);
    MUST(pointer != NULL && ALIGNED(pointer, align) && malloc_usable_size(pointer) >= 100);
    free(pointer);
  }
  return 0;
}

TEST(posix_memalign_of_nothing_is_an_object) {
  void *first = NULL, *second = NULL;
  MUST(posix_memalign(&first, 64, 0) == 0 && posix_memalign(&second, 64, 0) == 0);
  MUST(first != NULL && second != NULL && first != second);
  free(first);
  free(second);
  return 0;
}

TEST(posix_memalign_returns_einval) {
  static const size_t wrong[] = {0, 1, 2, 3, 12, 100, SIZE_MAX};
  void *pointer = (void *)0x1234;
  errno = 1234;
  for (int i = 0; i < 7; i++) MUST(posix_memalign(&pointer, wrong[i], 16) == EINVAL);
  MUST(pointer == (void *)0x1234 && errno == 1234);
  return 0;
}

TEST(posix_memalign_returns_enomem) {
  void *pointer = (void *)0x1234;
  errno = 1234;
  MUST(posix_memalign(&pointer, 64, 0x20000000) == ENOMEM);
  MUST(posix_memalign(&pointer, 64, SIZE_MAX) == ENOMEM);
  MUST(pointer == (void *)0x1234 && errno == 1234);
  return 0;
}

TEST(memalign_is_aligned_alloc) {
  void *pointer = memalign(256, 100);
  MUST(pointer != NULL && ALIGNED(pointer, 256));
  free(pointer);
  errno = 0;
  MUST(memalign(3, 100) == NULL && errno == EINVAL);
  return 0;
}

TEST(usable_size_may_be_written) {
  MUST(malloc_usable_size(NULL) == 0);
  for (size_t size = 0; size < 10000; size += 37) {
    void *pointer = malloc(size), *next = malloc(size);
    size_t usable = malloc_usable_size(pointer);
    MUST(usable >= size && usable >= 16);
    memset(next, 1, size);
    memset(pointer, 2, usable);
    for (size_t byte = 0; byte < size; byte++) MUST(((unsigned char *)next)[byte] == 1);
    free(pointer);
    free(next);
  }
  return 0;
}

TEST(libc_uses_the_same_malloc) {
  char *copy = strdup("from the C library");
  MUST(copy != NULL && malloc_usable_size(copy) >= 19 && strcmp(copy, "from the C library") == 0);
  free(copy);
  return 0;
}

/* Misuse: each is to be caught. */
#define MISUSE(name) __attribute__((export_name(#name))) int name(void)

MISUSE(double_free) {
  void *volatile pointer = malloc(100);
  free(pointer);
  free(pointer);
  return 0;
}

MISUSE(free_inside_an_object) {
  char *volatile pointer = malloc(100);
  free(pointer + 16);
  return 0;
}

MISUSE(free_of_static_data) {
  static char data[100];
  free((void *volatile)data);
  return 0;
}

MISUSE(free_of_nonsense) {
  free((void *volatile)0xfffffff0);
  return 0;
}

MISUSE(realloc_after_free) {
  void *volatile pointer = malloc(100);
  free(pointer);
  return realloc(pointer, 200) == NULL ? 0 : __LINE__;
}

MISUSE(usable_size_after_free) {
  void *volatile pointer = malloc(100);
  free(pointer);
  return malloc_usable_size(pointer) == 0 ? 0 : __LINE__;
}
