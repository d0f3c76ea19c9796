/**
 * The GPU heap: many allocations in few GPU buffers.
 *
 * It takes buffers of `blockBytes` from the device as it needs them and cuts them into ranges (`range-space.ts`); a
 * request of more than half a block gets a buffer of its own. Growing adds a buffer and moves nothing. An allocation
 * is an object (`gpu-allocation.ts`); only `defragment` moves the bytes, and it then updates the object.
 *
 * It assumes that all work on its buffers goes to the device's one queue, in whose order a place that was freed and
 * handed out again is read before it is written again.
 *
 * Invariants:
 *   G1: each buffer has one span in the space, as long as the buffer; `heldBytes` is the sum of their sizes.
 *   G2: each used range has the allocation that names it, whose buffer and offset are the range's.
 *   G3: one buffer without allocations is kept as a spare, no more.
 *
 * Cost: `allocate` and `free` O(1), but for the device's part in making a buffer; 32 bytes of tables a range, and the
 * handle.
 */
import { roundDown, roundUp } from "../bits/integers.ts";
import {
  AllocError,
  argumentError,
  freeError,
  NONE,
  OutOfMemoryError,
  requireInteger,
  requireSame,
} from "../errors.ts";
import type { HeapSnapshot } from "../heap/snapshot.ts";
import { indexOfFailure } from "../inspect/fragmentation.ts";
import { alignmentFor, requireUsage } from "./alignment.ts";
import { MAX_LENGTH } from "./bins.ts";
import type { BlockBuffer } from "./block-buffer.ts";
import { BlockBuffers, type BuffersOwner } from "./block-buffers.ts";
import { COPY_DST, COPY_SRC } from "./buffer-usage.ts";
import { lostError } from "./checked-buffer.ts";
import { type Copy, submitCopies } from "./copies.ts";
import { DeferredFrees } from "./deferred-frees.ts";
import { type BlockSpan, Defragmenter, layoutOf, type PossibleMove } from "./defragment/defragmenter.ts";
import { holeShare } from "./defragment/layout.ts";
import { type BufferOf, type DeviceLike, type QueueLike } from "./device.ts";
import { GpuAllocation, type GpuMove, requireLive, writable } from "./gpu-allocation.ts";
import { RangeSpace } from "./range-space.ts";
import { gpuHeapSnapshot } from "./snapshot.ts";
import type { GpuHeapStats } from "./stats.ts";
import { requireWords } from "./words.ts";

const DEFAULT_BLOCK_BYTES = 2 ** 25;
const DEFAULT_MAX_HOLES = 0.05;

/** What a GPU heap is for, and how large it may get. */
export interface GpuHeapOptions<Device extends DeviceLike = DeviceLike> {
  /** What the buffers are used for: bits of `GPUBufferUsage`, without the two of mapping. Copies are always allowed. */
  usage: number;
  /** Bytes of a buffer that allocations share. Default 32 MiB, or the largest buffer that the device makes. */
  blockBytes?: number;
  /** Bytes that all buffers may have together. Default: no limit but the device's. */
  maxBytes?: number;
  /** A name for the buffers, in the device's messages. Default "kmem". */
  label?: string;
  /**
   * Called when the device has refused a buffer after the fact, or is lost: with the error, and the allocations whose
   * bytes are not there. Default: nothing; what uses such an allocation throws the error.
   */
  onError?: (error: AllocError, allocations: GpuAllocation<BufferOf<Device>>[]) => void;
}

/** How far a defragmentation goes. */
export interface DefragmentOptions {
  /** Bytes to move at most; one allocation is moved even if it is larger. Default: no limit. */
  maxBytes?: number;
  /** The share of holes to reach, from 0 to 0.9. Default 0.05. */
  maxHoles?: number;
}

/** What a step of defragmentation did. */
export interface Defragmentation<Device extends DeviceLike = DeviceLike> {
  /** The moves made, in order. No moves: nothing is left to do. */
  readonly moves: readonly GpuMove<BufferOf<Device>>[];
  /** Bytes that were moved. */
  readonly movedBytes: number;
  /** Bytes that the plan still has to move. */
  readonly remainingBytes: number;
  /** Bytes of the buffers that were destroyed, as nothing is in them any more. */
  readonly destroyedBytes: number;
}

