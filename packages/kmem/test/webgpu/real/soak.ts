/// <reference types="@webgpu/types" />
/**
 * Random allocations, frees, copies and defragmentation on a real device, with bytes that are read back.
 *
 * Runs in Node and in a browser. Each allocation's first and last bytes are filled from a stamp of its own; a copy hands
 * the stamp on. Every stamp is read back at the checkpoints, after whatever moved the bytes meanwhile.
 */
import { GpuHeap, type GpuAllocation } from "kmem/webgpu";
import { StagingRing } from "kmem/webgpu/staging";
import { Random } from "../../model/random.ts";

/** How long a soak is. */
export interface SoakOptions {
  readonly seed: number;
  /** Allocations and frees in all. */
  readonly operations: number;
  readonly usage: number;
}

/** What happened. */
export interface SoakResult {
  readonly allocations: number;
  readonly frees: number;
  readonly copies: number;
  readonly moves: number;
  readonly movedBytes: number;
  /** Bytes that were read back and compared. */
  readonly comparedBytes: number;
  /** The most buffers that there were at a checkpoint. */
  readonly mostBuffers: number;
  /** Buffers that are left after everything was freed. */
  readonly buffersLeft: number;
  /** What was wrong, in words; empty when nothing was. */
  readonly faults: string[];
}

const LEAST_BYTES = 16;
const MOST_BYTES = 2 ** 22;
/** Bytes that are filled at either end of an allocation. */
const PIECE_BYTES = 512;
const MOST_LIVE_BYTES = 96 * 2 ** 20;
const MAP_READ = 1;
const COPY_DST = 8;

interface Live {
  readonly allocation: GpuAllocation<GPUBuffer>;
  stamp: number;
}

/** The pieces of an allocation that are filled: where they begin, and how long they are. */
function piecesOf(size: number): { start: number; length: number }[] {
  if (size <= 2 * PIECE_BYTES) return [{ start: 0, length: size }];
  return [
    { start: 0, length: PIECE_BYTES },
    { start: size - PIECE_BYTES, length: PIECE_BYTES },
  ];
}

/** Fills `words`, which begin at byte `start` of what `stamp` is for. */
function fill(words: Uint32Array, stamp: number, start: number): void {
  for (let index = 0; index < words.length; index++) {
    words[index] = Math.imul(stamp ^ (start / 4 + index), 0x9e3779b1);
  }
}

