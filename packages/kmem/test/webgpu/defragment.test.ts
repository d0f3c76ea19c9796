// Defragmentation of a heap on a device in plain memory: bytes, handles, buffers, and the form of a snapshot.

import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { GpuHeap, type GpuAllocation } from "kmem/webgpu";
import { Random } from "../model/random.ts";
import { BufferUsage, type FakeBuffer, FakeDevice } from "./fake-device.ts";

const BLOCK_BYTES = 2 ** 18;

interface Live {
  readonly allocation: GpuAllocation<FakeBuffer>;
  readonly stamp: number;
}

/** A heap in which every other allocation was freed, and what is left of it. */
function sparseHeap(
  seed: number,
  blockCount: number,
): { device: FakeDevice; heap: GpuHeap<FakeDevice>; live: Live[] } {
  const random = new Random(seed);
  const device = new FakeDevice();
  const heap = new GpuHeap(device, { usage: BufferUsage.VERTEX, blockBytes: BLOCK_BYTES });
  const all: Live[] = [];
  while (heap.stats().blockBuffers <= blockCount) {
    const allocation = heap.allocate(random.between(100, 8000));
    const stamp = 1 + (all.length % 255);
    heap.write(allocation, new Uint8Array(allocation.size).fill(stamp));
    all.push({ allocation, stamp });
  }
  const live = all.filter(({ allocation }) => {
    const isKept = random.chance(0.5);
    if (!isKept) allocation.free();
    return isKept;
  });
  return { device, heap, live };
}

function expectBytes(live: readonly Live[]): void {
  for (const { allocation, stamp } of live) {
    const { buffer, offset, size } = allocation;
    expect(buffer.isDestroyed).toBe(false);
    expect(buffer.bytes.subarray(offset, offset + size).every((byte) => byte === stamp)).toBe(true);
  }
}

test.each([1, 2, 8, 20])(
  "%d buffers: ends with few holes and buffers, all bytes as they were",
  (blockCount) => {
    const { device, heap, live } = sparseHeap(blockCount, blockCount);
    const before = heap.stats();
    expect(before.holes).toBeGreaterThan(0.3);
    const { moves, movedBytes, remainingBytes, destroyedBytes } = heap.defragment();
    heap.check();
    expectBytes(live);
    const after = heap.stats();
    expect(after.holes).toBeLessThanOrEqual(0.05);
    expect(after.usedBytes).toBe(before.usedBytes);
    expect(after.blockBuffers).toBe(Math.ceil(after.usedBytes / (1 - 0.05) / BLOCK_BYTES));
    expect(device.live.length).toBe(after.blockBuffers);
    expect(destroyedBytes).toBe(before.heldBytes - after.heldBytes);
    expect(movedBytes).toBe(moves.reduce((sum, { allocation }) => sum + allocation.size, 0));
    expect(remainingBytes).toBe(0);
    expect(heap.defragment().moves).toEqual([]);
  },
);

test("in steps: no step moves more than it may; between them, the heap is used on", () => {
  const { heap, live } = sparseHeap(3, 12);
  const random = new Random(3);
  for (let step = 0; ; step++) {
    expect(step, "steps come to an end").toBeLessThan(1000);
    const { moves, movedBytes } = heap.defragment({ maxBytes: 20_000 });
    expect(movedBytes).toBeLessThanOrEqual(20_000);
    heap.check();
    expectBytes(live);
    if (moves.length === 0) break;
    if (step > 60) continue;
    live.splice(random.below(live.length), 1)[0]!.allocation.free();
    const allocation = heap.allocate(random.between(100, 8000));
    heap.write(allocation, new Uint8Array(allocation.size).fill(77));
    live.push({ allocation, stamp: 77 });
  }
  expect(heap.stats().holes).toBeLessThanOrEqual(0.05);
});

test("one allocation is moved even if it is larger than the step", () => {
  const { heap } = sparseHeap(5, 4);
  expect(heap.defragment({ maxBytes: 1 }).moves.length).toBe(1);
});

test("owners are told when the handle names the new place; pinned allocations stay", () => {
  const { heap, live } = sparseHeap(7, 6);
  const told: string[] = [];
  const pinned = live.at(-1)!.allocation;
  pinned.pinned = true;
  const place = ({ buffer, offset }: GpuAllocation<FakeBuffer>) => ({ buffer, offset });
  const places = new Map(live.map(({ allocation }) => [allocation, place(allocation)]));
  for (const { allocation } of live) {
    allocation.onMove = ({ allocation, fromBuffer, fromOffset }) => {
      expect({ buffer: fromBuffer, offset: fromOffset }).toEqual(places.get(allocation));
      expect(place(allocation)).not.toEqual(places.get(allocation));
      expect(allocation.version).toBe(1);
      told.push(`${fromOffset}`);
    };
  }
  const before = place(pinned);
  const { moves } = heap.defragment();
  expect(told).toEqual(moves.map(({ fromOffset }) => `${fromOffset}`));
  expect(told.length).toBeGreaterThan(10);
  expect(place(pinned)).toEqual(before);
});

test("a snapshot is one of a heap: by the schema, without gaps, and adding up to the figures", () => {
  const { heap } = sparseHeap(9, 5);
  heap.allocate(BLOCK_BYTES);
  const url = new URL("../../../../docs/snapshot.schema.json", import.meta.url);
  const validate = new Ajv2020({ allErrors: true }).compile(JSON.parse(readFileSync(url, "utf8")) as object);
  const snapshot = heap.snapshot();
  validate(snapshot);
  expect(validate.errors).toBeNull();
  const { size, pageSize, large, free } = snapshot;
  const all = [...large, ...free].sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { offset, byteLength } of all) {
    expect(offset).toBe(end);
    expect(offset % pageSize).toBe(0);
    end += byteLength;
  }
  expect(end).toBe(size);
  for (const { offset, byteLength } of free) {
    expect(Math.log2(byteLength / pageSize) % 1).toBe(0);
    expect(offset % byteLength).toBe(0);
  }
  const stats = heap.stats();
  expect(size).toBe(stats.heldBytes);
  expect(large.length).toBe(stats.allocations);
  expect(free.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(stats.freeBytes);
});
