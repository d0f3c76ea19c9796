import { AllocError, type AllocErrorCode, OutOfMemoryError, SharedHeap, type SharedHeapHandle } from "kmem";
import { describe, expect, test } from "vitest";
import { wasmMemory } from "../model/backings.ts";
import {
  expectAllocError,
  expectArgumentError,
  NO_INTEGERS,
  NO_POWERS_OF_TWO,
  PAGE,
} from "../errors/helpers.ts";

const DETACHED = "this thread is not attached to the shared heap any more";

/** Two threads of one heap, each with an object. */
function makePair(options = {}): { first: SharedHeap; second: SharedHeap; offsets: [number, number] } {
  const first = SharedHeap.create({ size: 64 * PAGE, maxThreads: 3, ...options });
  const second = SharedHeap.attach(first.handle);
  return { first, second, offsets: [first.malloc(100), second.malloc(100)] };
}

/** Takes the lock for a thread that will never give it back: what a thread leaves that is killed with the lock. */
function holdLock(heap: SharedHeap): void {
  heap["lock"].acquire();
}

describe("SharedHeap.create", () => {
  test.each(NO_INTEGERS)("a size of %s", (shown, size) => {
    const misuse = (): unknown => SharedHeap.create({ size: size as number });
    expect(misuse).toThrow(`size must be an integer from 1 to 4294967296, got ${shown}`);
    expect(misuse).toThrow(typeof size === "number" ? RangeError : TypeError);
  });

  test("without a size, a buffer or a memory", () => {
    const misuse = (): unknown => SharedHeap.create({});
    expect(misuse).toThrow(new TypeError("size must be an integer from 1 to 4294967296, got undefined"));
  });

  test("a size beyond 4 GiB from the base on", () => {
    const misuse = (): unknown => SharedHeap.create({ size: 2 ** 32, base: PAGE });
    expect(misuse).toThrow(new RangeError("base must be an integer from 0 to 0, got 4096"));
  });

  test("a maxSize below the size", () => {
    const misuse = (): unknown => SharedHeap.create({ size: 8 * PAGE, maxSize: 4 * PAGE });
    expect(misuse).toThrow(new RangeError("maxSize must be an integer from 32768 to 4294967296, got 16384"));
  });

  test("a size below a page", () => {
    const misuse = (): unknown => SharedHeap.create({ size: 100 });
    expect(misuse).toThrow(RangeError);
  });

  test.each([
    ["maxThreads", 1, 254],
    ["maxCaches", 0, 512],
    ["stallMs", 1, 2 ** 30],
    ["pageSize", 512, 2 ** 20],
  ])("a %s out of range", (name, min, max) => {
    for (const value of [min - 1, max + 1, min + 0.5, NaN]) {
      const misuse = (): unknown => SharedHeap.create({ size: 2 ** 21, [name]: value });
      expect(misuse).toThrow(
        new RangeError(`${name} must be an integer from ${min} to ${max}, got ${value}`),
      );
    }
  });

  test.each(NO_POWERS_OF_TWO.filter(([, value]) => Number(value) >= 512))(
    "a page of %s bytes",
    (_, pageSize) => {
      expect(() => SharedHeap.create({ size: 2 ** 21, pageSize: pageSize as number })).toThrow(RangeError);
    },
  );

  test("a page that is no power of two", () => {
    const misuse = (): unknown => SharedHeap.create({ size: 2 ** 21, pageSize: 1000 });
    expect(misuse).toThrow(new RangeError("pageSize must be a power of two, got 1000"));
  });

  test("a buffer that is not shared", () => {
    const buffer = new ArrayBuffer(PAGE) as unknown as SharedArrayBuffer;
    expect(() => SharedHeap.create({ buffer })).toThrow(
      new TypeError("buffer must be a SharedArrayBuffer, got [object ArrayBuffer]"),
    );
  });

  test("a memory that is not shared", () => {
    const memory = wasmMemory({ initial: 1, maximum: 2 });
    expect(() => SharedHeap.create({ memory })).toThrow(
      new TypeError("memory must be a shared WebAssembly.Memory, got [object WebAssembly.Memory]"),
    );
  });

  test("a buffer and a memory", () => {
    const memory = wasmMemory({ initial: 1, maximum: 2, shared: true });
    expect(() => SharedHeap.create({ memory, buffer: new SharedArrayBuffer(PAGE) })).toThrow(
      new TypeError("give buffer or memory, not both"),
    );
  });
});

