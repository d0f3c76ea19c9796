/** What a shared heap for debugging does beside finding the misuse of one thread, which the safety table is about. */
import { type AllocError, type AllocErrorCode, NONE, SharedHeap } from "kmem";
import {
  DEBUG_PRESETS,
  DebugHeap,
  DebugSharedHeap,
  type DebugSharedHeapOptions,
  RefusedError,
} from "kmem/debug";
import { wasmAllocator } from "kmem/wasm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { wasmMemory } from "../model/backings.ts";
import { errorOf, firstLine, PAGE } from "./helpers.ts";

const SIZE = 64 * PAGE;

/** A heap and a second thread of it, and its bytes. */
function make(options: Partial<DebugSharedHeapOptions> = {}): {
  heap: DebugSharedHeap;
  other: DebugSharedHeap;
  bytes: Uint8Array;
} {
  const heap = DebugSharedHeap.create({ size: SIZE, ...options });
  return { heap, other: DebugSharedHeap.attach(heap.handle), bytes: new Uint8Array(heap.buffer) };
}

describe("presets and options", () => {
  it("is a SharedHeap", () => {
    expect(make().heap).toBeInstanceOf(SharedHeap);
  });

  it.each(Object.keys(DEBUG_PRESETS) as (keyof typeof DEBUG_PRESETS)[])("%s serves requests", (debug) => {
    const { heap, other } = make({ debug });
    const offsets = Array.from({ length: 100 }, (_, index) => heap.malloc(index * 3));
    for (const offset of offsets) other.free(offset);
    heap.check({ quiet: true });
    expect(heap.stats().objects).toBe(0);
    expect(heap.stats().guardedAllocations).toBe(debug === "full" || debug === "traced" ? 100 : 0);
  });

  it("guards one in so many", () => {
    const { heap } = make({ debug: { sample: 8, seed: 3 } });
    const offsets = Array.from({ length: 800 }, () => heap.malloc(50));
    const { guardedAllocations } = heap.stats();
    expect(guardedAllocations).toBeGreaterThan(50);
    expect(guardedAllocations).toBeLessThan(200);
    expect(heap.leaks().reduce((sum, { objects }) => sum + objects, 0)).toBe(guardedAllocations);
    for (const offset of offsets) heap.free(heap.realloc(offset, 40));
    // A place that was a guarded one's may be one's now that is not.
    const others = Array.from({ length: 800 }, () => heap.malloc(90));
    for (const offset of others) expect(heap.owns(offset)).toBe(true);
    for (const offset of others) heap.free(offset);
    heap.check({ quiet: true });
  });

  it("off, is a SharedHeap, also to who recovers it", () => {
    const { heap, other, bytes } = make({ debug: "off", trackOwners: true });
    const offset = heap.calloc(1, 100);
    expect(bytes.subarray(offset, offset + 100)).toEqual(new Uint8Array(100));
    expect(heap.tryMalloc(2 * SIZE)).toBe(NONE);
    other.malloc(100);
    expect(heap.recover(other.threadId).owned).toEqual({ objects: 1, bytes: 112 });
    expect(heap.freeOwnedBy(other.threadId)).toBe(1);
    heap.free(offset);
    expect(heap.stats().objects).toBe(0);
  });

  it.each([
    [{ redZone: 0 }, "redZone must be an integer from 16 to 65536, got 0"],
    [{ redZone: 24 }, "redZone must be a multiple of 16, got 24"],
    [{ quarantine: { objects: 65537 } }, "quarantine.objects must be an integer from 0 to 65536, got 65537"],
    [{ limitBytes: 5 }, "limitBytes must be left out in a shared heap, got 5"],
    [{ remember: 5 }, "remember must be left out in a shared heap, got 5"],
    [{ randomSlots: true }, "randomSlots must be left out in a shared heap, got true"],
    [{ fail: { probability: 2 } }, "fail.probability must be a number from 0 to 1, got 2"],
    [{ track: -1 }, "track must be an integer from 0 to 1073741823, got -1"],
    ["loud", 'debug must be an object, or one of off, sampled, full, traced, got "loud"'],
  ])("refuses %o", (debug, message) => {
    expect(() => DebugSharedHeap.create({ size: SIZE, debug: debug as never })).toThrow(message);
  });

  it("refuses options of a thread before it attaches", () => {
    const { heap } = make({ maxThreads: 3 });
    expect(() => DebugSharedHeap.attach(heap.handle, { debug: { track: -1 } })).toThrow(RangeError);
    expect(() => DebugSharedHeap.attach(heap.handle, { debug: { fail: { nth: -1 } } })).toThrow(RangeError);
    expect(DebugSharedHeap.attach(heap.handle, { threadId: 2 }).threadId).toBe(2);
  });

  it("has all threads do what its maker has settled", () => {
    const { heap } = make({ debug: { fill: false, redZone: 64, quarantine: { objects: 0 } } });
    const other = DebugSharedHeap.attach(structuredClone(heap.handle));
    const offset = other.malloc(10);
    expect(offset % PAGE).toBe(64);
    heap.free(offset);
    expect(heap.stats().quarantinedObjects).toBe(0);
  });

  it("fails when it is told to, and asks for room when there is none", () => {
    let calls = 0;
    const held: number[] = [];
    const { heap } = make({
      debug: {
        fail: { nth: 2 },
        onPressure: () => {
          calls++;
          const oldest = held.shift();
          if (oldest !== undefined) heap.free(oldest);
          return oldest !== undefined;
        },
      },
    });
    held.push(heap.malloc(100_000));
    const error = errorOf(() => heap.malloc(10));
    expect(error).toBeInstanceOf(RefusedError);
    expect((error as RefusedError).reason).toBe("allocation 2 was told to fail");
    expect(calls).toBe(0);
    expect(heap.malloc(200_000)).toBeGreaterThanOrEqual(0);
    expect(calls).toBe(1);
    expect(heap.tryMalloc(200_000)).toBe(NONE);
  });

  it("guards nothing whose alignment is beyond what a cell can tell", () => {
    const size = 2 ** 26;
    const { heap, other } = make({ size, debug: { sample: 1, track: 0 } });
    const offset = heap.malloc(100, 2 ** 25);
    expect(offset % 2 ** 25).toBe(0);
    expect(heap.stats().guardedAllocations).toBe(0);
    expect(other.usableSize(offset)).toBe(PAGE);
    other.free(offset);
    expect(errorOf(() => heap.free(offset)).code).toBe("DOUBLE_FREE");
    // Its bytes are now as those of all that is free.
    const guarded = heap.malloc(100);
    heap.free(guarded);
    heap.check({ quiet: true });
  });
});

