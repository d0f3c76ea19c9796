/*
 * A cache of texts, such as a server has: a hash table whose entries are replaced by others of any length. It knows
 * malloc and free, and nothing of what is behind them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 65536

typedef struct entry {
  struct entry *next;
  uint32_t key;
  char *text;
} entry;

static entry *buckets[BUCKETS];
static uint32_t state = 1;

static uint32_t below(uint32_t count) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return (uint32_t)(((uint64_t)state * count) >> 32);
}

static entry **find(uint32_t key) {
  entry **place = &buckets[key * 2654435761u >> 16];
  while (*place != NULL && (*place)->key != key) place = &(*place)->next;
  return place;
}

static char *make_text(uint32_t key) {
  uint32_t length = 8 + below(1 + below(800));
  char *text = malloc(length + 1);
  memset(text, 'a' + key % 26, length);
  text[length] = 0;
  return text;
}

/* Serves so many requests for `keys` different keys, and returns a checksum of what was found. */
__attribute__((export_name("serve"))) uint32_t serve(uint32_t requests, uint32_t keys) {
  uint32_t sum = 0;
  for (uint32_t request = 0; request < requests; request++) {
    uint32_t key = below(keys);
    entry **place = find(key);
    if (*place == NULL) {
      *place = calloc(1, sizeof(entry));
      (*place)->key = key;
      (*place)->text = make_text(key);
    } else if (below(4) == 0) {
      /* Out of date: another text takes its place. */
      free((*place)->text);
      (*place)->text = make_text(key);
    } else if (below(16) == 0) {
      entry *dropped = *place;
      *place = dropped->next;
      free(dropped->text);
      free(dropped);
    } else {
      sum = sum * 31 + (uint32_t)(*place)->text[0] + key;
    }
  }
  return sum;
}