/** Words of the tables' header, as `src/shared/layout.ts` has them. */
const WORD = { magic: 0, version: 1, maxPages: 4, maxThreads: 5, checksum: 9 } as const;

describe("SharedHeap.attach, a handle", () => {
  /** Expects `INVALID_HANDLE`, and not a byte of what the handle names changed. */
  function expectRefused(handle: unknown, message: string): void {
    const { tables, buffer } = (handle ?? {}) as Partial<SharedHeapHandle>;
    const bytes = (): Buffer[] =>
      [tables, buffer]
        .filter((each) => each instanceof SharedArrayBuffer)
        .map((each) => Buffer.from(each.slice(0)));
    const before = bytes();
    let thrown: unknown;
    try {
      SharedHeap.attach(handle as SharedHeapHandle);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "AllocError", code: "INVALID_HANDLE", message });
    expect(bytes()).toEqual(before);
  }

  function make(): SharedHeap {
    return SharedHeap.create({ size: 8 * PAGE, maxThreads: 2, maxCaches: 1 });
  }

  /** A handle on a copy of a new heap's tables, one word of which is changed. */
  function damaged(word: number, change: (value: number) => number): SharedHeapHandle {
    const { handle } = make();
    const words = new Int32Array(handle.tables);
    words[word] = change(words[word]!);
    return handle;
  }

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a number", 7],
    ["a string", "kmem-shared-heap"],
    ["an empty object", {}],
    ["a buffer", new SharedArrayBuffer(PAGE)],
    ["another format", { format: "kmem-shared-pool", tables: new SharedArrayBuffer(PAGE) }],
    ["no tables", { format: "kmem-shared-heap" }],
    ["tables that are not shared", { format: "kmem-shared-heap", tables: new ArrayBuffer(PAGE) }],
    [
      "a view for tables",
      { format: "kmem-shared-heap", tables: new Int32Array(new SharedArrayBuffer(PAGE)) },
    ],
  ])("that is %s", (_, handle) => {
    expectRefused(handle, "cannot attach: it is not the handle of a shared heap");
  });

  test("with tables of a few bytes", () => {
    const tables = new SharedArrayBuffer(127);
    expectRefused({ ...make().handle, tables }, "cannot attach: its tables are too short");
  });

  test("with tables of zeros", () => {
    const tables = new SharedArrayBuffer(make().handle.tables.byteLength);
    expectRefused({ ...make().handle, tables }, "cannot attach: its tables are not those of a shared heap");
  });

  test("with tables of another version", () => {
    const handle = damaged(WORD.version, (version) => version + 1);
    expectRefused(handle, "cannot attach: its tables are of version 4, this is version 3");
  });

  test.each(["maxPages", "maxThreads", "checksum"] as const)("whose %s is damaged", (name) => {
    const handle = damaged(WORD[name], (value) => value ^ 1);
    expectRefused(handle, "cannot attach: its tables are damaged");
  });

  test("with tables that are cut off", () => {
    const { handle } = make();
    const { byteLength } = handle.tables;
    const tables = new SharedArrayBuffer(byteLength - 64);
    new Uint8Array(tables).set(new Uint8Array(handle.tables, 0, byteLength - 64));
    const message = `cannot attach: its tables have ${byteLength - 64} bytes, not ${byteLength}`;
    expectRefused({ ...handle, tables }, message);
  });

  const UNREACHED = `cannot attach: its bytes do not reach offset ${8 * PAGE}, or cannot grow as far as its tables do`;

  test("without bytes", () => {
    const { format, tables } = make().handle;
    expectRefused({ format, tables }, UNREACHED);
  });

  test("with bytes that are not shared", () => {
    expectRefused(
      { ...make().handle, buffer: new ArrayBuffer(8 * PAGE) },
      "cannot attach: its bytes are not shared",
    );
  });

  test("with a memory that is not shared", () => {
    const { format, tables } = make().handle;
    const memory = wasmMemory({ initial: 1, maximum: 1 });
    expectRefused({ format, tables, memory }, "cannot attach: its bytes are not shared");
  });

  test("with bytes that are too short", () => {
    expectRefused({ ...make().handle, buffer: new SharedArrayBuffer(8 * PAGE - 1) }, UNREACHED);
  });

  test("with bytes that cannot grow as far as the heap may", () => {
    const { handle } = SharedHeap.create({ size: 8 * PAGE, maxSize: 16 * PAGE });
    const buffer = new SharedArrayBuffer(8 * PAGE, { maxByteLength: 15 * PAGE });
    expectRefused({ ...handle, buffer }, UNREACHED);
  });

  test("with a memory that is too short", () => {
    const { handle } = SharedHeap.create({
      memory: wasmMemory({ initial: 2, maximum: 2, shared: true }),
      maxSize: 131_072,
    });
    const memory = wasmMemory({ initial: 1, maximum: 2, shared: true });
    expectRefused(
      { ...handle, memory },
      "cannot attach: its bytes do not reach offset 131072, or cannot grow as far as its tables do",
    );
  });
});

