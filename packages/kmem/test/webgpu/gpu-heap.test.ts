// The GPU heap on a device in plain memory that throws wherever a real one would report an error.

import { describe, expect, test } from "vitest";
import { AllocError, type AllocErrorCode, OutOfMemoryError } from "kmem";
import { alignmentFor, GpuHeap, type GpuAllocation, type GpuHeapOptions } from "kmem/webgpu";
import { BufferUsage, type FakeBuffer, FakeDevice } from "./fake-device.ts";

const { INDEX, INDIRECT, MAP_READ, QUERY_RESOLVE, STORAGE, UNIFORM, VERTEX } = BufferUsage;
const MIB = 2 ** 20;

function makeHeap(options: Partial<GpuHeapOptions<FakeDevice>> = {}): {
  device: FakeDevice;
  heap: GpuHeap<FakeDevice>;
} {
  const device = new FakeDevice();
  return { device, heap: new GpuHeap(device, { usage: VERTEX, blockBytes: MIB, ...options }) };
}

function bytesOf(allocation: GpuAllocation<FakeBuffer>): Uint8Array {
  return allocation.buffer.bytes.slice(allocation.offset, allocation.offset + allocation.size);
}

function codeOf(action: () => unknown): AllocErrorCode | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof AllocError) return error.code;
    throw error;
  }
  return undefined;
}

describe("alignment", () => {
  const limits = {
    maxBufferSize: 1,
    minUniformBufferOffsetAlignment: 256,
    minStorageBufferOffsetAlignment: 64,
  };

  test.each([
    [VERTEX, 16],
    [INDEX, 16],
    [INDIRECT, 16],
    [UNIFORM, 256],
    [STORAGE, 64],
    [STORAGE | VERTEX, 64],
    [STORAGE | UNIFORM, 256],
    [QUERY_RESOLVE, 256],
  ])("usage %d: multiples of %d", (usage, alignment) => {
    expect(alignmentFor(usage, limits)).toBe(alignment);
  });

  test("an alignment of one's own is met besides the usage's, also when it is no power of two", () => {
    const { heap } = makeHeap();
    for (const align of [1, 4, 12, 20, 36, 64, 100, 4096]) {
      heap.allocate(20);
      const { offset } = heap.allocate(40, align);
      expect(offset % align, `align ${align}`).toBe(0);
      expect(offset % 16).toBe(0);
    }
    heap.check();
  });
});

describe("growth", () => {
  test("adds buffers and moves nothing", () => {
    const { device, heap } = makeHeap();
    const allocations = Array.from({ length: 30 }, () => heap.allocate(100_000));
    expect(device.live.length).toBe(3);
    expect(
      new Set(allocations.map(({ buffer, offset }) => `${device.buffers.indexOf(buffer)} ${offset}`)).size,
    ).toBe(30);
    expect(allocations.every(({ version }) => version === 0)).toBe(true);
    heap.check();
  });

  test("more than half a block gets a buffer of its own, which goes with it", () => {
    const { device, heap } = makeHeap();
    const half = heap.allocate(MIB / 2);
    const more = heap.allocate(MIB / 2 + 1);
    expect(half.buffer.size).toBe(MIB);
    expect(more.buffer.size).toBe(MIB / 2 + 16);
    expect(more.size).toBe(MIB / 2 + 4);
    more.free();
    expect(device.live).toEqual([half.buffer]);
    heap.check();
  });

  test("after freeing all, all buffers but one are destroyed; trim destroys that one, too", () => {
    const { device, heap } = makeHeap();
    const allocations = Array.from({ length: 100 }, (_, index) => heap.allocate(1000 + index * 1000));
    expect(device.live.length).toBeGreaterThan(4);
    for (const allocation of allocations) allocation.free();
    expect(device.live.length).toBe(1);
    expect(heap.stats()).toMatchObject({
      blockBuffers: 1,
      allocations: 0,
      usedBytes: 0,
      freeRanges: 1,
      holes: 0,
    });
    heap.check();
    heap.trim();
    expect(device.live).toEqual([]);
    expect(heap.stats().heldBytes).toBe(0);
  });

  test("keeps within the budget: a smaller last buffer, the spare given up, then an error with figures", () => {
    const { device, heap } = makeHeap({ maxBytes: 1.5 * MIB });
    const first = heap.allocate(MIB / 2);
    heap.allocate(MIB / 2);
    const third = heap.allocate(MIB / 4);
    expect(third.buffer.size).toBe(MIB / 2);
    expect(heap.tryAllocate(MIB / 2)).toBeUndefined();
    expect(() => heap.allocate(MIB / 2)).toThrow(OutOfMemoryError);
    expect(codeOf(() => heap.allocate(MIB / 2))).toBe("OUT_OF_MEMORY");
    expect(() => heap.allocate(MIB / 2)).toThrow(
      `asked for ${MIB / 2} bytes, ${MIB / 4} are free, ${MIB / 4} in the largest block`,
    );
    expect(heap.stats().heldBytes).toBe(1.5 * MIB);
    third.free();
    expect(heap.allocate(MIB / 2).buffer.size).toBe(MIB / 2);
    expect(device.live).toContain(first.buffer);
    heap.check();
  });

  test("gives up the spare where the budget needs its bytes", () => {
    const { device, heap } = makeHeap({ maxBytes: MIB });
    heap.allocate(1000).free();
    expect(device.live.length).toBe(1);
    expect(heap.allocate(MIB).buffer.size).toBe(MIB);
    expect(device.live.length).toBe(1);
  });
});