/** Which bytes are copied. All multiples of 4. */
export interface CopyOptions {
  /** Bytes to copy. Default: what both allocations have room for from the offsets on. */
  byteLength?: number;
  /** Where they begin in the source, in bytes. Default 0. */
  fromOffset?: number;
  /** Where they go in the destination, in bytes. Default 0. */
  toOffset?: number;
}

/** Returns `maxBytes` when it is a number of bytes, from 1, or Infinity. */
function requireLimit(maxBytes: number): number {
  return maxBytes === Infinity ? maxBytes : requireInteger("maxBytes", maxBytes, 1, Number.MAX_SAFE_INTEGER);
}

/** The error of freeing what is no allocation, or another heap's. */
function foreignError(allocation: unknown): Error {
  return allocation instanceof GpuAllocation
    ? freeError("INVALID_FREE", allocation.offset, "it is not of this heap")
    : argumentError("allocation", "of a GPU heap", allocation);
}

/** Allocates in GPU buffers. */
export class GpuHeap<Device extends DeviceLike = DeviceLike> implements BuffersOwner<Device> {
  /** The device whose memory it is. */
  readonly device: Device;
  /** The usage of its buffers, those bits included that copies need. */
  readonly usage: number;
  /** Bytes of a buffer that allocations share. */
  readonly blockBytes: number;
  /** Bytes that all buffers may have together. */
  readonly maxBytes: number;
  /** The name of its buffers. */
  readonly label: string;
  /** The alignment of every allocation, in bytes: what the usage and the device's limits demand. A power of two. */
  readonly alignment: number;
  /** The largest request, in bytes. */
  private readonly maxRequest: number;
  private readonly space = new RangeSpace();
  private readonly blocks: BlockBuffers<Device>;
  /** The allocation of each used range; the index is the range's number. */
  private readonly owners: (GpuAllocation<BufferOf<Device>> | undefined)[] = [];
  private readonly deferred: DeferredFrees<GpuAllocation<BufferOf<Device>>>;
  private readonly defragmenter: Defragmenter<BufferOf<Device>>;
  private readonly onError: GpuHeapOptions<Device>["onError"];

  /**
   * Makes a heap without buffers. Throws RangeError or TypeError for a usage, size or budget that is none.
   *
   * The heap watches `device.lost`.
   */
  constructor(device: Device, options: GpuHeapOptions<Device>) {
    if (typeof device?.createBuffer !== "function") throw argumentError("device", "a GPUDevice", device);
    const { limits } = device;
    const { usage, maxBytes = Infinity, label = "kmem", onError } = options;
    this.device = device;
    this.usage = requireUsage(usage) | COPY_SRC | COPY_DST;
    const alignment = alignmentFor(this.usage, limits);
    this.alignment = alignment;
    this.maxRequest = roundDown(Math.min(limits.maxBufferSize, MAX_LENGTH * alignment), alignment);
    const { blockBytes = Math.min(DEFAULT_BLOCK_BYTES, this.maxRequest) } = options;
    this.blockBytes = roundUp(
      requireInteger("blockBytes", blockBytes, alignment, this.maxRequest),
      alignment,
    );
    this.maxBytes = requireLimit(maxBytes);
    this.label = label;
    this.onError = onError;
    this.blocks = new BlockBuffers(this, this.space, (block, error) => {
      this.onError?.(error, this.clear(block, error));
    });
    this.deferred = new DeferredFrees((allocation) => {
      if (allocation.end === "freeing") this.release(allocation);
    });
    this.defragmenter = new Defragmenter(this.space);
    void this.watch(device.lost);
  }

  /**
   * Allocates `byteLength` bytes, at a multiple of `alignment` and of `align` (bytes; any positive integer, so that a
   * vertex stride will do). What is in them is undefined.
   *
   * Throws `OutOfMemoryError` when the budget does not allow another buffer, `AllocError` `DEVICE_LOST` when the device is
   * lost; RangeError or TypeError for a length or alignment that is none. Whether the device has the memory, it tells
   * later: see `ready`. O(1), and a buffer's making.
   */
  allocate(byteLength: number, align?: number): GpuAllocation<BufferOf<Device>> {
    const allocation = this.tryAllocate(byteLength, align);
    if (allocation !== undefined) return allocation;
    const { freeBytes, freeRanges, largestFreeBytes } = this.stats();
    const fragmentationIndex =
      largestFreeBytes < byteLength ? indexOfFailure(freeRanges, freeBytes / byteLength) : -1000;
    throw new OutOfMemoryError({
      requestedBytes: byteLength,
      freeBytes,
      largestFreeBytes,
      fragmentationIndex,
    });
  }