describe("a thread's number", () => {
  const ADVICE = "detach one, or recover one that died (with trackOwners, free what it owned as well)";

  test("more threads than maxThreads", () => {
    const { first } = makePair();
    SharedHeap.attach(first.handle);
    expectAllocError(first, () => SharedHeap.attach(first.handle), {
      code: "TOO_MANY_THREADS",
      message: `all 3 threads of the heap are attached; ${ADVICE}`,
      offset: -1,
    });
  });

  test("one that is taken", () => {
    const { first } = makePair();
    expectAllocError(first, () => SharedHeap.attach(first.handle, { threadId: 1 }), {
      code: "TOO_MANY_THREADS",
      message: `thread 1 is taken; ${ADVICE}`,
      offset: -1,
    });
  });

  test.each([-1, 3, 0.5, NaN])("%s", (threadId) => {
    const { first } = makePair();
    expectArgumentError(
      first,
      () => SharedHeap.attach(first.handle, { threadId }),
      threadId,
      `threadId must be an integer from 0 to 2, got ${threadId}`,
    );
  });
});

describe("after detach", () => {
  /** Calls that a user may make, given a heap, an object of it, and an array. */
  const CALLS: Record<string, (heap: SharedHeap, offset: number, array: Uint8Array) => unknown> = {
    malloc: (heap) => heap.malloc(1),
    "malloc of pages": (heap) => heap.malloc(20_000),
    "malloc with an alignment": (heap) => heap.malloc(1, 512),
    tryMalloc: (heap) => heap.tryMalloc(1),
    "tryMalloc of pages": (heap) => heap.tryMalloc(20_000),
    calloc: (heap) => heap.calloc(2, 3),
    realloc: (heap, offset) => heap.realloc(offset, 7),
    free: (heap, offset) => heap.free(offset),
    "free of a wrong offset": (heap) => heap.free(-1),
    usableSize: (heap, offset) => heap.usableSize(offset),
    owns: (heap, offset) => heap.owns(offset),
    cacheAt: (heap, offset) => heap.cacheAt(offset),
    array: (heap) => heap.array(Uint8Array, 5),
    freeArray: (heap, _, array) => heap.freeArray(array),
    createCache: (heap) => heap.createCache({ name: "late", objectSize: 16 }),
    openCache: (heap) => heap.openCache("nodes"),
    grow: (heap) => heap.grow(heap.maxSize),
    shrink: (heap) => heap.shrink(),
    reset: (heap) => heap.reset(),
    stats: (heap) => heap.stats(),
    snapshot: (heap) => heap.snapshot(),
    check: (heap) => heap.check(),
    recover: (heap) => heap.recover(0),
    "recover of the own number": (heap) => heap.recover(heap.threadId),
    freeOwnedBy: (heap) => heap.freeOwnedBy(2),
  };

  test.each(Object.entries(CALLS))("%s", (_, call) => {
    const { first, second, offsets } = makePair({ maxSize: 128 * PAGE, trackOwners: true });
    first.createCache({ name: "nodes", objectSize: 16 });
    const array = second.array(Uint8Array, 100);
    second.detach();
    expectAllocError(first, () => call(second, offsets[1], array), {
      code: "DETACHED",
      message: DETACHED,
      offset: -1,
    });
    // Not even a thread's state was changed: the first one goes on, its number is taken.
    first.free(first.malloc(20_000));
    expect(() => SharedHeap.attach(first.handle, { threadId: 0 })).toThrow("thread 0 is taken");
  });

  const CACHE_CALLS: Record<string, (cache: ReturnType<SharedHeap["openCache"]>, offset: number) => unknown> =
    {
      allocate: (cache) => cache.allocate(),
      tryAllocate: (cache) => cache.tryAllocate(),
      free: (cache, offset) => cache.free(offset),
      allocateBulk: (cache) => cache.allocateBulk([], 2),
      freeBulk: (cache, offset) => cache.freeBulk([offset], 1),
      shrink: (cache) => cache.shrink(),
      destroy: (cache) => cache.destroy(),
      stats: (cache) => cache.stats(),
      check: (cache) => cache.check(),
    };

  test.each(Object.entries(CACHE_CALLS))("%s of a cache", (_, call) => {
    const { first, second } = makePair();
    const offset = first.createCache({ name: "nodes", objectSize: 16 }).allocate();
    const cache = second.openCache("nodes");
    second.detach();
    expectAllocError(first, () => call(cache, offset), { code: "DETACHED", message: DETACHED, offset: -1 });
  });

  test("detach once more does nothing, also when the number is another's", () => {
    const { first, second } = makePair();
    second.detach();
    const third = SharedHeap.attach(first.handle);
    expect(third.threadId).toBe(second.threadId);
    second.detach();
    third.free(third.malloc(10));
    expect(() => SharedHeap.attach(first.handle, { threadId: third.threadId })).toThrow("is taken");
  });
});

