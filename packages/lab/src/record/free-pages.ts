/**
 * The set of pages in the page allocator's free lists, read from `/proc/kpageflags`: eight bytes of flags a page frame.
 *
 * The kernel gives flags page by page without stopping: pages that move while it is read may be seen in two places or in
 * none. Cost: about 80 ns a page frame, nearly all of it the kernel's.
 */
import { closeSync, openSync, readSync } from "node:fs";

/** `KPF_BUDDY`, bit 10: set on every page of a free block, not only on its first. In the low byte but one. */
const BUDDY_BYTE = 1;
const BUDDY_MASK = 1 << (10 - 8);

const FLAG_BYTES = 8;
const CHUNK_PAGES = 1 << 16;
const INITIAL_RANGES = 1 << 12;

/** Rising numbers, two a range: its first page, and the page after its last. */
class RangeList {
  #edges = new Float64Array(2 * INITIAL_RANGES);
  #length = 0;

  push(edge: number): void {
    if (this.#length === this.#edges.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#edges);
      this.#edges = larger;
    }
    this.#edges[this.#length++] = edge;
  }

  finish(): Float64Array {
    return this.#edges.slice(0, this.#length);
  }
}

/**
 * Reads the set of free pages as rising ranges: element 2i is the first page of range i, element 2i + 1 the page after
 * its last. Throws the errors of reading; `file` needs root.
 */
export function readFreePages(file = "/proc/kpageflags"): Float64Array {
  const fd = openSync(file, "r");
  try {
    const chunk = Buffer.alloc(CHUNK_PAGES * FLAG_BYTES);
    const ranges = new RangeList();
    let isFree = false;
    let page = 0;
    for (;;) {
      const bytes = readSync(fd, chunk, 0, chunk.length, page * FLAG_BYTES);
      const pages = Math.floor(bytes / FLAG_BYTES);
      if (pages === 0) break;
      for (let index = 0; index < pages; index++) {
        const isNowFree = (chunk[index * FLAG_BYTES + BUDDY_BYTE]! & BUDDY_MASK) !== 0;
        if (isNowFree === isFree) continue;
        isFree = isNowFree;
        ranges.push(page + index);
      }
      page += pages;
    }
    if (isFree) ranges.push(page);
    return ranges.finish();
  } finally {
    closeSync(fd);
  }
}
