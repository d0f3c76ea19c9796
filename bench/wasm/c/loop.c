/*
 * A loop of malloc and free: a steady number of live objects of 16 to 1,024 bytes, of which again and again one, chosen
 * at random, is freed and another allocated in its place. The same sizes as the benchmarks of this folder's neighbour.
 */
#include <emscripten.h>
#include <stdint.h>
#include <stdlib.h>

#define MAX_LIVE 1000000

static void *live[MAX_LIVE];
static uint32_t state = 1;

static uint32_t below(uint32_t count) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return (uint32_t)(((uint64_t)state * count) >> 32);
}

static uint32_t random_size(void) {
  uint32_t power = 16u << below(8);
  uint32_t size = power + below(power);
  return size < 1024 ? size : 1024;
}

EMSCRIPTEN_KEEPALIVE void fill(int count) {
  for (int i = 0; i < count; i++) live[i] = malloc(random_size());
}

EMSCRIPTEN_KEEPALIVE void drain(int count) {
  for (int i = 0; i < count; i++) free(live[i]);
}

/* Frees and allocates `pairs` times among `count` live objects; `writes`: writes the first word of each. */
EMSCRIPTEN_KEEPALIVE void replace(int count, int pairs, int writes) {
  for (int i = 0; i < pairs; i++) {
    uint32_t slot = below(count);
    free(live[slot]);
    live[slot] = malloc(random_size());
    if (writes) *(uint32_t *)live[slot] = i;
  }
}

/* The same without the allocator: what the loop itself costs. */
EMSCRIPTEN_KEEPALIVE uint32_t only_loop(int count, int pairs) {
  uint32_t sum = 0;
  for (int i = 0; i < pairs; i++) sum += below(count) + random_size();
  return sum;
}

/* One object, freed at once: the best case of every allocator. */
EMSCRIPTEN_KEEPALIVE void same_again(int size, int pairs) {
  for (int i = 0; i < pairs; i++) {
    void *volatile pointer = malloc(size);
    free(pointer);
  }
}