describe("frees", () => {
  test("freed twice, of another heap, no allocation: each is its own error, and changes nothing", () => {
    const { heap } = makeHeap();
    const { heap: other } = makeHeap();
    const allocation = heap.allocate(100);
    expect(codeOf(() => other.free(allocation))).toBe("INVALID_FREE");
    expect(() => heap.free("mesh" as never)).toThrow(TypeError);
    expect(() => heap.free(undefined as never)).toThrow("allocation must be of a GPU heap, got undefined");
    allocation.free();
    expect(codeOf(() => allocation.free())).toBe("DOUBLE_FREE");
    expect(codeOf(() => allocation.freeAfter(heap.device.queue))).toBe("DOUBLE_FREE");
    expect(codeOf(() => heap.write(allocation, new Uint8Array(4)))).toBe("NOT_ALLOCATED");
    heap.check();
  });

  test("freeAfter holds the place until the queue is done, one wait for all", async () => {
    const { device, heap } = makeHeap();
    const allocations = [heap.allocate(1000), heap.allocate(1000), heap.allocate(1000)];
    for (const allocation of allocations) allocation.freeAfter(device.queue);
    expect(codeOf(() => allocations[0]!.free())).toBe("DOUBLE_FREE");
    await Promise.resolve();
    expect(device.queue.waitingCount).toBe(1);
    expect(heap.stats()).toMatchObject({ allocations: 3, waitingFrees: 3 });
    device.queue.finish();
    await heap.settled();
    expect(heap.stats()).toMatchObject({ allocations: 0, waitingFrees: 0 });
    heap.check();
  });

  test("disposal frees, and does nothing to what is freed already", () => {
    const { heap } = makeHeap();
    const allocation = heap.allocate(100);
    allocation[Symbol.dispose]();
    expect(allocation.end).toBe("freed");
    allocation[Symbol.dispose]();
    expect(heap.stats().allocations).toBe(0);
  });
});

describe("bytes", () => {
  test("write and copy reach the allocation and nothing beside it", () => {
    const { heap } = makeHeap();
    const [before, from, to] = [heap.allocate(16), heap.allocate(64), heap.allocate(64)];
    heap.write(before, new Uint8Array(16).fill(9));
    heap.write(from, new Uint32Array([1, 2, 3, 4]).subarray(1, 3), 8);
    heap.write(to, new Uint8Array(64).fill(7).buffer);
    heap.copy(from, to, { byteLength: 8, fromOffset: 8, toOffset: 4 });
    expect([...new Uint32Array(bytesOf(to).buffer)].slice(0, 4)).toEqual([0x07070707, 2, 3, 0x07070707]);
    // Within one allocation, also where the places overlap.
    heap.copy(to, to, { byteLength: 12, fromOffset: 4, toOffset: 8 });
    expect([...new Uint32Array(bytesOf(to).buffer)].slice(1, 5)).toEqual([2, 2, 3, 0x07070707]);
    expect(bytesOf(before).every((byte) => byte === 9)).toBe(true);
  });

  test.each([
    ["data.byteLength must be a multiple of 4, got 3", 3, 0],
    ["data.byteLength must be an integer from 0 to 8, got 12", 12, 8],
    ["byteOffset must be a multiple of 4, got 2", 4, 2],
    ["byteOffset must be an integer from 0 to 16, got 20", 4, 20],
  ])("a write is refused: %s", (message, byteLength, byteOffset) => {
    const { heap } = makeHeap();
    const allocation = heap.allocate(16);
    expect(() => heap.write(allocation, new Uint8Array(byteLength), byteOffset)).toThrow(
      new RangeError(message),
    );
  });
});

describe("wrong arguments", () => {
  test.each([
    ["byteLength must be an integer from 1 to 268435456, got 0", (heap: GpuHeap) => heap.allocate(0)],
    ["byteLength must be an integer from 1 to 268435456, got NaN", (heap: GpuHeap) => heap.allocate(NaN)],
    ["align must be an integer from 1 to 268435456, got 0", (heap: GpuHeap) => heap.allocate(4, 0)],
    ["maxBytes must be an integer from 1 to", (heap: GpuHeap) => heap.defragment({ maxBytes: 0 })],
    ["maxHoles must be from 0 to 0.9, got 1", (heap: GpuHeap) => heap.defragment({ maxHoles: 1 })],
  ])("%s", (message, action) => {
    expect(() => action(makeHeap().heap)).toThrow(message);
  });

  test.each([
    ["usage must be an integer from 1 to 1023, got 0", { usage: 0 }],
    ["usage must be without mapping, got 33", { usage: VERTEX | MAP_READ }],
    ["blockBytes must be an integer from 16 to 268435456, got 8", { blockBytes: 8 }],
    ["maxBytes must be an integer from 1 to", { maxBytes: -1 }],
  ])("%s", (message, options) => {
    expect(() => makeHeap(options)).toThrow(message);
  });

  test("a device that is none", () => {
    expect(() => new GpuHeap({} as never, { usage: VERTEX })).toThrow("device must be a GPUDevice");
  });
});