describe("handles", () => {
  it.each<[string, (handle: DebugSharedHeap["handle"]) => unknown, string]>([
    ["nothing", () => undefined, "it is not the handle of a shared heap for debugging"],
    [
      "a heap's that is not for debugging",
      () => SharedHeap.create({ size: SIZE }).handle,
      "it is not the handle of",
    ],
    ["one without a guard", ({ guard: _guard, ...rest }) => rest, "it is not the handle of"],
    [
      "one with a guard that is none",
      (handle) => ({ ...handle, guard: new SharedArrayBuffer(8) }),
      "it has no tables of a guard",
    ],
    [
      "one with another heap's guard",
      (handle) => ({ ...handle, guard: DebugSharedHeap.create({ size: 2 * SIZE }).handle.guard }),
      "the tables of its guard have",
    ],
  ])("refuses %s", (_name, of, message) => {
    const { handle } = make().heap;
    const error = errorOf(() => DebugSharedHeap.attach(of(handle) as never));
    expect(error.code).toBe("INVALID_HANDLE");
    expect(error.message).toContain(message);
  });

  it.each([
    [1, "its guard is of version 2, this is version 1"],
    [3, "the tables of its guard are damaged"],
  ])("refuses a guard whose word %d was changed", (word, message) => {
    const { handle } = make().heap;
    new Int32Array(handle.guard)[word]!++;
    expect(errorOf(() => DebugSharedHeap.attach(handle)).message).toContain(message);
  });

  it("are refused by a SharedHeap, which would not see the guard", () => {
    const error = errorOf(() => SharedHeap.attach(make().heap.handle));
    expect(error.code).toBe("INVALID_HANDLE");
    expect(error.message).toContain("DebugSharedHeap.attach takes it");
  });
});

