/*
 * Replays an operation stream through malloc and free of this process: those of the C library, or
 * those of the library named in LD_PRELOAD. The twin of src/child/: same stream, same loop, same
 * output. The stream's layout is described in src/stream/layout.ts.
 *
 *   replay time   (allocator|baseline) STREAM WARMUP_ROUNDS TIMED_ROUNDS COLUMN[,COLUMN]
 *   replay memory (allocator|baseline) STREAM
 *   replay latency (allocator|baseline) STREAM WARMUP_ROUNDS TIMED_ROUNDS
 *
 * A column is `write` (the first word of each object is written) or `plain`. `baseline` runs the
 * same loop with the calls of the allocator left out. One JSON document goes to standard output.
 *
 * The harness's own memory comes from mmap and is touched before the first operation, so that the
 * heap under test holds what the stream asks for and nothing else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEADER_WORDS = 12, OPERATION_WORDS = 2, KIND_BITS = 3, KIND_MASK = 7, ALIGNED_SIZE_BITS = 24 };
enum { KIND_FREE = 0, KIND_MALLOC = 1, KIND_CALLOC = 2, KIND_REALLOC = 3, KIND_ALIGNED = 4 };
enum { MAGIC = 0x504f4d4b, VERSION = 2 };
enum { MAX_ROUNDS = 1000, MEMORY_SAMPLES = 256, BASELINE_BYTES = 4096, FILL = 0xa5 };

struct stream {
  const int32_t *operations;
  uint32_t slot_count;
  size_t setup_count, round_count, teardown_count, peak_index;
};

static void fail(const char *what) {
  fprintf(stderr, "replay: %s\n", what);
  exit(1);
}

static void *map_zeroed(size_t bytes) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (at == MAP_FAILED) fail("cannot map the harness's own memory");
  return at;
}

static struct stream read_stream(const char *path) {
  int file = open(path, O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) fail("cannot open the stream");
  const int32_t *words = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (words == MAP_FAILED || (size_t)status.st_size < HEADER_WORDS * sizeof(int32_t)) fail("cannot read the stream");
  close(file);
  if (words[0] != MAGIC || words[1] != VERSION) fail("not an operation stream of this version");
  struct stream stream = {words + HEADER_WORDS, words[2], words[3], words[4], words[5], words[6]};
  size_t operation_count = stream.setup_count + stream.round_count + stream.teardown_count;
  if ((size_t)status.st_size != (HEADER_WORDS + OPERATION_WORDS * operation_count) * sizeof(int32_t))
    fail("the stream is cut short");
  return stream;
}

/* FNV-1a, over words in place of bytes. */
static uint32_t add_to_checksum(uint32_t checksum, int32_t word) { return (checksum ^ (uint32_t)word) * 16777619u; }

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static int32_t baseline_bytes[BASELINE_BYTES / sizeof(int32_t)];
static volatile uintptr_t baseline_sink;

/* The calls that are rare: hardly one in thirty. */
static inline void *allocate_otherwise(int kind, void *old, uint32_t argument) {
  if (kind == KIND_REALLOC) return realloc(old, argument);
  return memalign((size_t)1 << (argument >> ALIGNED_SIZE_BITS), argument & ((1 << ALIGNED_SIZE_BITS) - 1));
}

/* Whatever the operation is, but a free. */
static inline __attribute__((always_inline)) void *allocate(int kind, void *old, uint32_t argument) {
  if (kind == KIND_MALLOC) return malloc(argument);
  if (kind == KIND_CALLOC) return calloc(1, argument);
  return allocate_otherwise(kind, old, argument);
}

/*
 * The measured loop. `write` and `baseline` are constants at each call, so each of the four forms
 * compiles to a loop of its own.
 */
static inline __attribute__((always_inline)) void run(const int32_t *operations, size_t count, void **live,
                                                      const int write, const int baseline) {
  uintptr_t sink = 0;
  for (size_t at = 0; at < count * OPERATION_WORDS; at += OPERATION_WORDS) {
    int32_t head = operations[at];
    uint32_t slot = (uint32_t)head >> KIND_BITS;
    int kind = head & KIND_MASK;
    if (kind == KIND_FREE) {
      if (baseline) sink += (uintptr_t)live[slot];
      else free(live[slot]);
    } else {
      uint32_t argument = operations[at + 1];
      int32_t *object;
      if (baseline) object = &baseline_bytes[(argument & (BASELINE_BYTES - 1)) >> 2];
      else object = allocate(kind, live[slot], argument);
      if (write) *object = (int32_t)slot;
      live[slot] = object;
    }
  }
  if (baseline) baseline_sink = sink;
}

