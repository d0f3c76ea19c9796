/** No allocator: what the loop itself costs in JavaScript. */

import { createOffsetTable, type Adapter, type Allocator, type OffsetTable } from "./adapter.ts";

/** All writes of the baseline land here: a page, so they stay in the nearest cache. */
const BASELINE_BYTES = 4096;

/** Stands for an allocator whose malloc and free cost nothing: its objects all lie in one page. */
class BaselineAdapter implements Adapter, Allocator {
  readonly allocator = this;
  readonly words = new Int32Array(BASELINE_BYTES / 4);
  /** Takes up what `free` reads, so that the read is not optimised away. */
  private sink = 0;

  malloc(argument: number): number {
    return argument & (BASELINE_BYTES - 1);
  }

  calloc(_count: number, byteLength: number): number {
    return this.malloc(byteLength);
  }

  realloc(_old: number, byteLength: number): number {
    return this.malloc(byteLength);
  }

  free(offset: number): void {
    this.sink = (this.sink + offset) | 0;
  }

  createTable(slotCount: number): OffsetTable {
    return createOffsetTable(slotCount, BASELINE_BYTES);
  }

  /** That of the process, for subjects whose memory is that of theirs. */
  footprintBytes(): undefined {
    return undefined;
  }
}

/** @returns the adapter without an allocator, for every target */
export function createAdapter(): Adapter {
  return new BaselineAdapter();
}
