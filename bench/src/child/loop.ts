/** What `child/main.ts` knows of a measured loop, wherever that runs. */

import type { Column } from "../subjects/sample.ts";

/** A loop over the stream's operations, with an allocator behind it. */
export interface Loop {
  /** Carries out the operations from word `begin` to word `end` of the stream, exclusive. */
  run(column: Column, begin: number, end: number): void;
  /**
   * Bytes held right now: what objects and free slots cover, and all metadata. Undefined where the allocator's
   * memory is that of the process.
   */
  footprintBytes(): number | undefined;
  /** Writes every byte of what a slot holds; of a loop whose memory is that of the process. */
  fill?(slot: number): void;
}