static __attribute__((noinline)) void run_write(const int32_t *o, size_t n, void **live) { run(o, n, live, 1, 0); }
static __attribute__((noinline)) void run_plain(const int32_t *o, size_t n, void **live) { run(o, n, live, 0, 0); }
static __attribute__((noinline)) void run_write_baseline(const int32_t *o, size_t n, void **live) { run(o, n, live, 1, 1); }
static __attribute__((noinline)) void run_plain_baseline(const int32_t *o, size_t n, void **live) { run(o, n, live, 0, 1); }
typedef void runner(const int32_t *operations, size_t count, void **live);

static void print_allocator(int baseline) {
  Dl_info info;
  const char *name = !baseline && dladdr((void *)(uintptr_t)malloc, &info) && info.dli_fname ? info.dli_fname : "none";
  printf("{\"allocator\":\"%s\"", name);
}

static void print_stream_seen(struct stream stream, size_t operation_count) {
  size_t word_count = (stream.setup_count + stream.round_count + stream.teardown_count) * OPERATION_WORDS;
  uint32_t checksum = 2166136261u;
  for (size_t i = 0; i < word_count; i++) checksum = add_to_checksum(checksum, stream.operations[i]);
  printf(",\"checksum\":%u,\"operationCount\":%zu", checksum, operation_count);
}

/* Nanoseconds of each timed round, per column, in the order in which the columns are named. */
static void measure_time(struct stream stream, int baseline, int warmup_rounds, int timed_rounds, char *columns) {
  if (timed_rounds > MAX_ROUNDS) fail("too many rounds");
  void **live = map_zeroed(stream.slot_count * sizeof(void *));
  static double round_ns[MAX_ROUNDS];
  const int32_t *round = stream.operations + stream.setup_count * OPERATION_WORDS;
  const int32_t *teardown = round + stream.round_count * OPERATION_WORDS;
  size_t done = stream.setup_count;
  print_allocator(baseline);
  (baseline ? run_write_baseline : run_write)(stream.operations, stream.setup_count, live);
  printf(",\"roundsNs\":{");
  for (char *column = strtok(columns, ","), *first = column; column; column = strtok(NULL, ",")) {
    int write = strcmp(column, "write") == 0;
    runner *loop = baseline ? (write ? run_write_baseline : run_plain_baseline) : (write ? run_write : run_plain);
    for (int i = 0; i < warmup_rounds + timed_rounds; i++) {
      double start = now_ns();
      loop(round, stream.round_count, live);
      if (i >= warmup_rounds) round_ns[i - warmup_rounds] = now_ns() - start;
      loop(teardown, stream.teardown_count, live);
    }
    done += (size_t)(warmup_rounds + timed_rounds) * (stream.round_count + stream.teardown_count);
    printf("%s\"%s\":[", column == first ? "" : ",", column);
    for (int i = 0; i < timed_rounds; i++) printf("%s%.0f", i ? "," : "", round_ns[i]);
    printf("]");
  }
  printf("}");
  print_stream_seen(stream, done);
  printf("}\n");
}

/* Bytes of this process that are resident and not backed by a file, counted page by page by the kernel. */
static size_t read_anonymous_bytes(void) {
  static char text[4096];
  int file = open("/proc/self/smaps_rollup", O_RDONLY);
  if (file < 0) fail("cannot read /proc/self/smaps_rollup");
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = 0;
  const char *line = strstr(text, "\nAnonymous:");
  if (!line) fail("no Anonymous line in /proc/self/smaps_rollup");
  return strtoull(line + strlen("\nAnonymous:"), NULL, 10) * 1024;
}

/*
 * The set-up and one round, each object written in full. Resident memory is sampled at
 * MEMORY_SAMPLES places and at the operation after which the payload is largest.
 */
