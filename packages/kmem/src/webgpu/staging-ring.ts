/**
 * Uploads through mapped memory: the bytes are made where the GPU can copy them from, without a copy before.
 *
 * Chunks are mapped buffers. `stage` gives out pieces of the open chunks; `flush` ends their mapping, copies all pieces
 * to their allocations and submits that; each chunk comes back, mapped anew, once the GPU has done with it. A chunk is
 * so open, in flight, or idle. Where no chunk is to be had, a piece is an ordinary array and is written by the queue.
 *
 * Cost: `stage` O(1), `flush` O(pieces); at most `maxChunks` chunks.
 */
import { roundDown, roundUp } from "../bits/integers.ts";
import { AllocError, requireInteger } from "../errors.ts";
import { COPY_SRC, MAP_WRITE } from "./buffer-usage.ts";
import type { BufferLike, BufferOf, DeviceLike, EncoderLike } from "./device.ts";
import { type GpuAllocation, requireLive } from "./gpu-allocation.ts";
import { requireWords } from "./words.ts";

const MAP_MODE_WRITE = 2;
const DEFAULT_CHUNK_BYTES = 2 ** 22;
const DEFAULT_MAX_CHUNKS = 4;
/** Pieces begin on multiples of this, so that a view of any element can be made on one. */
const PIECE_ALIGNMENT = 16;

/** How a staging ring is made. */
export interface StagingRingOptions {
  /** Bytes of a chunk, rounded down to a multiple of 16. Default 4 MiB. */
  chunkBytes?: number;
  /** Chunks that there may be. Default 4. */
  maxChunks?: number;
}

/** A mapped buffer. */
interface Chunk<Buffer extends BufferLike> {
  readonly buffer: Buffer;
  /** Its bytes while it is open or idle. */
  bytes: ArrayBuffer;
  /** Where the next piece begins. */
  end: number;
}

/** Bytes on their way to an allocation; without a chunk, they are in an array of their own. */
interface Piece<Buffer extends BufferLike> {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly chunk: Chunk<Buffer> | undefined;
  /** Where they are in the chunk, and how many: known here, since the bytes are gone when the mapping ends. */
  readonly start: number;
  readonly byteLength: number;
  readonly allocation: GpuAllocation<Buffer>;
  readonly byteOffset: number;
}

/** A ring of mapped buffers for uploads into allocations of GPU heaps. */
export class StagingRing<Device extends DeviceLike = DeviceLike> {
  /** Chunks that exist. */
  chunkCount = 0;
  private readonly device: Device;
  private readonly chunkBytes: number;
  private readonly maxChunks: number;
  private readonly idle: Chunk<BufferOf<Device>>[] = [];
  private inFlight: Promise<unknown> = Promise.resolve();
  private open: Chunk<BufferOf<Device>>[] = [];
  private pieces: Piece<BufferOf<Device>>[] = [];
  private isDestroyed = false;

  /** A ring without chunks. Throws RangeError or TypeError for options that are none. */
  constructor(device: Device, options: StagingRingOptions = {}) {
    const { chunkBytes = DEFAULT_CHUNK_BYTES, maxChunks = DEFAULT_MAX_CHUNKS } = options;
    requireInteger("chunkBytes", chunkBytes, PIECE_ALIGNMENT, device.limits.maxBufferSize);
    this.device = device;
    this.chunkBytes = roundDown(chunkBytes, PIECE_ALIGNMENT);
    this.maxChunks = requireInteger("maxChunks", maxChunks, 0, Number.MAX_SAFE_INTEGER);
  }

