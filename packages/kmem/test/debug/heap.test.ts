/** What a heap for debugging does beside finding misuse, which the safety table is about. */
import { type AllocError, Heap, NONE, OutOfMemoryError } from "kmem";
import { DEBUG_PRESETS, DebugHeap, FRESH_BYTE, RefusedError } from "kmem/debug";
import { describe, expect, it } from "vitest";
import { wasmMemory } from "../model/backings.ts";
import { errorOf, firstLine, make, PAGE } from "./helpers.ts";

describe("presets and options", () => {
  it("is a Heap, with all of its methods", () => {
    const { heap } = make();
    expect(heap).toBeInstanceOf(Heap);
    const methods = Object.getOwnPropertyNames(Heap.prototype);
    expect(methods.filter((name) => !(name in heap))).toEqual([]);
  });

  it.each(Object.keys(DEBUG_PRESETS) as (keyof typeof DEBUG_PRESETS)[])("%s serves requests", (debug) => {
    const { heap } = make({ debug });
    const offsets = Array.from({ length: 100 }, (_, index) => heap.malloc(index * 3));
    for (const offset of offsets) heap.free(offset);
    heap.check();
    expect(heap.stats().objects).toBe(0);
    expect(heap.stats().guardedAllocations).toBe(debug === "full" || debug === "traced" ? 100 : 0);
  });

  it("off, gives the offsets and figures of a Heap", () => {
    const { heap } = make({ debug: "off" });
    const plain = new Heap({ buffer: new ArrayBuffer(64 * PAGE) });
    for (const byteLength of [0, 1, 100, 5000, 20_000]) {
      expect(heap.malloc(byteLength)).toBe(plain.malloc(byteLength));
    }
    expect(heap.stats()).toMatchObject(plain.stats());
  });

  it.each([{ sample: 0 }, { sample: 1 }, { sample: 2 }, { sample: 2, fill: false }])(
    "%o, calloc gives zeroes and leaves red zones alone",
    (debug) => {
      const { heap } = make({ debug });
      const bytes = new Uint8Array(heap.buffer);
      for (let byteLength = 0; byteLength < 100; byteLength++) {
        const offset = heap.calloc(1, byteLength);
        expect(bytes.subarray(offset, offset + byteLength)).toEqual(new Uint8Array(byteLength));
        bytes.fill(0xff, offset, offset + byteLength);
        heap.check();
        heap.free(offset);
      }
      expect(heap.stats().guardedAllocations > 0).toBe(debug.sample !== 0);
    },
  );

  it("refuses to look at bytes that there are not", () => {
    const error = errorOf(() => DebugHeap.create({ size: 64 * PAGE }));
    expect(error.code).toBe("NO_BYTES");
    const heap = DebugHeap.create({ size: 64 * PAGE, debug: { redZone: 0, fill: false } });
    const offset = heap.malloc(100);
    heap.free(offset);
    expect(errorOf(() => heap.free(offset)).code).toBe("DOUBLE_FREE");
    expect(heap.realloc(heap.malloc(10), 20_000)).toBeGreaterThanOrEqual(0);
    expect(errorOf(() => heap.createCache({ name: "n", objectSize: 8, debug: { fill: true } })).code).toBe(
      "NO_BYTES",
    );
    heap.check();
  });

  it.each([
    [{ sample: -1 }, "sample must be an integer from 0 to 1073741823, got -1"],
    [{ sample: 1.5 }, "sample must be an integer from 0 to 1073741823, got 1.5"],
    [{ redZone: 8 }, "redZone must be a multiple of 16, got 8"],
    [{ redZone: -16 }, "redZone must be an integer from 0 to 65536, got -16"],
    [{ fill: 1 }, "fill must be true or false, got 1"],
    [{ quarantine: { objects: -1 } }, "quarantine.objects must be an integer from 0 to 1073741823, got -1"],
    [
      { quarantine: { bytes: NaN } },
      "quarantine.bytes must be an integer from 0 to 9007199254740991, got NaN",
    ],
    [{ remember: "1" }, 'remember must be an integer from 0 to 1073741823, got "1"'],
    [{ track: -1 }, "track must be an integer from 0 to 1073741823, got -1"],
    [{ watch: [0] }, "watch must be an integer from 1 to 9007199254740991, got 0"],
    [{ limitBytes: -1 }, "limitBytes must be an integer from 0 to 9007199254740991, got -1"],
    [{ fail: { nth: -1 } }, "fail.nth must be an integer from 0 to 9007199254740991, got -1"],
    [{ fail: { probability: 2 } }, "fail.probability must be a number from 0 to 1, got 2"],
    [{ fail: { seed: -1 } }, "fail.seed must be an integer from 0 to 4294967295, got -1"],
    [{ onPressure: 1 }, "onPressure must be a function, got 1"],
    [{ report: "log" }, 'report must be a function, got "log"'],
    [{ randomSlots: 0 }, "randomSlots must be true or false, got 0"],
    [{ seed: 0.5 }, "seed must be an integer from 0 to 4294967295, got 0.5"],
    ["loud", 'debug must be an object, or one of off, sampled, full, traced, got "loud"'],
    [null, "debug must be an object, or one of off, sampled, full, traced, got null"],
  ])("refuses %o", (debug, message) => {
    expect(() => make({ debug: debug as never })).toThrow(message);
  });
});

