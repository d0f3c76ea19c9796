/** Writes beyond what is allocated and to what is freed, and reads of what was never written. */
import { FREED_BYTE, FRESH_BYTE } from "kmem/debug";
import { allowed, not, type Outcome, type Row, type Scene, sees, throws } from "../row.ts";

const NEIGHBOUR = not("the bytes are a neighbour's, or nobody's; the tables are out of reach");
const OWNERS = not("the bytes are nobody's, or their new owner's; the tables are out of reach");

/** A byte that is none of the patterns. */
const WRITTEN = 7;

/** Writes beside an allocation and frees it. */
function overflow(byteLength: number, first: number, count: number, found: string): Row {
  const size = byteLength > 8192 ? "large" : "small";
  const where = first < 0 ? "before" : "behind";
  const bytes = count === 1 ? "1 byte" : `${count} bytes`;
  // Of bytes that run up to the allocation, the farthest is the first that is found.
  return {
    group: "Overflow",
    name: `${bytes} ${where} a ${size} allocation`,
    misuse: (scene) => {
      scene.malloc("B", byteLength);
      const offset = scene.malloc("A", byteLength);
      scene.malloc("C", byteLength);
      scene.bytes.fill(WRITTEN, offset + first, offset + first + count);
      scene.heap.free(offset);
    },
    byDefault: NEIGHBOUR,
    inDebug: throws(
      "OVERFLOW",
      `write ${where} an allocation: byte ${found} of the ${byteLength} at offset A is 0x07, not 0xfd`,
    ),
  };
}

const OVERFLOWS: readonly Row[] = [
  overflow(100, 100, 1, "100"),
  overflow(100, 100, 8, "100"),
  overflow(100, -1, 1, "-1"),
  overflow(100, -8, 8, "-8"),
  overflow(20_000, 20_000, 1, "20000"),
  overflow(20_000, 20_000, 8, "20000"),
  overflow(20_000, -1, 1, "-1"),
  overflow(20_000, -8, 8, "-8"),
  {
    group: "Overflow",
    name: "1 byte behind an object of a cache",
    misuse: (scene) => {
      const cache = scene.heap.createCache({ name: "nodes", objectSize: 40 });
      const offset = scene.mark("A", cache.allocate());
      scene.bytes[offset + 40] = WRITTEN;
      cache.free(offset);
    },
    byDefault: NEIGHBOUR,
    inDebug: throws(
      "OVERFLOW",
      "write behind an allocation: byte 40 of the 40 at offset A is 0x07, not 0xfd",
    ),
  },
  {
    group: "Overflow",
    name: "found by `check()` while the allocation lives",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.bytes[offset + 100] = WRITTEN;
      scene.check();
    },
    byDefault: NEIGHBOUR,
    inDebug: throws(
      "OVERFLOW",
      "write behind an allocation: byte 100 of the 100 at offset A is 0x07, not 0xfd",
    ),
  },
  {
    group: "Overflow",
    name: "found by `realloc`",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.bytes[offset + 100] = WRITTEN;
      scene.heap.realloc(offset, 3000);
    },
    byDefault: NEIGHBOUR,
    inDebug: throws(
      "OVERFLOW",
      "write behind an allocation: byte 100 of the 100 at offset A is 0x07, not 0xfd",
    ),
  },
];

/** Frees an allocation, writes its fourth byte, and does what should find it. */
function writeAfterFree(name: string, byteLength: number, find: (scene: Scene) => void): Row {
  return {
    group: "Write after free",
    name,
    misuse: (scene) => {
      const offset = scene.malloc("A", byteLength);
      scene.heap.free(offset);
      scene.bytes[offset + 3] = WRITTEN;
      find(scene);
    },
    byDefault: OWNERS,
    inDebug: writtenFreed(byteLength),
  };
}

