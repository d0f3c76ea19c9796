/**
 * A defragmentation under way: a plan, and how far it has been carried out.
 *
 * Between two steps the owner goes on allocating and freeing. So each move is looked at again in its turn, and left out
 * when its item or the item before its gap is gone or the gap is taken. A plan that came to its end is followed by a
 * new one.
 */
import type { BlockBuffer } from "../block-buffer.ts";
import type { BufferLike } from "../device.ts";
import type { GpuAllocation } from "../gpu-allocation.ts";
import type { RangeSpace } from "../range-space.ts";
import { type Item, lengthOfAll, type Move, type Span } from "./layout.ts";
import { planMoves } from "./plan.ts";

/** An allocation as an item. */
interface AllocationItem<Buffer extends BufferLike> extends Item {
  readonly allocation: GpuAllocation<Buffer>;
}

/** A buffer as a span. */
export interface BlockSpan<Buffer extends BufferLike> extends Span<AllocationItem<Buffer>> {
  readonly block: BlockBuffer<Buffer>;
}

/** A move that can be made now: to granules from `start` on, in the free range `gap` of `block`. */
export interface PossibleMove<Buffer extends BufferLike> {
  readonly allocation: GpuAllocation<Buffer>;
  readonly block: BlockBuffer<Buffer>;
  readonly gap: number;
  readonly start: number;
}

/** The layout of `blocks` as it is now. `owners` has the allocation of each used range. O(ranges). */
export function layoutOf<Buffer extends BufferLike>(
  space: RangeSpace,
  blocks: readonly BlockBuffer<Buffer>[],
  owners: readonly (GpuAllocation<Buffer> | undefined)[],
): BlockSpan<Buffer>[] {
  return blocks.map((block) => {
    const items: AllocationItem<Buffer>[] = [];
    for (const range of space.ranges(block.span)) {
      const allocation = owners[range];
      if (allocation === undefined) continue;
      const pinned = allocation.pinned || allocation.end !== undefined;
      const [start, length] = [space.startOf(range), space.lengthOf(range)];
      items.push({ allocation, start, length, align: allocation.align, pinned });
    }
    return { block, length: block.length, items };
  });
}

/** The plan that is being carried out. */
export class Defragmenter<Buffer extends BufferLike> {
  private readonly space: RangeSpace;
  private layout: BlockSpan<Buffer>[] = [];
  private moves: readonly Move<AllocationItem<Buffer>>[] = [];
  /** How many of the moves have been made or left out. */
  private doneCount = 0;

  /** No plan yet. */
  constructor(space: RangeSpace) {
    this.space = space;
  }

  /** Granules of the moves that are left of the plan. */
  get remainingLength(): number {
    return lengthOfAll(this.moves.slice(this.doneCount).map(({ item }) => item));
  }

  /** Makes a new plan if the last one is done. */
  start(layout: () => BlockSpan<Buffer>[], maxHoles: number): void {
    if (this.doneCount < this.moves.length) return;
    this.layout = layout();
    this.moves = planMoves(this.layout, maxHoles);
    this.doneCount = 0;
  }

  /**
   * Takes the next move off the plan that can be made, leaving out what cannot; undefined at the plan's end, and where the
   * move is one of more than `maxBytes`, which so stays the next.
   */
  next(maxBytes: number): PossibleMove<Buffer> | undefined {
    for (; this.doneCount < this.moves.length; this.doneCount++) {
      const possible = this.possible(this.moves[this.doneCount]);
      if (possible === undefined) continue;
      if (possible.allocation.size > maxBytes) break;
      this.doneCount++;
      return possible;
    }
    return undefined;
  }

  private possible({
    item,
    span,
    start,
    after,
  }: Move<AllocationItem<Buffer>>): PossibleMove<Buffer> | undefined {
    const { space } = this;
    const { block } = this.layout[span];
    const { allocation, length } = item;
    if (allocation.end !== undefined || allocation.pinned || block.isDestroyed) return undefined;
    const before = after?.allocation;
    if (before !== undefined && (before.block !== block || before.end === "freed")) return undefined;
    space.merge();
    const gap = space.behind(before?.range ?? block.span);
    const gapStart = space.startOf(gap);
    const fits = space.isFree(gap) && gapStart <= start && start + length <= gapStart + space.lengthOf(gap);
    return fits ? { allocation, block, gap, start } : undefined;
  }
}