describe("between threads", () => {
  it("tells who made and who freed it, and where as far as it was that thread", () => {
    const { heap, other } = make({ debug: "traced" });
    const tracing = DebugSharedHeap.attach(heap.handle, { debug: { track: 1 } });
    const offset = heap.malloc(100);
    tracing.free(offset);
    const mine = errorOf(() => heap.free(offset));
    expect(mine.code).toBe("DOUBLE_FREE");
    expect(mine.message).toMatch(/allocated as number 1 of thread 0 at 20.*\n.*shared\.test\.ts/);
    expect(mine.message).toContain("freed by thread 2, where is not recorded");
    const theirs = errorOf(() => tracing.free(offset));
    expect(theirs.message).toContain("allocated as number 1 of thread 0, where is not recorded");
    expect(theirs.message).toMatch(/freed by thread 2 at 20.*\n.*shared\.test\.ts/);
    expect(errorOf(() => other.free(offset)).message).toContain("freed by thread 2, where is not recorded");
  });

  it.each<[string, AllocErrorCode, (scene: ReturnType<typeof make>) => void]>([
    [
      "a write beyond an allocation, by whoever frees it",
      "OVERFLOW",
      ({ heap, other, bytes }) => {
        const offset = heap.malloc(100);
        bytes[offset + 100] = 1;
        other.free(offset);
      },
    ],
    [
      "a write to what another has freed, when it leaves that one's quarantine",
      "USE_AFTER_FREE",
      ({ heap, other, bytes }) => {
        const offset = heap.malloc(100);
        other.free(offset);
        bytes[offset] = 1;
        other.shrink();
      },
    ],
    [
      "or when its place is used again, by any thread",
      "USE_AFTER_FREE",
      ({ heap, other, bytes }) => {
        const offset = heap.malloc(30_000);
        other.free(offset);
        other.shrink();
        bytes[offset + 20_000] = 1;
        heap.malloc(30_000);
      },
    ],
    [
      "or by something larger",
      "USE_AFTER_FREE",
      ({ heap, other, bytes }) => {
        const offset = heap.malloc(30_000);
        other.free(offset);
        other.shrink();
        bytes[offset + 20_000] = 1;
        // All of the space.
        heap.malloc(SIZE - 100);
      },
    ],
    [
      "or when there is no other room",
      "USE_AFTER_FREE",
      ({ heap, other, bytes }) => {
        const offset = heap.malloc(150_000);
        other.free(offset);
        bytes[offset] = 1;
        heap.malloc(150_000);
      },
    ],
  ])("finds %s", (_name, code, misuse) => {
    const scene = make();
    expect(errorOf(() => misuse(scene)).code).toBe(code);
    for (const heap of [scene.heap, scene.other]) {
      heap.check({ quiet: true });
      const offset = heap.malloc(10_000);
      heap.free(offset);
    }
  });

  it("a write is reported where that is asked for, and the call goes on", () => {
    const reported: string[] = [];
    const report = (error: AllocError): void => void reported.push(firstLine(error));
    const { heap, bytes } = make({ debug: { report } });
    const small = heap.malloc(100);
    bytes[small + 101] = 7;
    bytes[small - 1] = 9;
    heap.free(small);
    bytes[small + 5] = 1;
    heap.shrink();
    bytes[small + 6] = 1;
    const large = heap.malloc(100);
    expect(reported).toEqual([
      `write before an allocation: byte -1 of the 100 at offset ${small} is 0x09, not 0xfd`,
      `write behind an allocation: byte 101 of the 100 at offset ${small} is 0x07, not 0xfd`,
      `write to freed memory: byte 5 of the 100 at offset ${small} is 0x01, not 0xdd`,
      `write to freed memory: byte 6 of the 100 at offset ${small} is 0x01, not 0xdd`,
    ]);
    heap.free(large);
    heap.check({ quiet: true });
    expect(reported).toHaveLength(4);
  });

  it("what a report throws is as if there were none: the call is undone", () => {
    const { heap, bytes } = make({
      debug: {
        report: ({ code }) => {
          throw new RangeError(code);
        },
      },
    });
    const offset = heap.malloc(100);
    bytes[offset + 100] = 1;
    expect(() => heap.free(offset)).toThrow("OVERFLOW");
    heap.free(offset);
    bytes[offset] = 1;
    expect(() => heap.shrink()).toThrow("USE_AFTER_FREE");
    heap.shrink();
    bytes[offset] = 1;
    expect(() => heap.malloc(100)).toThrow("USE_AFTER_FREE");
    heap.free(heap.malloc(100));
    expect(heap.stats()).toMatchObject({ objects: 0, quarantinedObjects: 1 });
    heap.check({ quiet: true });
  });

  it("check tells of a write again and again until someone may put it right", () => {
    const { heap, other, bytes } = make();
    const offset = heap.malloc(100);
    bytes[offset + 100] = 1;
    expect(errorOf(() => other.check()).code).toBe("OVERFLOW");
    expect(errorOf(() => other.check()).code).toBe("OVERFLOW");
    expect(errorOf(() => other.check({ quiet: true })).code).toBe("OVERFLOW");
    other.check();
  });

  it("takes what others keep in quarantine when there is no other room, and they find it gone", () => {
    const { heap, other } = make({ debug: { quarantine: { objects: 8, bytes: SIZE } } });
    const offsets = Array.from({ length: 4 }, () => heap.malloc(50_000));
    for (const offset of offsets) other.free(offset);
    expect(heap.stats()).toMatchObject({ objects: 0, quarantinedObjects: 4 });
    const offset = heap.malloc(200_000);
    expect(heap.stats()).toMatchObject({ objects: 1, quarantinedObjects: 0, quarantinedBytes: 0 });
    heap.free(offset);
    for (let count = 0; count < 20; count++) other.free(other.malloc(100));
    heap.check({ quiet: true });
    heap.shrink();
    other.shrink();
    expect(other.stats()).toMatchObject({ objects: 0, heldBytes: 0, quarantinedObjects: 0 });
  });

  it("a thread that leaves gives back what it kept, and one that died leaves it to who recovers it", () => {
    const { heap, other } = make({ trackOwners: true });
    const offsets = Array.from({ length: 10 }, () => heap.malloc(100));
    for (const offset of offsets.slice(0, 5)) other.free(offset);
    other.detach();
    other.detach();
    expect(heap.stats()).toMatchObject({ objects: 5, quarantinedObjects: 0 });
    const dead = DebugSharedHeap.attach(heap.handle);
    const theirs = dead.malloc(70);
    for (const offset of offsets.slice(5)) dead.free(offset);
    expect(heap.stats()).toMatchObject({ objects: 1, quarantinedObjects: 5 });
    expect(heap.recover(dead.threadId).owned).toEqual({ objects: 1, bytes: 70 });
    expect(heap.stats()).toMatchObject({ objects: 1, quarantinedObjects: 0 });
    expect(heap.owns(theirs)).toBe(true);
    expect(heap.freeOwnedBy(dead.threadId)).toBe(1);
    expect(heap.stats().objects).toBe(0);
    expect(errorOf(() => other.malloc(1)).code).toBe("DETACHED");
    heap.check({ quiet: true });
  });

  it("reset forgets what lives, and knows old offsets", () => {
    const { heap, other } = make();
    const small = heap.malloc(100);
    const large = heap.malloc(30_000);
    const freed = heap.malloc(100);
    heap.free(freed);
    expect(errorOf(() => heap.reset()).code).toBe("IN_USE");
    expect(heap.owns(small)).toBe(true);
    other.detach();
    heap.reset();
    expect(heap.stats()).toMatchObject({ objects: 0, quarantinedObjects: 0, heldBytes: 0 });
    for (const offset of [small, large, freed]) {
      expect(errorOf(() => heap.free(offset)).code).toBe("DOUBLE_FREE");
      expect(errorOf(() => heap.usableSize(offset)).message).toContain("freed by thread 0");
    }
    // What is written in the program's bytes by then is nobody's affair.
    expect(heap.leaks()).toEqual([]);
    heap.free(heap.malloc(50_000));
    heap.check({ quiet: true });
  });
});

