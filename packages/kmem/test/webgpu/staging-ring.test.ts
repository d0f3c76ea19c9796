import { expect, test } from "vitest";
import { AllocError } from "kmem";
import { GpuHeap } from "kmem/webgpu";
import { StagingRing } from "kmem/webgpu/staging";
import { BufferUsage, FakeDevice } from "./fake-device.ts";

function make(chunkBytes: number, maxChunks: number) {
  const device = new FakeDevice();
  const heap = new GpuHeap(device, { usage: BufferUsage.VERTEX, blockBytes: 2 ** 20 });
  const ring = new StagingRing(device, { chunkBytes, maxChunks });
  return { device, heap, ring };
}

test("staged bytes are where the allocations are at the flush; chunks come back and are used again", async () => {
  const { device, heap, ring } = make(256, 2);
  for (let round = 1; round <= 5; round++) {
    const allocations = Array.from({ length: 8 }, () => heap.allocate(60));
    for (const [index, allocation] of allocations.entries()) ring.stage(allocation).fill(round * 10 + index);
    ring.flush();
    for (const [index, { buffer, offset, size }] of allocations.entries()) {
      expect([...new Set(buffer.bytes.subarray(offset, offset + size))]).toEqual([round * 10 + index]);
    }
    expect(ring.chunkCount).toBe(2);
    device.queue.finish();
    await ring.settled();
  }
  // One block of the heap, and the two chunks.
  expect(device.live.length).toBe(3);
});

test("pieces for which there is no chunk are written by the queue", () => {
  const { heap, ring } = make(128, 1);
  const [small, next, large] = [heap.allocate(100), heap.allocate(100), heap.allocate(1000)];
  ring.stage(small).fill(1);
  ring.stage(next).fill(2);
  ring.stage(large, 400, 600).fill(3);
  ring.flush();
  // The chunk is in flight: the same again, without one.
  ring.stage(small, 4).fill(4);
  ring.flush();
  const bytes = small.buffer.bytes;
  expect([...bytes.subarray(small.offset, small.offset + 5)]).toEqual([4, 4, 4, 4, 1]);
  expect(bytes[next.offset + 99]).toBe(2);
  expect([bytes[large.offset + 599], bytes[large.offset + 600], bytes[large.offset + 999]]).toEqual([
    0, 3, 3,
  ]);
  expect(ring.chunkCount).toBe(1);
});

test("pieces of allocations freed before the flush are left out", () => {
  const { heap, ring } = make(4096, 1);
  const allocation = heap.allocate(100);
  ring.stage(allocation).fill(1);
  allocation.free();
  const next = heap.allocate(100);
  expect(next.offset).toBe(allocation.offset);
  ring.flush();
  expect(next.buffer.bytes[next.offset]).toBe(0);
});

test("misuse is refused", () => {
  const { heap, ring, device } = make(4096, 1);
  const allocation = heap.allocate(100);
  expect(() => ring.stage(allocation, 102)).toThrow("byteLength must be an integer from 0 to 100, got 102");
  expect(() => ring.stage(allocation, 6)).toThrow("byteLength must be a multiple of 4, got 6");
  expect(() => ring.stage(allocation, 100, 4)).toThrow("byteLength must be an integer from 0 to 96, got 100");
  allocation.free();
  expect(() => ring.stage(allocation)).toThrow(expect.objectContaining({ code: "NOT_ALLOCATED" }));
  expect(() => new StagingRing(device, { chunkBytes: 8 })).toThrow(
    "chunkBytes must be an integer from 16 to",
  );
  ring.destroy();
  expect(() => ring.stage(heap.allocate(4))).toThrow(AllocError);
});

test("destroy gives all chunks back, those in flight when they return", async () => {
  const { device, heap, ring } = make(128, 2);
  ring.stage(heap.allocate(100)).fill(1);
  ring.flush();
  ring.stage(heap.allocate(100)).fill(1);
  ring.destroy();
  expect(ring.chunkCount).toBe(1);
  device.queue.finish();
  await ring.settled();
  expect(ring.chunkCount).toBe(0);
  expect(device.live.length).toBe(1);
});

test("a device without mapped memory: what is staged goes by the queue", () => {
  const { device, heap, ring } = make(128, 1);
  const allocation = heap.allocate(100);
  const real = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    if (descriptor.mappedAtCreation === true) throw new RangeError("no mapped memory is left");
    return real(descriptor);
  };
  ring.stage(allocation).fill(7);
  ring.flush();
  expect(allocation.buffer.bytes[allocation.offset + 99]).toBe(7);
  expect(ring.chunkCount).toBe(0);
});

test("a chunk that cannot be mapped again is given up", async () => {
  const { device, heap, ring } = make(128, 1);
  ring.stage(heap.allocate(100)).fill(1);
  const chunk = device.buffers.at(-1)!;
  chunk.mapAsync = () => Promise.reject(new Error("the device is lost"));
  ring.flush();
  await ring.settled();
  expect([ring.chunkCount, chunk.isDestroyed]).toEqual([0, true]);
});

test("leaves nothing behind at the end of its scope", () => {
  const { device, heap, ring } = make(128, 1);
  ring.stage(heap.allocate(100)).fill(1);
  ring[Symbol.dispose]();
  expect(ring.chunkCount).toBe(0);
  expect(device.live.length).toBe(1);
});
