import { BuddyAllocator, NONE } from "kmem";
import { powerOfTwoAtLeast } from "./object-replay.ts";
import type { PageStream } from "./page-stream.ts";

/** The kernel's largest order, MAX_PAGE_ORDER, on most machines. */
const KERNEL_MAX_ORDER = 10;
/** How much larger than it starts the space may become. */
const GROWTH_LIMIT = 16;
/** Pages that a BuddyAllocator manages at most. */
const MAX_PAGE_COUNT = 2 ** 26;

/** Puts the blocks of pages of a recording into a `BuddyAllocator`. */
export class PageReplay {
  readonly buddy: BuddyAllocator;
  readonly #stream: PageStream;
  /** Where each block lies; meaningless once it is freed. Doubles, since page spaces go beyond 4 GiB. */
  readonly #offsets: Float64Array;
  #position = 0;
  #sizeBytes: number;
  #growths = 0;

  /** @param options.maxOrder the largest order; by default the kernel's, and in any case that of the recording */
  constructor(stream: PageStream, options: { pageSize: number; maxOrder?: number | undefined }) {
    this.#stream = stream;
    const maxOrder = Math.max(options.maxOrder ?? KERNEL_MAX_ORDER, stream.largestOrder);
    // The space starts as the power of two that holds the recording's peak, so it ends at least half full.
    const pageCount = Math.max(2 ** maxOrder, powerOfTwoAtLeast(stream.peak.value));
    this.#sizeBytes = pageCount * options.pageSize;
    const maxPageCount = Math.max(pageCount, Math.min(GROWTH_LIMIT * pageCount, MAX_PAGE_COUNT));
    const maxSize = maxPageCount * options.pageSize;
    this.buddy = new BuddyAllocator({ size: this.#sizeBytes, maxSize, pageSize: options.pageSize, maxOrder });
    this.#offsets = new Float64Array(stream.order.length);
  }

  /** Operations applied so far. */
  get position(): number {
    return this.#position;
  }

  /** Operations of the whole stream. */
  get length(): number {
    return this.#stream.operations.length;
  }

  /** How often the space had to be doubled. */
  get growths(): number {
    return this.#growths;
  }

  /** Applies the operations up to `position` (exclusive). This loop is what a replay's speed is measured on. */
  advanceTo(position: number): void {
    const { operations, order } = this.#stream;
    const { buddy } = this;
    const offsets = this.#offsets;
    for (let at = this.#position; at < position; at++) {
      const operation = operations[at]!;
      if (operation >= 0) {
        const offset = buddy.tryAllocate(order[operation]!);
        offsets[operation] = offset === NONE ? this.#allocateGrown(order[operation]!) : offset;
      } else {
        buddy.free(offsets[~operation]!);
      }
    }
    this.#position = position;
  }

  #allocateGrown(order: number): number {
    this.#sizeBytes *= 2;
    this.#growths++;
    this.buddy.grow(this.#sizeBytes);
    return this.buddy.allocate(order);
  }
}