describe("what an allocation is", () => {
  it("moves on realloc, and stays where there is no room and it gets smaller", () => {
    const { heap, bytes } = make();
    const offset = heap.malloc(1000);
    bytes.fill(7, offset, offset + 1000);
    const moved = heap.realloc(offset, 2000);
    expect(moved).not.toBe(offset);
    expect(bytes.subarray(moved, moved + 1000)).toEqual(new Uint8Array(1000).fill(7));
    expect(errorOf(() => heap.realloc(offset, 10)).code).toBe("NOT_ALLOCATED");
    const large = heap.malloc(150_000);
    expect(errorOf(() => heap.realloc(large, 200_000)).code).toBe("OUT_OF_MEMORY");
    expect(heap.realloc(large, 120_000)).toBe(large);
    expect(heap.usableSize(large)).toBe(120_000);
    bytes[large + 120_000] = 1;
    expect(errorOf(() => heap.realloc(large, 10)).code).toBe("OVERFLOW");
    heap.free(large);
    expect(() => heap.realloc(moved, -1)).toThrow(RangeError);
  });

  it("is freed by realloc's way only when what it displaces is whole", () => {
    const { heap, bytes } = make({ debug: { quarantine: { objects: 1 } } });
    const first = heap.malloc(100);
    const second = heap.malloc(100);
    heap.free(first);
    bytes[first] = 1;
    expect(errorOf(() => heap.realloc(second, 3000)).code).toBe("USE_AFTER_FREE");
    expect(heap.usableSize(second)).toBe(100);
    expect(heap.stats().objects).toBe(1);
    expect(heap.realloc(second, 3000)).not.toBe(second);
  });

  it("ends where it was asked to, so that calloc leaves the red zone alone", () => {
    const { heap, bytes } = make();
    for (let byteLength = 0; byteLength < 100; byteLength++) {
      const offset = heap.calloc(1, byteLength);
      expect(bytes.subarray(offset, offset + byteLength)).toEqual(new Uint8Array(byteLength));
      heap.check({ quiet: true });
      heap.free(offset);
    }
  });

  it("is zero where the heap zeroes, also in a place that was used", () => {
    const { heap, bytes } = make({ zero: true });
    for (const byteLength of [10, 10, 10, 20_000, 20_000]) {
      const offset = heap.malloc(byteLength);
      expect(bytes.subarray(offset, offset + byteLength)).toEqual(new Uint8Array(byteLength));
      bytes.fill(5, offset, offset + byteLength);
      heap.free(offset);
      heap.shrink();
    }
  });

  it("can be an array, also on a memory that grows", () => {
    const memory = wasmMemory({ initial: 2, maximum: 16, shared: true });
    const heap = DebugSharedHeap.create({ memory });
    const array = heap.array(Float64Array, 100).fill(1.5);
    heap.malloc(400_000);
    expect(array[99]).toBe(1.5);
    const part = new Uint8Array(heap.buffer as ArrayBuffer, array.byteOffset, 8);
    expect(errorOf(() => heap.freeArray(part)).message).toContain("cannot free an array of 8 bytes");
    heap.freeArray(new Uint8Array(heap.buffer as ArrayBuffer, array.byteOffset, 800));
    expect(heap.owns(array.byteOffset)).toBe(false);
    heap.check({ quiet: true });
  });

  it("can be a C program's, whose workers then find each other's mistakes", () => {
    const memory = wasmMemory({ initial: 4, maximum: 16, shared: true });
    const heap = DebugSharedHeap.create({ memory, base: 65536, maxSize: 2 ** 19 });
    const [mine, theirs] = [heap, DebugSharedHeap.attach(heap.handle)].map(
      (each) => wasmAllocator(memory, { heap: each }).imports,
    );
    const pointer = mine!.calloc(4, 25);
    expect(theirs!.malloc_usable_size(pointer)).toBe(100);
    new Uint8Array(memory.buffer)[pointer + 100] = 1;
    expect(errorOf(() => theirs!.free(pointer)).code).toBe("OVERFLOW");
    theirs!.free(pointer);
    expect(errorOf(() => mine!.free(pointer)).code).toBe("DOUBLE_FREE");
  });

  it("can be looked for by leaks, of one thread or all", () => {
    const { heap, other } = make({ debug: "traced" });
    heap.malloc(100);
    heap.malloc(20_000);
    other.malloc(50);
    heap.free(heap.malloc(7));
    expect(heap.leaks().reduce((sum, { bytes }) => sum + bytes, 0)).toBe(20_150);
    expect(heap.leaks({ thread: 0 }).map(({ bytes }) => bytes)).toEqual([20_000, 100]);
    expect(heap.leaks({ thread: 1 })).toMatchObject([{ site: undefined, objects: 1, bytes: 50 }]);
    expect(heap.leaks({ thread: 0, after: 1 }).map(({ bytes }) => bytes)).toEqual([20_000]);
    expect(heap.leaks()[0]!.site).toMatch(/shared\.test\.ts/);
    const error = errorOf(() => {
      const scope = heap.leakScope("level");
      other.malloc(1);
      heap.malloc(2);
      scope[Symbol.dispose]();
    });
    expect(firstLine(error)).toBe('1 allocations outlive scope "level"');
  });

  it("gives the same errors as a heap of one thread", () => {
    const { heap } = make();
    const plain = DebugHeap.create({ buffer: new ArrayBuffer(SIZE) });
    for (const make of [() => heap, () => plain]) {
      const one = make();
      const offset = one.malloc(100);
      expect(firstLine(errorOf(() => one.free(offset + 8)))).toBe(
        `cannot free offset ${offset + 8}: it lies 8 bytes into the 100 bytes at offset ${offset}`,
      );
      expect(firstLine(errorOf(() => one.free(offset - 16)))).toBe(
        `cannot free offset ${offset - 16}: it lies 16 bytes before the 100 bytes at offset ${offset}`,
      );
      expect(one.owns(offset - 16)).toBe(false);
      expect(errorOf(() => one.free(NaN)).code).toBe("INVALID_FREE");
      expect(errorOf(() => one.usableSize(offset + 16)).code).toBe("NOT_ALLOCATED");
    }
  });

  it("keeps the moments of what lives, and forgets those of what is gone or another's", () => {
    const heap = DebugSharedHeap.create({ size: 2 ** 20, debug: { track: 1, quarantine: { objects: 0 } } });
    const other = DebugSharedHeap.attach(heap.handle, { debug: { track: 0 } });
    const kept = heap.malloc(5000);
    const small = Array.from({ length: 600 }, () => heap.malloc(10));
    for (const offset of small) heap.free(offset);
    heap.shrink();
    for (let count = 0; count < 300; count++) other.malloc(10);
    const { moments } = heap["guard"] as unknown as { moments: Map<number, unknown> };
    expect(moments.size).toBe(601);
    const large = Array.from({ length: 500 }, () => heap.malloc(100));
    // At the 1,025th; of the places of the 600 others, a half is nobody's, and a half is another thread's.
    expect(moments.size).toBe(501);
    for (const offset of [kept, large[0]!, large[499]!]) {
      expect(errorOf(() => heap.free(offset + 8)).message).toMatch(/shared\.test\.ts/);
    }
  });
});