describe("allocations", () => {
  it("are of just the bytes asked for, aligned, between red zones", () => {
    const { heap, bytes } = make({ debug: { redZone: 32 } });
    for (const [byteLength, align] of [[0], [1], [100], [100, 64], [100, 4096], [20_000, 16], [9000, 8192]]) {
      const offset = heap.malloc(byteLength!, align);
      expect(offset % Math.max(16, align ?? 16)).toBe(0);
      expect(heap.usableSize(offset)).toBe(byteLength);
      expect(heap.owns(offset)).toBe(true);
      const around = [
        ...bytes.subarray(offset - 32, offset),
        ...bytes.subarray(offset + byteLength!).subarray(0, 32),
      ];
      expect(new Set(around)).toEqual(new Set([0xfd]));
      expect(bytes.subarray(offset, offset + byteLength!).every((byte) => byte === FRESH_BYTE)).toBe(true);
    }
    heap.check();
  });

  it("keep their bytes through realloc, which always moves, but where there is no room", () => {
    const { heap, bytes } = make();
    const offset = heap.malloc(100);
    bytes.fill(7, offset, offset + 100);
    const larger = heap.realloc(offset, 5000);
    const smaller = heap.realloc(larger, 50);
    expect(new Set([offset, larger, smaller]).size).toBe(3);
    expect([...bytes.subarray(smaller, smaller + 50)]).toEqual(Array.from({ length: 50 }, () => 7));
    const most = heap.malloc(150_000);
    expect(heap.realloc(most, 140_000)).toBe(most);
    expect(heap.usableSize(most)).toBe(140_000);
    expect(() => heap.realloc(most, 145_000)).toThrow(OutOfMemoryError);
    bytes[most + 140_000] = 0;
    expect(errorOf(() => heap.free(most)).code).toBe("OVERFLOW");
  });

  it("are zero where the heap zeroes", () => {
    const { heap, bytes } = make({ zero: true });
    const first = heap.malloc(100);
    bytes.fill(7, first, first + 100);
    heap.free(first);
    heap.shrink();
    for (const byteLength of [100, 20_000]) {
      const offset = heap.malloc(byteLength);
      expect(bytes.subarray(offset, offset + byteLength).every((byte) => byte === 0)).toBe(true);
      heap.free(offset);
    }
    heap.check();
  });

  it("lie in a memory that grows under them", () => {
    const memory = wasmMemory({ initial: 1, maximum: 40 });
    const heap = DebugHeap.create({ memory, maxSize: 40 * 65536 });
    const array = heap.array(Uint8Array, 1000);
    array.fill(7);
    heap.malloc(300_000);
    const fresh = heap.refresh(array);
    expect(fresh.every((byte) => byte === 7)).toBe(true);
    fresh[999] = 8;
    heap.freeArray(fresh);
    heap.check();
  });
});