describe("frees from two threads", () => {
  test.each([
    ["a slot", 100, "the slot is free already"],
    ["a run of pages", 20_000, "it is free already"],
  ])("%s by both", (_, byteLength, reason) => {
    const { first, second } = makePair();
    const offset = first.malloc(byteLength);
    second.free(offset);
    expectAllocError(first, () => first.free(offset), {
      code: "DOUBLE_FREE",
      message: `cannot free offset ${offset}: ${reason}`,
      offset,
    });
  });

  test("a slot inside which the other one frees", () => {
    const { first, second, offsets } = makePair();
    expectAllocError(first, () => second.free(offsets[0] + 16), {
      code: "INVALID_FREE",
      message: `cannot free offset ${offsets[0] + 16}: it lies 16 bytes inside a slot of 112 bytes`,
      offset: offsets[0] + 16,
    });
  });

  test("many objects of which the other one has freed the last", () => {
    const { first, second } = makePair();
    const cache = first.createCache({ name: "nodes", objectSize: 32 });
    const offsets = [cache.allocate(), cache.allocate(), cache.allocate()];
    second.openCache("nodes").free(offsets[2]!);
    expectAllocError(first, () => cache.freeBulk(offsets, 3), {
      code: "DOUBLE_FREE",
      message: `cannot free offset ${offsets[2]}: the slot is free already`,
      offset: offsets[2],
    });
  });

  test("one object twice in one bulk", () => {
    const { first } = makePair();
    const cache = first.createCache({ name: "nodes", objectSize: 32 });
    const offset = cache.allocate();
    expectAllocError(first, () => cache.freeBulk([offset, offset], 2), {
      code: "DOUBLE_FREE",
      message: `cannot free offset ${offset}: the slot is free already`,
      offset,
    });
  });
});

describe("growth that fails", () => {
  test("in one thread leaves the others as they were", () => {
    const memory = wasmMemory({ initial: 2, maximum: 3, shared: true });
    const { first, second, offsets } = makePair({ size: 131_072, memory, maxSize: 10 * 65_536 });
    const view = second.array(Uint8Array, 10).fill(7);
    const { freePages, largestFreeBytes } = first.stats().buddy;
    const free = `${freePages * PAGE} are free, ${largestFreeBytes} in the largest block`;
    const before = first.snapshot();
    expect(() => second.grow(4 * 65_536)).toThrow(`out of memory: asked for 131072 bytes, ${free}`);
    expect(first.snapshot()).toEqual(before);
    expect(() => first.malloc(4 * 65_536)).toThrow(`out of memory: asked for 262144 bytes, ${free}`);
    expect(second.snapshot()).toEqual(before);
    second.check({ quiet: true });
    expect([...second.refresh(view)]).toEqual(Array.from({ length: 10 }, () => 7));
    for (const offset of offsets) first.free(offset);
  });

  test.each([64 * PAGE - 1, 129 * PAGE, NaN])("to %s bytes", (size) => {
    const { first, second } = makePair({ maxSize: 128 * PAGE });
    const message = `newSize must be an integer from ${64 * PAGE} to ${128 * PAGE}, got ${size}`;
    expectArgumentError(first, () => second.grow(size), size, message);
  });

  test("of a heap with no room at all", () => {
    const { first, second } = makePair();
    while (first.tryMalloc(PAGE) >= 0 || first.tryMalloc(16) >= 0);
    let thrown: unknown;
    try {
      second.malloc(8 * PAGE);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OutOfMemoryError);
    first.check({ quiet: true });
  });
});