  /**
   * The bytes that the next `flush` copies into `allocation`, `byteLength` of them from `byteOffset` on (multiples of 4;
   * by default all). What is in them is undefined: write every one, before `flush`. They begin on a multiple of 16.
   *
   * Throws RangeError when they do not lie in the allocation, `AllocError` `NOT_ALLOCATED` when it is freed, `DETACHED`
   * when the ring was destroyed.
   */
  stage(
    allocation: GpuAllocation<BufferOf<Device>>,
    byteLength = allocation.size,
    byteOffset = 0,
  ): Uint8Array<ArrayBuffer> {
    if (this.isDestroyed) throw new AllocError("DETACHED", "the staging ring was destroyed");
    requireLive(allocation);
    requireWords("byteOffset", byteOffset, allocation.size);
    requireWords("byteLength", byteLength, allocation.size - byteOffset);
    const chunk = this.chunkFor(byteLength);
    const start = chunk?.end ?? 0;
    const bytes =
      chunk === undefined ? new Uint8Array(byteLength) : new Uint8Array(chunk.bytes, start, byteLength);
    if (chunk !== undefined) chunk.end = roundUp(start + byteLength, PIECE_ALIGNMENT);
    this.pieces.push({ bytes, chunk, start, byteLength, allocation, byteOffset });
    return bytes;
  }

  /**
   * Copies all staged bytes to where their allocations are now, and submits that. Pieces whose allocation was freed since
   * are left out. Their views must not be used any more. O(pieces).
   */
  flush(): void {
    const { pieces, open, device } = this;
    this.pieces = [];
    this.open = [];
    for (const { buffer } of open) buffer.unmap();
    const encoder = device.createCommandEncoder() as EncoderLike<BufferLike>;
    for (const { chunk, bytes, start, byteLength, allocation, byteOffset } of pieces) {
      if (allocation.end !== undefined) continue;
      const { buffer } = allocation;
      const offset = allocation.offset + byteOffset;
      if (chunk !== undefined) encoder.copyBufferToBuffer(chunk.buffer, start, buffer, offset, byteLength);
      else device.queue.writeBuffer(buffer as never, offset, bytes);
    }
    device.queue.submit([encoder.finish() as never]);
    this.inFlight = Promise.all([this.inFlight, ...open.map((chunk) => this.bringBack(chunk))]);
  }

  /** Resolves when every chunk that is in flight is back. */
  async settled(): Promise<void> {
    await this.inFlight;
  }

  /** Destroys all chunks; what is staged and not flushed is lost. */
  destroy(): void {
    this.isDestroyed = true;
    this.pieces = [];
    for (const chunk of [...this.open, ...this.idle.splice(0)]) this.discard(chunk);
    this.open = [];
  }

  /** `destroy`, so that `using` works. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** An open chunk with room for `byteLength`; undefined when none is to be had. */
  private chunkFor(byteLength: number): Chunk<BufferOf<Device>> | undefined {
    const last = this.open.at(-1);
    if (last !== undefined && last.end + byteLength <= this.chunkBytes) return last;
    if (byteLength > this.chunkBytes) return undefined;
    const chunk = this.idle.pop() ?? (this.chunkCount < this.maxChunks ? this.makeChunk() : undefined);
    if (chunk !== undefined) this.open.push(chunk);
    return chunk;
  }

  private makeChunk(): Chunk<BufferOf<Device>> | undefined {
    const usage = MAP_WRITE | COPY_SRC;
    const descriptor = { label: "kmem staging", size: this.chunkBytes, usage, mappedAtCreation: true };
    try {
      const buffer = this.device.createBuffer(descriptor) as BufferOf<Device>;
      const bytes = buffer.getMappedRange();
      this.chunkCount++;
      return { buffer, bytes, end: 0 };
    } catch {
      // The device has no mapped memory left, or is lost: the queue may still have some.
      return undefined;
    }
  }

  /** Has the chunk mapped again, and puts it with the idle ones. */
  private async bringBack(chunk: Chunk<BufferOf<Device>>): Promise<void> {
    try {
      await chunk.buffer.mapAsync(MAP_MODE_WRITE);
      chunk.bytes = chunk.buffer.getMappedRange();
      chunk.end = 0;
      if (!this.isDestroyed) this.idle.push(chunk);
      else this.discard(chunk);
    } catch {
      // The device is lost: there is nothing to give back.
      this.discard(chunk);
    }
  }

  private discard(chunk: Chunk<BufferOf<Device>>): void {
    this.chunkCount--;
    chunk.buffer.destroy();
  }
}