  /** As `allocate`, but returns undefined when the budget does not allow another buffer. */
  tryAllocate(byteLength: number, align?: number): GpuAllocation<BufferOf<Device>> | undefined {
    requireInteger("byteLength", byteLength, 1, this.maxRequest);
    const alignLength = align === undefined ? 1 : this.alignLength(align);
    this.requireAlive();
    const isDedicated = byteLength > this.blockBytes / 2;
    const length = (((byteLength - 1) / this.alignment) | 0) + 1;
    let range = isDedicated ? NONE : this.space.take(length, alignLength);
    if (range === NONE) {
      const added = this.blocks.add(length, isDedicated);
      if (added === undefined) return undefined;
      range = this.space.claim(this.space.behind(added.span), 0, length);
    }
    // G1: each span has its block.
    const block = this.blocks.ofSpan[this.space.spanOf(range)]!;
    block.allocationCount++;
    const offset = this.space.startOf(range) * this.alignment;
    // The next multiple of 4: the two lowest bits of the negative number are what is missing.
    const size = byteLength + (-byteLength & 3);
    const allocation = new GpuAllocation(block, offset, size, alignLength, range);
    this.owners[range] = allocation;
    return allocation;
  }

  /** Frees an allocation of this heap, as `allocation.free()` does; `INVALID_FREE` when it is another heap's. O(1). */
  free(allocation: GpuAllocation<BufferOf<Device>>): void {
    if (this.hasBytes(allocation)) this.release(allocation);
  }

  /** Frees an allocation of this heap later, as `allocation.freeAfter(queue)` does. O(1). */
  freeAfter(allocation: GpuAllocation<BufferOf<Device>>, queue: QueueLike): void {
    if (!this.hasBytes(allocation)) return;
    writable(allocation).ending = "freeing";
    this.deferred.add(allocation, queue);
  }

  /** Resolves when all frees that wait for the GPU so far have been done. */
  settled(): Promise<void> {
    return this.deferred.settled();
  }

  /**
   * Writes `data` into an allocation, from `byteOffset` on (a multiple of 4), through the device's queue.
   *
   * Throws RangeError when the data do not fit or their length is no multiple of 4, `AllocError` when the allocation is
   * freed or its bytes are gone.
   */
  write(
    allocation: GpuAllocation<BufferOf<Device>>,
    data: ArrayBufferView | ArrayBufferLike,
    byteOffset = 0,
  ): void {
    this.requireLive(allocation);
    const { buffer, offset, size } = allocation;
    requireWords("byteOffset", byteOffset, size);
    requireWords("data.byteLength", data?.byteLength, size - byteOffset);
    // WebGPU copies what it is given before it returns, so memory that threads share will do.
    this.device.queue.writeBuffer(buffer as never, offset + byteOffset, data as ArrayBuffer);
  }

  /** Copies bytes from one allocation to another, or within one, and submits that. Throws as `write` does. */
  copy(
    from: GpuAllocation<BufferOf<Device>>,
    to: GpuAllocation<BufferOf<Device>>,
    { byteLength, fromOffset = 0, toOffset = 0 }: CopyOptions = {},
  ): void {
    this.requireLive(from, to);
    requireWords("fromOffset", fromOffset, from.size);
    requireWords("toOffset", toOffset, to.size);
    const room = Math.min(from.size - fromOffset, to.size - toOffset);
    const size = requireWords("byteLength", byteLength ?? room, room);
    const source = { from: from.buffer, fromOffset: from.offset + fromOffset };
    const copy = { ...source, to: to.buffer, toOffset: to.offset + toOffset, size };
    submitCopies(this.device, [copy]);
  }

