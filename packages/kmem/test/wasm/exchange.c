/*
 * A program that several threads run on one memory, each in an instance of its own: it allocates, writes, and puts what
 * it made into cells that all of them see, from which it takes, verifies and frees what another one has made.
 */
#include <stddef.h>
#include <stdint.h>

#define IMPORTED(name) __attribute__((import_module("kmem"), import_name(#name)))
#define EXPORTED(name) __attribute__((export_name(#name))) name

IMPORTED(malloc) void *malloc(size_t size);
IMPORTED(calloc) void *calloc(size_t count, size_t size);
IMPORTED(realloc) void *realloc(void *pointer, size_t size);
IMPORTED(free) void free(void *pointer);

#define CELLS 256

/* An object: its length in words with this one, its maker, and words that follow from both. */
typedef struct { uint32_t words, maker, rest[]; } object;

static object *cells[CELLS];

static uint32_t below(uint32_t *state, uint32_t count) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state % count;
}

static object *make(uint32_t *state, uint32_t maker) {
  uint32_t words = 2 + below(state, below(state, 20) == 0 ? 5000 : 200);
  object *made;
  switch (below(state, 3)) {
    case 0: made = malloc(4 * words); break;
    case 1:
      made = calloc(words, 4);
      for (uint32_t i = 0; made && i < words - 2; i++) if (made->rest[i] != 0) return NULL;
      break;
    default: made = realloc(malloc(8), 4 * words);
  }
  if (!made) return NULL;
  made->words = words;
  made->maker = maker;
  for (uint32_t i = 0; i < words - 2; i++) made->rest[i] = words * 31 + maker + i;
  return made;
}

static int is_whole(const object *found) {
  for (uint32_t i = 0; i < found->words - 2; i++)
    if (found->rest[i] != found->words * 31 + found->maker + i) return 0;
  return 1;
}

/* How many of the objects that this thread freed another one had made. */
static uint32_t foreign;

/* How many threads have come so far: all begin at the same time. */
static int started;

/* Returns the number of rounds in which all was well. `threads` of them run at the same time. */
int EXPORTED(exchange)(uint32_t maker, int rounds, int threads) {
  __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&started, __ATOMIC_SEQ_CST) < threads) continue;
  uint32_t state = 12345 + maker;
  for (int round = 0; round < rounds; round++) {
    object *made = make(&state, maker);
    if (!made) return round;
    object *found = __atomic_exchange_n(&cells[below(&state, CELLS)], made, __ATOMIC_SEQ_CST);
    if (!found) continue;
    if (!is_whole(found)) return round;
    if (found->maker != maker) __atomic_fetch_add(&foreign, 1, __ATOMIC_SEQ_CST);
    free(found);
  }
  return rounds;
}

int EXPORTED(count_foreign)(void) { return foreign; }

/* Frees what lies in the cells. */
void EXPORTED(clear)(void) {
  for (int i = 0; i < CELLS; i++) {
    free(cells[i]);
    cells[i] = NULL;
  }
}