describe("what may happen at the same time", () => {
  afterEach(() => vi.restoreAllMocks());

  type Inside = {
    table: {
      cell(offset: number): number;
      claim(cell: number, from: number, thread: number): boolean;
      words: Int32Array;
    };
    ring: { announce(cell: number): void };
    patterns: { byteAt(at: number): number };
  };
  const inside = (heap: DebugSharedHeap): Inside => heap["guard"] as unknown as Inside;
  const LIVE = 1;

  it("another thread frees what this one is about to free", () => {
    const { heap, other } = make();
    const offset = heap.malloc(100);
    const { table } = inside(heap);
    const claim = table.claim.bind(table);
    vi.spyOn(table, "claim").mockImplementationOnce((...parameters) => {
      other.free(offset);
      return claim(...parameters);
    });
    const error = errorOf(() => heap.free(offset));
    expect(error.code).toBe("DOUBLE_FREE");
    expect(error.message).toContain("freed by thread 1");
    expect(heap.stats()).toMatchObject({ objects: 0, quarantinedObjects: 1 });
  });

  it("the owner puts right and frees what check has just seen", () => {
    const { heap, other, bytes } = make();
    const offset = heap.malloc(100);
    bytes[offset + 100] = 1;
    vi.spyOn(inside(other).patterns, "byteAt").mockImplementationOnce((at) => {
      bytes[at] = 0xfd;
      heap.free(offset);
      return 1;
    });
    expect(other.check()).toBe(true);
  });

  it("a thread dies with a claim, or before anybody knew of what it made", () => {
    const { heap, other } = make({ trackOwners: true });
    const [claimed, unknown] = [other.malloc(100), other.malloc(200)];
    const { table, ring } = inside(other);
    ring.announce(table.cell(claimed));
    expect(table.claim(table.cell(claimed), LIVE, other.threadId)).toBe(true);
    expect(errorOf(() => heap.free(claimed)).code).toBe("DOUBLE_FREE");
    table.words[table.cell(unknown)] = 0;
    expect(heap.recover(other.threadId).owned).toEqual({ objects: 1, bytes: 256 });
    expect(heap.freeOwnedBy(other.threadId)).toBe(1);
    expect(heap.stats()).toMatchObject({ objects: 0, quarantinedObjects: 0 });
    heap.check({ quiet: true });
  });

  it("a thread dies with claims of its own in the ring of another, who has let them out since", () => {
    const { heap, other } = make({ debug: { fill: false, quarantine: { objects: 8, bytes: SIZE } } });
    const third = DebugSharedHeap.attach(heap.handle);
    const offsets = Array.from({ length: 4 }, () => heap.malloc(50_000));
    for (const offset of offsets) other.free(offset);
    const held = heap.malloc(200_000);
    expect(third.tryMalloc(100_000)).toBe(NONE);
    other.free(other.malloc(100));
    expect(heap.stats().quarantinedObjects).toBe(1);
    heap.recover(other.threadId);
    expect(heap.stats()).toMatchObject({ objects: 1, quarantinedObjects: 0 });
    heap.free(held);
    heap.shrink();
    heap.check({ quiet: true });
  });

  it("what a dead thread made is in the quarantine of a living one: it is nobody's", () => {
    const { heap, other } = make({ trackOwners: true });
    heap.free(other.malloc(100));
    expect(heap.recover(other.threadId).owned).toEqual({ objects: 0, bytes: 0 });
    expect(heap.freeOwnedBy(other.threadId)).toBe(0);
    expect(heap.stats().quarantinedObjects).toBe(1);
  });
});

