/**
 * A defragmentation under way: a plan, and how far it has been carried out.
 *
 * Between two steps the owner goes on allocating and freeing. So each move is looked at again in its turn, and left out
 * when its item or the item before its gap is gone or the gap is taken. A plan that came to its end is followed by a
 * new one.
 */
import { NONE } from "../../errors.ts";
import type { BlockBuffer } from "../block-buffer.ts";
import type { BufferLike } from "../device.ts";
import type { GpuAllocation } from "../gpu-allocation.ts";
import type { RangeSpace } from "../range-space.ts";
import type { Item, Layout } from "./layout.ts";
import { type PlannedMove, planMoves } from "./plan.ts";

/** A move that can be made now: to granules from `start` on, in the free range `gap` of `block`. */
export interface PossibleMove<Buffer extends BufferLike> {
  readonly allocation: GpuAllocation<Buffer>;
  readonly block: BlockBuffer<Buffer>;
  readonly gap: number;
  readonly start: number;
}

/** The layout of a heap's blocks, and what its spans and items are in the heap. */
export interface HeapLayout<Buffer extends BufferLike> extends Layout {
  readonly blocks: readonly BlockBuffer<Buffer>[];
  readonly allocations: readonly GpuAllocation<Buffer>[];
}

/** The layout of `blocks` as it is now. `owners` has the allocation of each used range. O(ranges). */
export function layoutOf<Buffer extends BufferLike>(
  space: RangeSpace,
  blocks: readonly BlockBuffer<Buffer>[],
  owners: readonly (GpuAllocation<Buffer> | undefined)[],
): HeapLayout<Buffer> {
  const items: Item[] = [];
  const allocations: GpuAllocation<Buffer>[] = [];
  for (const [index, { span }] of blocks.entries()) {
    for (const range of space.ranges(span)) {
      const owner = owners[range];
      if (space.isFree(range) || owner === undefined) continue;
      const pinned = owner.pinned || owner.end !== undefined;
      const [start, length] = [space.startOf(range), space.lengthOf(range)];
      items.push({ span: index, start, length, align: owner.align, pinned });
      allocations.push(owner);
    }
  }
  return { spans: blocks.map(({ length }) => length), items, blocks, allocations };
}

/** The plan that is being carried out. */
export class Defragmenter<Buffer extends BufferLike> {
  private readonly space: RangeSpace;
  private layout: HeapLayout<Buffer> | undefined;
  private moves: readonly PlannedMove[] = [];
  private index = 0;

  /** No plan yet. */
  constructor(space: RangeSpace) {
    this.space = space;
  }

  /** True when no move is left of the plan. */
  get isDone(): boolean {
    return this.index === this.moves.length;
  }

  /** Granules of the moves that are left of the plan. */
  get remainingLength(): number {
    const items = this.layout?.items ?? [];
    return this.moves.slice(this.index).reduce((sum, { item }) => sum + items[item].length, 0);
  }

  /** Makes a new plan. */
  start(layout: HeapLayout<Buffer>, maxHoles: number): void {
    this.layout = layout;
    this.moves = planMoves(layout, maxHoles);
    this.index = 0;
  }

  /** The next move that can be made, leaving out what cannot; undefined at the plan's end. */
  peek(): PossibleMove<Buffer> | undefined {
    for (; this.index < this.moves.length; this.index++) {
      const move = this.possible(this.moves[this.index]);
      if (move !== undefined) return move;
    }
    return undefined;
  }

  /** Goes on behind the move that `peek` told. */
  advance(): void {
    this.index++;
  }

  private possible({ item, span, start, after }: PlannedMove): PossibleMove<Buffer> | undefined {
    const { space, layout } = this;
    if (layout === undefined) return undefined;
    const allocation = layout.allocations[item];
    const block = layout.blocks[span];
    if (allocation.end !== undefined || allocation.pinned || block.isDestroyed) return undefined;
    let before = block.span;
    if (after !== NONE) {
      const { end, range } = layout.allocations[after];
      if ((end !== undefined && end !== "freeing") || space.spanOf(range) !== block.span) return undefined;
      before = range;
    }
    const gap = space.behind(before);
    if (!space.isFree(gap)) return undefined;
    const gapStart = space.startOf(gap);
    const fits = gapStart <= start && start + layout.items[item].length <= gapStart + space.lengthOf(gap);
    return fits ? { allocation, block, gap, start } : undefined;
  }
}