  /**
   * Moves allocations out of sparse buffers into holes of full ones, destroys the buffers that get empty, and submits the
   * copies. Makes a plan, or goes on with the last one; call it until it has no moves.
   *
   * Handles name the new places when it returns, and each `onMove` has been called. Commands that were recorded with the
   * old places must have been submitted before, since what is submitted later may find other bytes there.
   *
   * O(n log n) to plan for n allocations in shared buffers, else O(moves). Throws `AllocError` `DEVICE_LOST`.
   */
  defragment({
    maxBytes = Infinity,
    maxHoles = DEFAULT_MAX_HOLES,
  }: DefragmentOptions = {}): Defragmentation<Device> {
    requireLimit(maxBytes);
    if (!(maxHoles >= 0 && maxHoles <= 0.9)) throw argumentError("maxHoles", "from 0 to 0.9", maxHoles);
    this.requireAlive();
    const { defragmenter, blocks } = this;
    defragmenter.start(() => this.layout(), maxHoles);
    const copies: Copy<BufferOf<Device>>[] = [];
    const moves: GpuMove<BufferOf<Device>>[] = [];
    let movedBytes = 0;
    for (
      let move;
      (move = defragmenter.next(movedBytes === 0 ? Infinity : maxBytes - movedBytes)) !== undefined;
    ) {
      movedBytes += move.allocation.size;
      moves.push(this.move(move, copies));
    }
    if (copies.length > 0) submitCopies(this.device, copies);
    const heldBytes = blocks.heldBytes;
    if (moves.length > 0) blocks.trim(0);
    for (const move of moves) move.allocation.onMove?.(move);
    const remainingBytes = defragmenter.remainingLength * this.alignment;
    return { moves, movedBytes, remainingBytes, destroyedBytes: heldBytes - blocks.heldBytes };
  }

  /** Destroys the spare buffer, if there is one. */
  trim(): void {
    this.blocks.trim(0);
  }

  /**
   * Resolves when the device has confirmed every buffer made so far. Rejects with an `AllocError`:
   * `DEVICE_OUT_OF_MEMORY` or `DEVICE_ERROR` when it refused one, which is gone then, with its allocations;
   * `DEVICE_LOST`.
   */
  ready(): Promise<void> {
    return this.blocks.ready();
  }

  /** The buffers, in the order in which they were made, which is that of the snapshot. */
  get buffers(): BufferOf<Device>[] {
    return this.blocks.list.map(({ buffer }) => buffer);
  }

  /** Figures of this moment. O(allocations). */
  stats(): GpuHeapStats {
    const { list, shared, heldBytes } = this.blocks;
    let allocations = 0;
    let freeBytes = 0;
    let freeRanges = 0;
    let largestFreeBytes = 0;
    for (const { span, allocationCount } of list) {
      allocations += allocationCount;
      for (const range of this.space.ranges(span)) {
        if (!this.space.isFree(range)) continue;
        const byteLength = this.space.lengthOf(range) * this.alignment;
        freeBytes += byteLength;
        freeRanges++;
        largestFreeBytes = Math.max(largestFreeBytes, byteLength);
      }
    }
    return {
      blockBuffers: shared.length,
      dedicatedBuffers: list.length - shared.length,
      allocations,
      waitingFrees: this.deferred.count,
      heldBytes,
      usedBytes: heldBytes - freeBytes,
      freeBytes,
      freeRanges,
      largestFreeBytes,
      holes: holeShare(this.layout()),
      metadataBytes: this.space.metadataBytes,
    };
  }

  /**
   * The whole state as plain data for JSON, in the form of a heap's snapshot: the buffers, in the order in which they
   * were made, lie one behind the other in one space. O(ranges).
   */
  snapshot(): HeapSnapshot {
    return gpuHeapSnapshot(this.space, this.blocks.list, this.alignment, this.maxBytes);
  }

  /** Walks everything and compares. Throws `AllocError` `CORRUPTED` that names what does not hold. O(ranges). */
  check(): void {
    const { space, blocks } = this;
    const list = blocks.list;
    space.check(list);
    let heldBytes = 0;
    let spares = 0;
    for (const { span, length, allocationCount } of list) {
      let count = 0;
      heldBytes += length * this.alignment;
      if (allocationCount === 0) spares++;
      for (const range of space.ranges(span)) {
        const owner = this.owners[range];
        requireSame("G2", "owner", owner === undefined, space.isFree(range));
        if (owner === undefined) continue;
        count++;
        const found = [owner.range, owner.offset, owner.block.span];
        const expected = [range, space.startOf(range) * this.alignment, span];
        requireSame("G2", "owner", `${found}`, `${expected}`);
      }
      requireSame("G2", "count", allocationCount, count);
    }
    requireSame("G1", "heldBytes", blocks.heldBytes, heldBytes);
    requireSame("G3", "spares", spares, Math.min(spares, 1));
  }

