import { EventKind, NO_PAGE } from "../trace/event.ts";
import type { Trace } from "../trace/trace.ts";
import { LifetimeLinker, Peak, type LifetimeCounts } from "./lifetimes.ts";

/** What happened to the blocks of pages of a recording, besides their lifetimes. */
export interface PageCounts extends LifetimeCounts {
  /**
   * Of `frees`: those that name another order than the allocation. The kernel can split a block and free its
   * pages one by one; the replay then frees the whole block with its first page.
   */
  orderMismatches: number;
}

/** The blocks of pages of a recording as a stream of operations that any allocator can be fed with. */
export interface PageStream {
  /** `i`: block i is allocated; `~i`: it is freed. */
  readonly operations: Int32Array;
  /** For each block: log2 of its pages. */
  readonly order: Uint8Array;
  /** The largest of these; 0 where there are none. */
  readonly largestOrder: number;
  readonly counts: PageCounts;
  /** Pages in live blocks, at their highest. */
  readonly peak: Peak;
  /** Pages in the blocks that live at the end. */
  readonly endPages: number;
}

/**
 * Takes the page events out of a recording and links them. Only `mm_page_alloc` and `mm_page_free` count: of the
 * others, `mm_page_free_batched` tells a second time of a page that `mm_page_free` has told of, and the rest tell
 * how the kernel's page allocator moved pages between its own lists. Expected O(events).
 */
export function pageStream({ events, facts }: Trace): PageStream {
  const allocationEvents = facts.countByKind[EventKind.MM_PAGE_ALLOC]!;
  const eventCount = allocationEvents + facts.countByKind[EventKind.MM_PAGE_FREE]!;
  const order = new Uint8Array(allocationEvents);
  const peak = new Peak();
  let livePages = 0;
  let largestOrder = 0;
  let orderMismatches = 0;
  const linker = new LifetimeLinker(eventCount, (block) => {
    livePages -= 2 ** order[block]!;
  });

  for (let row = 0; row < events.length; row++) {
    const pfn = events.key[row]!;
    const eventOrder = events.order[row]!;
    if (events.kind[row] === EventKind.MM_PAGE_ALLOC) {
      if (pfn === NO_PAGE) {
        linker.counts.failedAllocations++;
        continue;
      }
      const block = linker.allocate(pfn);
      order[block] = eventOrder;
      largestOrder = Math.max(largestOrder, eventOrder);
      livePages += 2 ** eventOrder;
      peak.see(livePages, linker.length);
    } else if (events.kind[row] === EventKind.MM_PAGE_FREE) {
      const block = linker.free(pfn);
      if (block >= 0 && order[block] !== eventOrder) orderMismatches++;
    }
  }
  return {
    operations: linker.operations(),
    order: order.subarray(0, linker.counts.allocations),
    largestOrder,
    counts: { ...linker.counts, orderMismatches },
    peak,
    endPages: livePages,
  };
}