describe("quarantine", () => {
  it("keeps a place from reuse for so many frees, and holds no more than it may", () => {
    const { heap } = make({ debug: { quarantine: { objects: 10 } } });
    const first = heap.malloc(100);
    heap.free(first);
    for (let count = 0; count < 10; count++) {
      const offset = heap.malloc(100);
      expect(Math.abs(offset - first)).toBeGreaterThan(16);
      heap.free(offset);
      expect(heap.stats().quarantinedObjects).toBeLessThanOrEqual(10);
    }
    expect(Math.abs(heap.malloc(100) - first)).toBe(16);
  });

  it("holds no more bytes than it may, and nothing larger than that", () => {
    const { heap } = make({ debug: { quarantine: { bytes: 8192 } } });
    const large = heap.malloc(20_000);
    heap.free(large);
    expect(heap.stats()).toMatchObject({ quarantinedObjects: 0, largeObjects: 0 });
    for (let count = 0; count < 100; count++) heap.free(heap.malloc(500));
    expect(heap.stats().quarantinedBytes).toBeLessThanOrEqual(8192);
    expect(heap.stats().quarantinedBytes).toBeGreaterThan(7000);
  });

  it("gives way to a request for which there is no space", () => {
    const { heap } = make();
    heap.free(heap.malloc(150_000));
    expect(heap.stats().quarantinedObjects).toBe(1);
    heap.free(heap.malloc(150_000));
    heap.shrink();
    expect(heap.stats()).toMatchObject({ quarantinedObjects: 0, heldBytes: 0 });
  });

  it("leaves a free undone that finds another's memory written, and the free done again", () => {
    const { heap, bytes } = make({ debug: { quarantine: { objects: 1 } } });
    const written = heap.malloc(100);
    heap.free(written);
    bytes[written] = 1;
    const other = heap.malloc(100);
    const error = errorOf(() => heap.free(other));
    expect([error.code, error.offset, heap.owns(other)]).toEqual(["USE_AFTER_FREE", written, true]);
    heap.free(other);
    expect(heap.stats().objects).toBe(0);
    heap.check();
  });
});

describe("what is remembered of offsets", () => {
  it("is who allocated and who freed", () => {
    const { heap } = make({ debug: "traced" });
    const allocateHere = (): number => heap.malloc(100);
    const freeHere = (offset: number): void => heap.free(offset);
    const offset = allocateHere();
    heap.malloc(5);
    freeHere(offset);
    const { message } = errorOf(() => heap.free(offset));
    expect(message).toMatch(
      /its 100 bytes are free already\n {2}allocated as number 1 at \d{4}-\d\d-\d\dT[\d:.]+Z\n {4}allocateHere .*\n[^]*\n {2}freed after allocation 2 at .*Z\n {4}freeHere /,
    );
    expect(message).not.toMatch(/debug-heap|guard\.ts/);
  });

  it("is the number, where the place is not recorded, which `watch` takes in the next run", () => {
    const run = (watch: number[]): string => {
      const { heap, bytes } = make({ debug: { track: 0, watch } });
      heap.malloc(1);
      const offset = heap.malloc(100);
      bytes[offset - 1] = 0;
      return errorOf(() => heap.free(offset)).message;
    };
    expect(run([])).toMatch(/\n {2}allocated as number 2, where is not recorded$/);
    expect(run([2])).toMatch(/\n {2}allocated as number 2 at .*\n {4}run /);
  });

  it("ends with `remember`", () => {
    const { heap } = make({ debug: { quarantine: { objects: 0 }, remember: 2 } });
    const offsets = [100, 300, 500].map((byteLength) => heap.malloc(byteLength));
    for (const offset of offsets) heap.free(offset);
    expect(offsets.map((offset) => firstLine(errorOf(() => heap.free(offset))))).toEqual([
      expect.stringMatching(/^cannot free offset \d+: it lies 16 bytes inside a slot/),
      `cannot free offset ${offsets[1]}: its 300 bytes are free already`,
      `cannot free offset ${offsets[2]}: its 500 bytes are free already`,
    ]);
  });
});