describe("recover and freeOwnedBy", () => {
  test.each(["recover", "freeOwnedBy"] as const)("%s of the own number", (method) => {
    const { first, second } = makePair();
    const message = "threadId must be another thread's, got 1";
    expectArgumentError(first, () => second[method](1), 1, message);
  });

  test.each(["recover", "freeOwnedBy"] as const)("%s of a number out of range", (method) => {
    const { first, second } = makePair();
    for (const wrong of [-1, 3, 1.5, NaN, Infinity]) {
      const message = `threadId must be an integer from 0 to 2, got ${wrong}`;
      expectArgumentError(first, () => second[method](wrong), wrong, message);
    }
  });

  test("recover of a number that nobody has finds nothing", () => {
    const { first } = makePair({ trackOwners: true });
    const before = first.snapshot();
    const owned = { objects: 0, bytes: 0 };
    expect(first.recover(2)).toEqual({ threadId: 2, heldLock: false, slots: 0, owned });
    expect(first.snapshot()).toEqual(before);
    expect(SharedHeap.attach(first.handle).threadId).toBe(2);
  });

  test("freeOwnedBy of a number that nobody has frees nothing", () => {
    const { first } = makePair({ trackOwners: true });
    const before = first.snapshot();
    expect(first.freeOwnedBy(2)).toBe(0);
    expect(first.snapshot()).toEqual(before);
  });

  test("freeOwnedBy of a thread that is attached", () => {
    const { first, second } = makePair({ trackOwners: true });
    expectAllocError(first, () => second.freeOwnedBy(0), {
      code: "IN_USE",
      message: "thread 0 is attached: recover it first if it is dead",
      offset: -1,
    });
  });
});

describe("reset", () => {
  test("while another thread is attached", () => {
    const { first } = makePair();
    expectAllocError(first, () => first.reset(), {
      code: "IN_USE",
      message: "thread 1 is attached",
      offset: -1,
    });
  });

  test("while what a dead thread owned was not freed", () => {
    const { first } = makePair({ trackOwners: true });
    first.recover(1);
    expectAllocError(first, () => first.reset(), {
      code: "IN_USE",
      message: "what thread 1 owned was not freed",
      offset: -1,
    });
  });
});