function writtenFreed(byteLength: number): Outcome {
  return throws(
    "USE_AFTER_FREE",
    `write to freed memory: byte 3 of the ${byteLength} at offset A is 0x07, not 0xdd`,
  );
}

const WRITES_AFTER_FREE: readonly Row[] = [
  writeAfterFree("a small allocation, found by `check()`", 100, (scene) => scene.check()),
  writeAfterFree("a large allocation, found by `check()`", 20_000, (scene) => scene.check()),
  writeAfterFree("a small allocation, found when it leaves the quarantine", 100, (scene) => scene.churn()),
  writeAfterFree("a large allocation, found when it leaves the quarantine", 20_000, (scene) => scene.churn()),
  {
    group: "Write after free",
    name: "after the quarantine, found when the place is used again",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.heap.free(offset);
      scene.churn();
      scene.bytes[offset + 3] = WRITTEN;
      scene.heap.malloc(100);
    },
    byDefault: OWNERS,
    inDebug: writtenFreed(100),
  },
  {
    group: "Write after free",
    name: "after reuse: to the first bytes, where the place is another's",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.heap.free(offset);
      const next = scene.mallocAgain("B", 100, offset);
      scene.bytes[offset + 3] = WRITTEN;
      scene.heap.free(next);
    },
    byDefault: OWNERS,
    inDebug: throws(
      "OVERFLOW",
      "write before an allocation: byte -13 of the 100 at offset B is 0x07, not 0xfd",
    ),
  },
  {
    group: "Write after free",
    name: "after reuse: further in, where the place is another's",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.heap.free(offset);
      const next = scene.mallocAgain("B", 100, offset);
      scene.bytes[offset + 50] = WRITTEN;
      scene.heap.free(next);
    },
    byDefault: OWNERS,
    inDebug: not("the byte is the new owner's, who may write it; a larger quarantine makes it later"),
  },
];

const READS: readonly Row[] = [
  {
    group: "Read",
    name: "of freed memory",
    misuse: (scene) => {
      const offset = scene.malloc("A", 100);
      scene.bytes.fill(WRITTEN, offset, offset + 100);
      scene.heap.free(offset);
      return scene.bytes[offset + 50];
    },
    byDefault: not("the old bytes are read"),
    inDebug: sees(FREED_BYTE, "each byte reads 0xdd"),
  },
  {
    group: "Read",
    name: "of freed memory, large",
    misuse: (scene) => {
      const offset = scene.malloc("A", 20_000);
      scene.bytes.fill(WRITTEN, offset, offset + 20_000);
      scene.heap.free(offset);
      return scene.bytes[offset + 19_999];
    },
    byDefault: not("the old bytes are read"),
    inDebug: sees(FREED_BYTE, "each byte reads 0xdd"),
  },
  {
    group: "Read",
    name: "of memory that was never written",
    misuse: (scene) => {
      const before = scene.heap.malloc(100);
      scene.bytes.fill(WRITTEN, before, before + 100);
      scene.heap.free(before);
      return scene.bytes[scene.heap.malloc(100) + 50];
    },
    byDefault: not("an earlier owner's bytes are read"),
    inDebug: sees(FRESH_BYTE, "each byte reads 0xcd"),
  },
  {
    group: "Read",
    name: "of memory that was never written, large",
    misuse: (scene) => scene.bytes[scene.heap.malloc(20_000) + 19_999],
    byDefault: not("an earlier owner's bytes, or zeros, are read"),
    inDebug: sees(FRESH_BYTE, "each byte reads 0xcd"),
  },
  {
    group: "Read",
    name: "of what `calloc` gave, or `malloc` with the option `zero`",
    misuse: (scene) => scene.bytes[scene.heap.calloc(10, 10) + 99],
    byDefault: allowed("it is zero"),
    inDebug: allowed("it is zero"),
  },
];

export const WRITE_ROWS: readonly Row[] = [...OVERFLOWS, ...WRITES_AFTER_FREE, ...READS];