describe("report", () => {
  it("takes the errors in place of a throw; what was called goes on", () => {
    const errors: AllocError[] = [];
    const { heap, bytes } = make({
      debug: { quarantine: { objects: 1 }, report: (error) => errors.push(error) },
    });
    const overflown = heap.malloc(100);
    bytes[overflown + 100] = 0;
    heap.free(overflown);
    bytes[overflown] = 0;
    heap.free(heap.malloc(50));
    bytes[overflown + 1] = 0;
    const next = heap.malloc(100);
    expect(heap.owns(next)).toBe(true);
    bytes[next - 1] = 0;
    heap.check();
    expect(errors.map(({ code }) => code)).toEqual([
      "OVERFLOW",
      "USE_AFTER_FREE",
      "USE_AFTER_FREE",
      "OVERFLOW",
    ]);
    heap.free(next);
    heap.check();
    expect(errors.length).toBe(4);
    expect(() => heap.free(next)).toThrow(/free already/);
  });
});

describe("faults", () => {
  it("fail the n-th allocation of any kind, which then succeeds", () => {
    for (let nth = 1; nth <= 6; nth++) {
      const { heap } = make({ debug: { fail: { nth } } });
      const cache = heap.createCache({ name: "nodes", objectSize: 40 });
      const calls = [
        () => heap.malloc(10),
        () => heap.calloc(2, 10),
        () => heap.realloc(heap.tryMalloc(10), 20),
        () => cache.allocate(),
        () => heap.array(Uint8Array, 10),
      ];
      const errors = calls.flatMap((call) => {
        try {
          call();
          return [];
        } catch (error) {
          return [error];
        }
      });
      heap.check();
      // The third call allocates twice; where its first fails, it is `realloc` that throws.
      expect(errors.length, `allocation ${nth}`).toBe(1);
      if (nth === 3) continue;
      expect(errors[0]).toBeInstanceOf(OutOfMemoryError);
      expect(errors[0]).toBeInstanceOf(RefusedError);
      expect(errors[0]).toMatchObject({
        code: "OUT_OF_MEMORY",
        reason: `allocation ${nth} was told to fail`,
      });
    }
  });

  it("fail with a probability; tryMalloc returns NONE", () => {
    const { heap } = make({ debug: { fail: { probability: 0.5, seed: 3 } } });
    const offsets = Array.from({ length: 200 }, () => heap.tryMalloc(16));
    const failed = offsets.filter((offset) => offset === NONE).length;
    expect(failed).toBeGreaterThan(70);
    expect(failed).toBeLessThan(130);
  });

  it("are told to heaps that guard nothing as well", () => {
    const { heap } = make({ debug: { sample: 0, fail: { nth: 2 } } });
    expect([heap.tryMalloc(1), heap.tryMalloc(1), heap.tryMalloc(1)].indexOf(NONE)).toBe(1);
  });
});

describe("limits and pressure", () => {
  it("refuses what would hold more bytes than the limit, exactly", () => {
    const { heap } = make({ debug: { sample: 0, limitBytes: 1000 } });
    const offsets = Array.from({ length: 7 }, () => heap.malloc(128));
    expect(heap.tryMalloc(128)).toBe(NONE);
    expect(() => heap.malloc(128)).toThrow(/^refused: the limit is 1000 bytes; out of memory: asked for 128/);
    expect(() => heap.grow(heap.size)).not.toThrow();
    expect(heap.malloc(96)).toBeGreaterThanOrEqual(0);
    heap.free(offsets[0]!);
    expect(heap.malloc(128)).toBeGreaterThanOrEqual(0);
    expect(heap.stats().usedBytes).toBeLessThanOrEqual(1000);
  });

  it("counts red zones, lets the quarantine give way, and the objects of caches count", () => {
    const { heap } = make({ debug: { limitBytes: 2000 } });
    for (let count = 0; count < 100; count++) heap.free(heap.malloc(100));
    const cache = heap.createCache({ name: "nodes", objectSize: 40 });
    const objects: number[] = [];
    for (let offset = cache.tryAllocate(); offset !== NONE; offset = cache.tryAllocate())
      objects.push(offset);
    expect(objects.length).toBe(Math.floor(2000 / cache.slotSize));
    expect(() => cache.allocate()).toThrow(/^refused: the limit is 2000 bytes/);
    expect(heap.tryMalloc(100)).toBe(NONE);
  });

  it("limits the objects of a cache", () => {
    const { heap } = make();
    const cache = heap.createCache({ name: "nodes", objectSize: 40, limitObjects: 2 });
    const first = cache.allocate();
    cache.allocate();
    expect(cache.tryAllocate()).toBe(NONE);
    expect(() => cache.allocate()).toThrow(/^refused: cache "nodes" has its limit of 2 objects/);
    cache.free(first);
    expect(cache.tryAllocate()).not.toBe(NONE);
  });

  it("asks the owner to free something, and tries again as long as that helps", () => {
    const held: number[] = [];
    const asked: unknown[] = [];
    const { heap } = make({
      debug: {
        onPressure: (pressure) => {
          asked.push(pressure);
          const offset = held.pop();
          if (offset !== undefined) heap.free(offset);
          return offset !== undefined;
        },
      },
    });
    for (let count = 0; count < 8; count++) held.push(heap.malloc(20_000));
    expect(heap.malloc(60_000)).toBeGreaterThanOrEqual(0);
    expect(asked[0]).toEqual({ requestedBytes: 60_000, cache: undefined, isLimit: false });
    expect(held.length).toBeLessThan(8);
    expect(held.length).toBeGreaterThan(3);
    heap.check();
  });

  it.each([{ sample: 0 }, { sample: 1 }])("gives up after 16 calls that free nothing: %o", (guard) => {
    let calls = 0;
    const { heap } = make({ debug: { ...guard, onPressure: () => ++calls > 0 } });
    expect(heap.tryMalloc(2 ** 20)).toBe(NONE);
    expect(calls).toBe(16);
    expect(() => heap.malloc(2 ** 20)).toThrow(OutOfMemoryError);
    expect(calls).toBe(32);
  });

  it("does not call back for what the callback itself asks for", () => {
    let depth = 0;
    const { heap } = make({
      debug: {
        onPressure: () => {
          depth++;
          expect(heap.tryMalloc(2 ** 20)).toBe(NONE);
          return false;
        },
      },
    });
    expect(heap.tryMalloc(2 ** 20)).toBe(NONE);
    expect(depth).toBe(1);
  });
});