describe("caches", () => {
  test("opened by a name that there is not", () => {
    const { first, second } = makePair();
    first.createCache({ name: "nodes", objectSize: 32 });
    expectAllocError(first, () => second.openCache("node"), {
      code: "NOT_ALLOCATED",
      message: 'there is no cache "node"',
      offset: -1,
    });
  });

  test("opened by the name of a size class", () => {
    const { first, second } = makePair();
    expectAllocError(first, () => second.openCache("malloc-16"), {
      code: "NOT_ALLOCATED",
      message: 'there is no cache "malloc-16"',
      offset: -1,
    });
  });

  test("made with a name that is taken by another thread's", () => {
    const { first, second } = makePair();
    first.createCache({ name: "nodes", objectSize: 32 });
    expectAllocError(first, () => second.createCache({ name: "nodes", objectSize: 32 }), {
      code: "IN_USE",
      message: 'cache "nodes" exists already',
      offset: -1,
    });
  });

  test("made with a name of 31 units", () => {
    const { first } = makePair();
    const misuse = (): unknown => first.createCache({ name: "x".repeat(31), objectSize: 32 });
    expectArgumentError(first, misuse, 31, "the length of name must be an integer from 0 to 30, got 31");
  });

  test("made with a name that is no string", () => {
    const { first } = makePair();
    const misuse = (): unknown => first.createCache({ name: 7 as unknown as string, objectSize: 32 });
    expect(misuse).toThrow(new RangeError("name must be a string, got 7"));
  });

  test("made with construct", () => {
    const { first } = makePair();
    const construct = (): void => undefined;
    const misuse = (): unknown => first.createCache({ name: "nodes", objectSize: 32, construct });
    const message = `construct must be left out in a shared heap, got ${String(construct)}`;
    expectArgumentError(first, misuse, construct, message);
  });

  test("more than maxCaches, destroyed ones counted", () => {
    const { first, second } = makePair({ maxCaches: 2 });
    first.createCache({ name: "a", objectSize: 32 }).destroy();
    first.createCache({ name: "b", objectSize: 32 });
    const misuse = (): unknown => second.createCache({ name: "c", objectSize: 32 });
    expectArgumentError(first, misuse, 2, "a heap has at most 2 named caches");
  });

  test("destroyed while another thread holds free slots", () => {
    const { first, second } = makePair();
    const cache = first.createCache({ name: "nodes", objectSize: 32 });
    const other = second.openCache("nodes");
    other.free(other.allocate());
    const held = first.stats().caches.find(({ name }) => name === "nodes")!.magazineSlots;
    expectAllocError(first, () => cache.destroy(), {
      code: "IN_USE",
      message: `other threads hold ${held} free slots of cache "nodes" in their magazines: they have to shrink or detach first`,
      offset: -1,
    });
    other.shrink();
    cache.destroy();
    first.check({ quiet: true });
  });

  test("destroyed while another thread has an object", () => {
    const { first, second } = makePair();
    const cache = first.createCache({ name: "nodes", objectSize: 32 });
    second.openCache("nodes").allocate();
    expectAllocError(first, () => cache.destroy(), {
      code: "IN_USE",
      message: 'cache "nodes" has 1 objects in use',
      offset: -1,
    });
  });

  test.each(["allocate", "tryAllocate", "shrink", "stats"] as const)(
    "%s after another thread destroyed it",
    (method) => {
      const { first, second } = makePair();
      const cache = first.createCache({ name: "nodes", objectSize: 32 });
      const other = second.openCache("nodes");
      cache.destroy();
      expectAllocError(first, () => other[method](), {
        code: "DETACHED",
        message: 'cache "nodes" was destroyed',
        offset: -1,
      });
    },
  );
});

describe("a lock that is never given back", () => {
  const CALLS: Record<string, (heap: SharedHeap, offset: number) => unknown> = {
    malloc: (heap) => heap.malloc(3000),
    "malloc of pages": (heap) => heap.malloc(20_000),
    "free of pages": (heap, offset) => heap.free(offset),
    grow: (heap) => heap.grow(heap.maxSize),
    stats: (heap) => heap.stats(),
    detach: (heap) => heap.detach(),
  };

  test.each(Object.entries(CALLS))("%s", (_, call) => {
    const { first, second } = makePair({ stallMs: 5, maxSize: 128 * PAGE });
    const offset = first.malloc(20_000);
    holdLock(first);
    expectAllocError(first, () => call(second, offset), {
      code: "STALLED" satisfies AllocErrorCode,
      message: "thread 0 has held the lock for 5 ms; if it is dead, call recover(0)",
      offset: -1,
    });
    // Declared dead, it is no obstacle any more, and itself is told so.
    expect(second.recover(0)).toMatchObject({ threadId: 0, heldLock: true });
    second.free(second.malloc(20_000));
    second.check({ quiet: true });
    expect(() => first["lock"].release()).toThrow(new AllocError("DETACHED", DETACHED));
  });

  test("is waited for where sleeping is not allowed, and given up as well", () => {
    const wait = Atomics.wait;
    Atomics.wait = () => {
      throw new TypeError("Atomics.wait cannot be called in this context");
    };
    try {
      const { first, second } = makePair({ stallMs: 5 });
      holdLock(first);
      expectAllocError(first, () => second.malloc(3000), {
        code: "STALLED",
        message: "thread 0 has held the lock for 5 ms; if it is dead, call recover(0)",
        offset: -1,
      });
    } finally {
      Atomics.wait = wait;
    }
  });
});