static void measure_memory(struct stream stream, int baseline) {
  void **live = map_zeroed(stream.slot_count * sizeof(void *));
  uint32_t *sizes = map_zeroed(stream.slot_count * sizeof(uint32_t));
  size_t count = stream.setup_count + stream.round_count;
  size_t stride = count / MEMORY_SAMPLES + 1;
  size_t payload = 0, peak_payload = 0, peak_footprint = 0;
  for (size_t i = 0; i < count; i++) {
    int32_t head = stream.operations[i * OPERATION_WORDS];
    uint32_t slot = (uint32_t)head >> KIND_BITS, kind = head & KIND_MASK;
    uint32_t argument = stream.operations[i * OPERATION_WORDS + 1];
    uint32_t size = kind == KIND_ALIGNED ? argument & ((1 << ALIGNED_SIZE_BITS) - 1) : argument;
    if (!baseline) {
      if (kind == KIND_FREE) free(live[slot]);
      else {
        live[slot] = allocate(kind, live[slot], argument);
        memset(live[slot], FILL, size);
      }
    }
    payload = payload - sizes[slot] + size; /* of a free, size is 0 */
    sizes[slot] = size;
    if (payload > peak_payload) peak_payload = payload;
    if (i % stride == 0 || i == stream.peak_index) {
      size_t footprint = read_anonymous_bytes();
      if (footprint > peak_footprint) peak_footprint = footprint;
    }
  }
  print_allocator(baseline);
  print_stream_seen(stream, count);
  printf(",\"peakPayloadBytes\":%zu,\"peakFootprintBytes\":%zu}\n", peak_payload, peak_footprint);
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/*
 * Each operation of TIMED_ROUNDS rounds timed by itself, the clock's own cost included, after WARMUP_ROUNDS rounds of the
 * same. Sorted at the end, since qsort allocates.
 */
static void measure_latency(struct stream stream, int baseline, int warmup_rounds, int timed_rounds) {
  void **live = map_zeroed(stream.slot_count * sizeof(void *));
  size_t count = stream.round_count;
  double *all_times = map_zeroed(timed_rounds * count * sizeof(double));
  runner *loop = baseline ? run_write_baseline : run_write;
  const int32_t *round = stream.operations + stream.setup_count * OPERATION_WORDS;
  const int32_t *teardown = round + count * OPERATION_WORDS;
  loop(stream.operations, stream.setup_count, live);
  for (int i = 0; i < warmup_rounds + timed_rounds; i++) {
    double *times = all_times + (i < warmup_rounds ? 0 : i - warmup_rounds) * count;
    for (size_t at = 0; at < count; at++) {
      double start = now_ns();
      loop(round + at * OPERATION_WORDS, 1, live);
      times[at] = now_ns() - start;
    }
    loop(teardown, stream.teardown_count, live);
  }
  print_allocator(baseline);
  printf(",\"rounds\":[");
  for (int i = 0; i < timed_rounds; i++) {
    double *times = all_times + i * count;
    qsort(times, count, sizeof(double), compare_doubles);
    printf("%s{\"p50Ns\":%.0f,\"p99Ns\":%.0f,\"p9999Ns\":%.0f,\"maxNs\":%.0f", i ? "," : "", times[(count - 1) / 2],
           times[(size_t)(0.99 * (count - 1))], times[(size_t)(0.9999 * (count - 1))], times[count - 1]);
    printf(",\"maxOutsideCollectorNs\":%.0f,\"collectionCount\":0,\"collectionNs\":0}", times[count - 1]);
  }
  printf("]");
  print_stream_seen(stream, stream.setup_count + (warmup_rounds + timed_rounds) * (count + stream.teardown_count));
  printf("}\n");
}

int main(int argc, char **argv) {
  if (argc < 4) fail("usage: replay (time|memory|latency) (allocator|baseline) STREAM [WARMUP [TIMED COLUMNS]]");
  static char output[4096];
  setvbuf(stdout, output, _IOFBF, sizeof output); /* or printf would take its buffer from the heap under test */
  int baseline = strcmp(argv[2], "baseline") == 0;
  struct stream stream = read_stream(argv[3]);
  if (strcmp(argv[1], "memory") == 0) measure_memory(stream, baseline);
  else if (strcmp(argv[1], "latency") == 0 && argc == 6)
    measure_latency(stream, baseline, atoi(argv[4]), atoi(argv[5]));
  else if (argc == 7) measure_time(stream, baseline, atoi(argv[4]), atoi(argv[5]), argv[6]);
  else fail("latency needs WARMUP_ROUNDS TIMED_ROUNDS, time COLUMNS as well");
  return 0;
}
