/*
 * The patterns of scenario.ts with threads, on whatever allocator LD_PRELOAD puts in.
 *
 *   threads own|ring THREADS MILLISECONDS      prints pairs of one malloc and one free a second, of all threads
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LIVE_COUNT = 1000, RING_COUNT = 4096, RING_BATCH = 32, CHUNK = 4096, TABLE_SIZE = 65536, MAX_THREADS = 64 };

static _Alignas(64) atomic_int go;
static _Alignas(64) atomic_int stop;
static _Alignas(64) atomic_uint head_shown;
static _Alignas(64) atomic_uint tail_shown;
static void *ring[RING_COUNT];
static int is_ring;
static int thread_count;

struct worker {
  _Alignas(64) pthread_t thread;
  int index;
  uint16_t sizes[TABLE_SIZE];
  uint16_t victims[TABLE_SIZE];
  void *live[LIVE_COUNT];
  uint32_t at;
  uint32_t head;
  uint32_t tail;
  uint32_t idle_looks;
  double rate;
};

static uint32_t next_random(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15u;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double replace_some(struct worker *w) {
  for (int count = 0; count < CHUNK; count++) {
    w->at = (w->at + 1) % TABLE_SIZE;
    void **victim = &w->live[w->victims[w->at]];
    free(*victim);
    *victim = malloc(w->sizes[w->at]);
  }
  return CHUNK;
}

/* Sleeps for 50 microseconds when there was nothing to move 100 times: well below a ring's worth of work. */
static void rest(struct worker *w, uint32_t count) {
  if (count > 0) w->idle_looks = 0;
  else if (++w->idle_looks > 100) usleep(50);
}

static double produce_some(struct worker *w) {
  uint32_t room = RING_COUNT - (w->head - atomic_load(&tail_shown));
  uint32_t count = room < CHUNK ? room : CHUNK;
  for (uint32_t left = count; left > 0; left--) {
    w->at = (w->at + 1) % TABLE_SIZE;
    ring[w->head % RING_COUNT] = malloc(w->sizes[w->at]);
    if (++w->head % RING_BATCH == 0) atomic_store(&head_shown, w->head);
  }
  atomic_store(&head_shown, w->head);
  rest(w, count);
  return 0.5 * count;
}

static double consume_some(struct worker *w) {
  uint32_t filled = atomic_load(&head_shown) - w->tail;
  uint32_t count = filled < CHUNK ? filled : CHUNK;
  for (uint32_t left = count; left > 0; left--) {
    free(ring[w->tail % RING_COUNT]);
    if (++w->tail % RING_BATCH == 0) atomic_store(&tail_shown, w->tail);
  }
  atomic_store(&tail_shown, w->tail);
  rest(w, count);
  return 0.5 * count;
}

static double do_some(struct worker *w) {
  if (!is_ring) return replace_some(w);
  if (thread_count == 1) return produce_some(w) + consume_some(w);
  return w->index % 2 == 0 ? produce_some(w) : consume_some(w);
}

static void *run(void *argument) {
  struct worker *w = argument;
  uint64_t state = (uint64_t)w->index + 1;
  for (int i = 0; i < TABLE_SIZE; i++) {
    w->sizes[i] = (uint16_t)(16 + next_random(&state) % (1024 - 16 + 1));
    w->victims[i] = (uint16_t)(next_random(&state) % LIVE_COUNT);
  }
  if (!is_ring) for (int i = 0; i < LIVE_COUNT; i++) w->live[i] = malloc(w->sizes[i]);
  for (int period = 1; period <= 2; period++) {
    while (atomic_load(&go) < period) usleep(100);
    double pairs = 0;
    double start = now();
    while (atomic_load(&stop) < period) pairs += do_some(w);
    w->rate = pairs / (now() - start);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: threads own|ring THREADS MILLISECONDS\n"), 2;
  is_ring = strcmp(argv[1], "ring") == 0;
  thread_count = atoi(argv[2]);
  useconds_t period_us = 1000u * (useconds_t)atoi(argv[3]);
  if (thread_count < 1 || thread_count > MAX_THREADS) return fprintf(stderr, "threads: 1 to 64 threads\n"), 2;
  struct worker *workers = aligned_alloc(64, (size_t)thread_count * sizeof *workers);
  memset(workers, 0, (size_t)thread_count * sizeof *workers);
  for (int i = 0; i < thread_count; i++) {
    workers[i].index = i;
    if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0) return perror("threads"), 1;
  }
  for (int period = 1; period <= 2; period++) {
    usleep(20000);
    atomic_store(&go, period);
    usleep(period_us);
    atomic_store(&stop, period);
  }
  double rate = 0;
  for (int i = 0; i < thread_count; i++) {
    pthread_join(workers[i].thread, NULL);
    rate += workers[i].rate;
  }
  printf("%.0f\n", rate);
  return 0;
}
