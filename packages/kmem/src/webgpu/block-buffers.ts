/**
 * The buffers of a GPU heap: made within the budget, checked when the device has answered, destroyed when empty.
 *
 * One empty buffer is kept as a spare, so that a program which frees and allocates at a boundary does not make and
 * destroy a buffer each time.
 */
import type { AllocError } from "../errors.ts";
import type { AllocationOwner, BlockBuffer } from "./block-buffer.ts";
import { createChecked } from "./checked-buffer.ts";
import type { BufferOf, DeviceLike } from "./device.ts";
import type { RangeSpace } from "./range-space.ts";

/** The heap of the buffers, which says how they are made. */
export interface BuffersOwner<Device extends DeviceLike> extends AllocationOwner {
  readonly device: Device;
  readonly usage: number;
  readonly label: string;
  /** Bytes of a granule; the size of every buffer is a multiple. */
  readonly alignment: number;
  /** Bytes of a buffer that allocations share. */
  readonly blockBytes: number;
  /** Bytes that all buffers may have together. */
  readonly maxBytes: number;
}

/** All buffers of a heap. */
export class BlockBuffers<Device extends DeviceLike> {
  /** Bytes of all buffers. */
  heldBytes = 0;
  /** Why no buffer can be made or used any more. */
  failure: AllocError | undefined = undefined;
  /** The buffer of each span; the index is the span's number. */
  readonly ofSpan: (BlockBuffer<BufferOf<Device>> | undefined)[] = [];
  private readonly all = new Set<BlockBuffer<BufferOf<Device>>>();
  private readonly owner: BuffersOwner<Device>;
  private readonly space: RangeSpace;
  private readonly onRefusal: (block: BlockBuffer<BufferOf<Device>>, error: AllocError) => void;
  /** Resolves when the device has answered for every buffer. */
  private answers: Promise<unknown> = Promise.resolve();
  /** A refusal that `ready` has not told yet. */
  private refusal: AllocError | undefined = undefined;

  /** No buffers yet. Of each that the device refuses later, `onRefusal` is told; the buffer is still there then. */
  constructor(
    owner: BuffersOwner<Device>,
    space: RangeSpace,
    onRefusal: (block: BlockBuffer<BufferOf<Device>>, error: AllocError) => void,
  ) {
    this.owner = owner;
    this.space = space;
    this.onRefusal = onRefusal;
  }

  /** The buffers, in the order in which they were made. */
  get list(): BlockBuffer<BufferOf<Device>>[] {
    return [...this.all];
  }

  /** The buffers that allocations share, in the order in which they were made. */
  get shared(): BlockBuffer<BufferOf<Device>>[] {
    return this.list.filter(({ isDedicated }) => !isDedicated);
  }

  /**
   * Makes a buffer in which `length` granules fit: one of just that length when `isDedicated`, else one to share. Takes
   * the spare's bytes where the budget needs them. Undefined when the budget does not allow it.
   */
  add(length: number, isDedicated: boolean): BlockBuffer<BufferOf<Device>> | undefined {
    const { owner, space } = this;
    const { alignment, maxBytes, device, usage } = owner;
    if (this.heldBytes + length * alignment > maxBytes) this.trim(0);
    const left = Math.floor((maxBytes - this.heldBytes) / alignment);
    if (left < length) return undefined;
    const ownLength = isDedicated ? length : Math.min(owner.blockBytes / alignment, left);
    const size = ownLength * alignment;
    const { buffer, refusal } = createChecked(device, { label: owner.label, size, usage });
    const span = space.addSpan(ownLength);
    const state = { isDedicated, allocationCount: 0, isDestroyed: false };
    const block = { buffer, owner, span, length: ownLength, ...state };
    // Spans are numbered among ranges. Without the length, V8 would make a hash table of an array with such gaps.
    this.ofSpan.length = Math.max(this.ofSpan.length, span + 1);
    this.ofSpan[span] = block;
    this.all.add(block);
    this.heldBytes += size;
    this.answers = Promise.all([this.answers, this.hear(block, refusal)]);
    return block;
  }

  /** Gives the memory of an empty buffer back. */
  remove(block: BlockBuffer<BufferOf<Device>>): void {
    this.space.removeSpan(block.span);
    this.ofSpan[block.span] = undefined;
    this.all.delete(block);
    this.heldBytes -= block.buffer.size;
    block.isDestroyed = true;
    block.buffer.destroy();
  }

  /** Gives back the memory of the empty buffers, but for `spares` of those to share. O(buffers). */
  trim(spares: number): void {
    let left = spares;
    for (const block of this.all) {
      if (block.allocationCount === 0 && (block.isDedicated || left-- <= 0)) this.remove(block);
    }
  }

  /** Resolves when the device has answered for every buffer made so far; rejects with what it refused. */
  async ready(): Promise<void> {
    await this.answers;
    const error = this.failure ?? this.refusal;
    this.refusal = undefined;
    if (error !== undefined) throw error;
  }

  /** Waits for the device's answer about `block`. */
  private async hear(
    block: BlockBuffer<BufferOf<Device>>,
    refusal: Promise<AllocError | undefined>,
  ): Promise<void> {
    const error = await refusal;
    if (error === undefined || block.isDestroyed || this.failure !== undefined) return;
    this.refusal = error;
    this.onRefusal(block, error);
  }
}