describe("named caches", () => {
  it("have red zones, in every thread, and keep their alignment", () => {
    const { heap, other, bytes } = make({ size: 2 * SIZE });
    const cache = heap.createCache({ name: "nodes", objectSize: 40, align: 64 });
    const theirs = other.openCache("nodes");
    const objects = [cache, theirs, cache, theirs].map((each) => each.allocate());
    expect(objects.map((offset) => offset % 64)).toEqual([0, 0, 0, 0]);
    expect(theirs.stats().objects).toBe(4);
    bytes[objects[0]! + 40] = 1;
    expect(errorOf(() => theirs.free(objects[0]!)).code).toBe("OVERFLOW");
    theirs.free(objects[0]!);
    theirs.free(cache.allocate());
    heap.free(heap.malloc(100));
    expect(cache.stats().objects).toBe(3);
    expect(errorOf(() => cache.free(objects[0]!)).code).toBe("DOUBLE_FREE");
    expect(errorOf(() => cache.free(heap.malloc(40))).code).toBe("INVALID_FREE");
    expect(errorOf(() => cache.destroy()).code).toBe("IN_USE");
    bytes[objects[1]! - 1] = 1;
    expect(errorOf(() => cache.freeBulk(objects, 4)).code).toBe("DOUBLE_FREE");
    expect(errorOf(() => cache.freeBulk(objects.slice(1), 3)).code).toBe("OVERFLOW");
    expect(errorOf(() => cache.freeBulk([objects[1]!, objects[1]!], 2)).code).toBe("DOUBLE_FREE");
    cache.freeBulk(Int32Array.from(objects.slice(1)), 3);
    expect(heap.stats().caches.find(({ name }) => name === "nodes")!.objects).toBe(0);
    theirs.shrink();
    other.shrink();
    cache.destroy();
    cache.destroy();
    expect(errorOf(() => theirs.allocate()).code).toBe("DETACHED");
    expect(errorOf(() => theirs.free(objects[1]!)).code).toBe("DETACHED");
    heap.check({ quiet: true });
  });

  it("fail when allocations are told to, and when there is no room", () => {
    const { heap } = make({ debug: { fail: { nth: 2 } } });
    const cache = heap.createCache({ name: "blocks", objectSize: 60_000 });
    const first = cache.allocate();
    expect((errorOf(() => cache.allocate()) as RefusedError).reason).toBe("allocation 2 was told to fail");
    const others: number[] = [];
    for (let offset = cache.tryAllocate(); offset !== NONE; offset = cache.tryAllocate()) others.push(offset);
    expect(errorOf(() => cache.allocate()).code).toBe("OUT_OF_MEMORY");
    cache.free(first);
    expect(cache.tryAllocate()).not.toBe(NONE);
  });

  it("are as in a SharedHeap where not everything is guarded", () => {
    const { heap, other } = make({ debug: { sample: 2 } });
    const cache = heap.createCache({ name: "plain", objectSize: 48 });
    expect(cache.slotSize).toBe(48);
    const offset = cache.allocate();
    other.openCache("plain").free(offset);
    heap.free(cache.allocate());
    expect(cache.stats().objects).toBe(0);
  });
});