describe("leaks", () => {
  it("are told by call site, bytes and age, the most bytes first", () => {
    const { heap } = make({ debug: "traced" });
    const texture = (): number => heap.malloc(5000);
    const name = (): number => heap.malloc(10);
    const names = [name(), name(), name()];
    texture();
    heap.free(names[1]!);
    const leaks = heap.leaks();
    expect(leaks.map(({ objects, bytes }) => [objects, bytes])).toEqual([
      [1, 5000],
      [2, 20],
    ]);
    expect(leaks.map(({ site }) => site)).toEqual([
      expect.stringMatching(/^texture .*heap\.test\.ts:\d+/),
      expect.stringMatching(/^name .*heap\.test\.ts:\d+/),
    ]);
    expect(leaks[1]!.firstNumber).toBe(1);
    expect(leaks[1]!.ageMs).toBeGreaterThanOrEqual(0);
    expect(heap.leaks({ after: 3 }).map(({ bytes }) => bytes)).toEqual([5000]);
  });

  it("end a scope with an error that names them; what was there before does not count", () => {
    const { heap } = make({ debug: { track: 0 } });
    heap.malloc(1);
    const inner = (): void => {
      // What `using` does at the end of a block.
      const scope = heap.leakScope("loading");
      heap.free(heap.malloc(10));
      heap.malloc(20);
      expect(scope.leaks().length).toBe(1);
      scope[Symbol.dispose]();
    };
    const error = errorOf(inner);
    expect(error.code).toBe("LEAKED");
    expect(error.message).toBe(
      `1 allocations outlive scope "loading"\n  20 bytes in 1 allocations (first number 3 at offset ${error.offset}): where is not recorded`,
    );
    const clean = heap.leakScope();
    heap.free(heap.malloc(10));
    expect(() => clean[Symbol.dispose]()).not.toThrow();
  });
});

describe("random slots", () => {
  it.each(["off", "full"] as const)("come in another order for another seed: %s", (preset) => {
    const run = (seed: number): string => {
      const { heap } = make({ debug: { ...DEBUG_PRESETS[preset], randomSlots: true, seed } });
      const offsets = Array.from({ length: 30 }, () => heap.malloc(64));
      expect(new Set(offsets).size).toBe(30);
      heap.check();
      for (const offset of offsets) heap.free(offset);
      heap.check();
      return offsets.join();
    };
    expect(run(1)).toBe(run(1));
    expect(run(1)).not.toBe(run(2));
  });
});