describe("a device that fails", () => {
  test.each([
    ["out-of-memory", "DEVICE_OUT_OF_MEMORY"],
    ["validation", "DEVICE_ERROR"],
  ])(
    "%s: the buffer is gone with its allocations, the owner is told, the heap goes on",
    async (filter, code) => {
      const told: [string, number][] = [];
      const { device, heap } = makeHeap({ onError: (error, gone) => told.push([error.code, gone.length]) });
      const kept = heap.allocate(MIB / 2);
      heap.allocate(MIB / 2);
      await heap.ready();
      device.nextRefusal = { filter, message: "no" };
      const gone = [heap.allocate(1000), heap.allocate(1000)];
      await expect(heap.ready()).rejects.toMatchObject({
        code,
        message: `the GPU device refused buffer "kmem" of ${MIB} bytes: no`,
      });
      expect(told).toEqual([[code, 2]]);
      expect(codeOf(() => heap.write(gone[0]!, new Uint8Array(4)))).toBe(code);
      gone[0]!.free();
      gone[1]!.freeAfter(heap.device.queue);
      for (const allocation of gone) expect(codeOf(() => allocation.free())).toBe("DOUBLE_FREE");
      expect(heap.stats()).toMatchObject({ blockBuffers: 1, allocations: 2 });
      await heap.ready();
      heap.write(kept, new Uint8Array(4));
      heap.allocate(1000);
      heap.check();
    },
  );

  test("loss: everything but frees throws DEVICE_LOST, with the device's reason", async () => {
    const told: [string, number][] = [];
    const { device, heap } = makeHeap({ onError: (error, gone) => told.push([error.code, gone.length]) });
    const allocation = heap.allocate(1000);
    device.lose("the driver went away");
    await device.lost;
    await Promise.resolve();
    expect(told).toEqual([["DEVICE_LOST", 1]]);
    for (const action of [
      () => heap.allocate(1000),
      () => heap.tryAllocate(1000),
      () => heap.write(allocation, new Uint8Array(4)),
      () => heap.copy(allocation, allocation),
      () => heap.defragment(),
    ]) {
      expect(codeOf(action)).toBe("DEVICE_LOST");
      expect(action).toThrow("the GPU device is lost: the driver went away");
    }
    await expect(heap.ready()).rejects.toMatchObject({ code: "DEVICE_LOST" });
    allocation.free();
  });

  test("destroy gives every buffer back; what comes later is DETACHED", () => {
    const { device, heap } = makeHeap();
    const allocations = [heap.allocate(1000), heap.allocate(MIB)];
    heap.destroy();
    expect(device.live).toEqual([]);
    expect(codeOf(() => heap.allocate(1000))).toBe("DETACHED");
    expect(codeOf(() => heap.write(allocations[0]!, new Uint8Array(4)))).toBe("DETACHED");
    allocations[0]!.free();
  });
});

test("shared buffers are no larger than the device allows", () => {
  const device = new FakeDevice();
  device.limits.maxBufferSize = 2 ** 20;
  const heap = new GpuHeap(device, { usage: VERTEX });
  expect(heap.allocate(4).buffer.size).toBe(2 ** 20);
});

test("a copy without options is of as much as both have", () => {
  const { heap } = makeHeap();
  const [from, to] = [heap.allocate(100), heap.allocate(40)];
  heap.write(from, new Uint8Array(100).fill(3));
  heap.copy(from, to);
  expect([...bytesOf(to)]).toEqual(Array.from({ length: 40 }, () => 3));
});

describe("the end of a heap", () => {
  test("is that of its scope; its buffers are listed until then", () => {
    const { device, heap } = makeHeap();
    const allocation = heap.allocate(100);
    expect(heap.buffers).toEqual([allocation.buffer]);
    heap[Symbol.dispose]();
    expect(heap.buffers).toEqual([]);
    expect(device.live).toEqual([]);
  });

  test("is told once: a device that is lost afterwards says nothing more", async () => {
    const errors: AllocErrorCode[] = [];
    const { device, heap } = makeHeap({ onError: ({ code }) => errors.push(code) });
    heap.destroy();
    device.lose("gone");
    await device.lost;
    await Promise.resolve();
    expect(errors).toEqual([]);
    expect(codeOf(() => heap.allocate(4))).toBe("DETACHED");
  });

  test("finds frees that still wait for the queue, and does them no second time", async () => {
    const { device, heap } = makeHeap();
    const allocation = heap.allocate(100);
    allocation.freeAfter(device.queue as never);
    heap.destroy();
    device.queue.finish();
    await Promise.resolve();
    device.queue.finish();
    await heap["deferred"].settled();
    expect(heap.stats()).toMatchObject({ allocations: 0, waitingFrees: 0 });
    expect(codeOf(() => allocation.free())).toBe("DOUBLE_FREE");
  });
});