  /** Destroys every buffer. All allocations are gone; what uses the heap or them throws `AllocError` `DETACHED`. */
  destroy(): void {
    const error = new AllocError("DETACHED", `the GPU heap "${this.label}" was destroyed`);
    this.blocks.failure ??= error;
    for (const block of this.blocks.list) this.clear(block, error);
  }

  /** `destroy`, so that `using` works. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  private requireAlive(): void {
    if (this.blocks.failure !== undefined) throw this.blocks.failure;
  }

  /** What is in the shared buffers. */
  private layout(): BlockSpan<BufferOf<Device>>[] {
    return layoutOf(this.space, this.blocks.shared, this.owners);
  }

  private requireLive(...allocations: GpuAllocation<BufferOf<Device>>[]): void {
    this.requireAlive();
    for (const allocation of allocations) requireLive(allocation);
  }

  /** The alignment in granules that serves both `align` bytes and the granule: their least common multiple. */
  private alignLength(align: number): number {
    requireInteger("align", align, 1, this.maxRequest);
    let common = this.alignment;
    while (align % common !== 0) common /= 2;
    return align / common;
  }

  private release(allocation: GpuAllocation<BufferOf<Device>>): void {
    if (this.vacate(allocation) === 0) this.blocks.trim(1);
    writable(allocation).range = NONE;
  }

  /** Frees the range of an allocation; returns how many are left in its buffer. */
  private vacate({ range, block }: GpuAllocation<BufferOf<Device>>): number {
    this.owners[range] = undefined;
    this.space.release(range);
    return --block.allocationCount;
  }

  /** Whether a handle that is to end has bytes to release. One whose bytes went with their buffer ends here. */
  private hasBytes(allocation: GpuAllocation<BufferOf<Device>>): boolean {
    if (allocation?.block?.owner !== this) throw foreignError(allocation);
    const { end } = allocation;
    if (end === undefined) return true;
    if (typeof end === "string") {
      throw freeError("DOUBLE_FREE", allocation.offset, "the allocation was freed");
    }
    writable(allocation).range = NONE;
    return false;
  }

  /** Makes a move in the tables and the handle; what is to be copied goes to `copies`. */
  private move(
    { allocation, block, gap, start }: PossibleMove<BufferOf<Device>>,
    copies: Copy<BufferOf<Device>>[],
  ): GpuMove<BufferOf<Device>> {
    const { buffer: fromBuffer, offset: fromOffset, size } = allocation;
    const range = this.space.claim(gap, start, this.space.lengthOf(allocation.range));
    const offset = start * this.alignment;
    copies.push({ from: fromBuffer, fromOffset, to: block.buffer, toOffset: offset, size });
    // An emptied buffer stays until the copies out of it are submitted.
    this.vacate(allocation);
    this.owners[range] = allocation;
    block.allocationCount++;
    const version = allocation.version + 1;
    Object.assign(writable(allocation), { block, offset, range, version });
    return { allocation, fromBuffer, fromOffset };
  }

  /** Ends every allocation in `block` with `error`, and gives the block back. */
  private clear(block: BlockBuffer<BufferOf<Device>>, error: AllocError): GpuAllocation<BufferOf<Device>>[] {
    const ended = this.owners.filter(
      (owner): owner is GpuAllocation<BufferOf<Device>> => owner?.block === block,
    );
    for (const allocation of ended) {
      this.vacate(allocation);
      if (allocation.ending === undefined) writable(allocation).ending = error;
      else writable(allocation).range = NONE;
    }
    this.blocks.remove(block);
    return ended;
  }

  /** Waits for the loss of the device. Nothing works from then on; frees do, so that owners can clean up. */
  private async watch(lost: Device["lost"]): Promise<void> {
    const error = lostError((await lost).message);
    if (this.blocks.failure !== undefined) return;
    this.blocks.failure = error;
    this.onError?.(
      error,
      this.owners.filter((owner) => owner !== undefined),
    );
  }
}