/** Does what the options say, on `device`. */
export async function soak(device: GPUDevice, { seed, operations, usage }: SoakOptions): Promise<SoakResult> {
  const random = new Random(seed);
  const faults: string[] = [];
  device.onuncapturederror = ({ error }) => faults.push(error.message);
  const heap = new GpuHeap(device, { usage, blockBytes: 2 ** 24, label: "soak" });
  const ring = new StagingRing(device);
  const live: Live[] = [];
  const counts = {
    allocations: 0,
    frees: 0,
    copies: 0,
    moves: 0,
    movedBytes: 0,
    comparedBytes: 0,
    mostBuffers: 0,
  };
  let liveBytes = 0;
  let nextStamp = 1;

  const allocate = (size: number): GpuAllocation<GPUBuffer> => {
    const align = random.chance(0.1) ? random.pick([4, 12, 20, 512, 4096]) : undefined;
    const allocation = heap.allocate(size, align);
    if (allocation.offset % heap.alignment !== 0) faults.push(`offset ${allocation.offset} is not aligned`);
    if (allocation.offset % (align ?? 1) !== 0)
      faults.push(`offset ${allocation.offset} is no multiple of ${align}`);
    counts.allocations++;
    liveBytes += allocation.size;
    return allocation;
  };
  const write = (allocation: GpuAllocation<GPUBuffer>, stamp: number): void => {
    const isStaged = random.chance(0.5);
    for (const { start, length } of piecesOf(allocation.size)) {
      const bytes = isStaged ? ring.stage(allocation, length, start) : new Uint8Array(length);
      fill(new Uint32Array(bytes.buffer, bytes.byteOffset, length / 4), stamp, start);
      if (!isStaged) heap.write(allocation, bytes, start);
    }
  };
  const free = (): void => {
    const [last] = live.splice(random.below(live.length), 1, live.at(-1)!);
    if (live.length > 0) live.pop();
    liveBytes -= last!.allocation.size;
    counts.frees++;
    if (random.chance(0.3)) last!.allocation.freeAfter(device.queue);
    else last!.allocation.free();
  };
  const clone = (): void => {
    const source = live[random.below(live.length)]!;
    const allocation = allocate(source.allocation.size);
    ring.flush();
    heap.copy(source.allocation, allocation);
    counts.copies++;
    live.push({ allocation, stamp: source.stamp });
  };
  const defragment = (): void => {
    ring.flush();
    const versions = new Map(live.map(({ allocation }) => [allocation, allocation.version]));
    const { moves, movedBytes } = heap.defragment({ maxBytes: 2 ** 24 });
    counts.moves += moves.length;
    counts.movedBytes += movedBytes;
    for (const { allocation } of moves) versions.set(allocation, (versions.get(allocation) ?? 0) + 1);
    for (const [allocation, version] of versions) {
      if (allocation.version !== version) faults.push(`version ${allocation.version} instead of ${version}`);
    }
  };
  const verify = async (): Promise<void> => {
    ring.flush();
    heap.check();
    counts.mostBuffers = Math.max(counts.mostBuffers, heap.stats().blockBuffers);
    counts.comparedBytes += await compare(device, live, faults);
    await heap.ready();
  };

  for (let done = 0; done < operations; done = counts.allocations + counts.frees) {
    if (live.length > 0 && (liveBytes > MOST_LIVE_BYTES || random.chance(0.48))) free();
    else if (live.length > 0 && random.chance(0.1)) clone();
    else {
      const size = Math.min(
        MOST_BYTES,
        Math.round(LEAST_BYTES * 2 ** (random.unit() * Math.log2(MOST_BYTES / LEAST_BYTES))),
      );
      const allocation = allocate(size);
      const stamp = nextStamp++;
      write(allocation, stamp);
      live.push({ allocation, stamp });
    }
    if (done % 64 === 0) ring.flush();
    if (done % 500 === 0) defragment();
    if (done % 5000 === 0) await verify();
  }
  await verify();
  while (live.length > 0) free();
  ring.flush();
  await heap.settled();
  await ring.settled();
  heap.check();
  const { blockBuffers, dedicatedBuffers } = heap.stats();
  heap.destroy();
  ring.destroy();
  await device.queue.onSubmittedWorkDone();
  return { ...counts, buffersLeft: blockBuffers + dedicatedBuffers, faults };
}

/** Reads the pieces of all `live` allocations back and compares them; returns how many bytes that were. */
async function compare(device: GPUDevice, live: readonly Live[], faults: string[]): Promise<number> {
  const pieces = live.flatMap(({ allocation, stamp }) =>
    piecesOf(allocation.size).map((piece) => ({ ...piece, allocation, stamp })),
  );
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  if (size === 0) return 0;
  const buffer = device.createBuffer({ label: "read back", size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  let at = 0;
  for (const { allocation, start, length } of pieces) {
    encoder.copyBufferToBuffer(allocation.buffer, allocation.offset + start, buffer, at, length);
    at += length;
  }
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(MAP_READ);
  const found = new Uint32Array(buffer.getMappedRange());
  const expected = new Uint32Array(PIECE_BYTES / 2);
  at = 0;
  for (const { allocation, stamp, start, length } of pieces) {
    const words = expected.subarray(0, length / 4);
    fill(words, stamp, start);
    const wrong = words.findIndex((word, index) => found[at + index] !== word);
    if (wrong >= 0)
      faults.push(`stamp ${stamp} at offset ${allocation.offset + start}: word ${wrong} is wrong`);
    at += words.length;
  }
  buffer.destroy();
  return size;
}
