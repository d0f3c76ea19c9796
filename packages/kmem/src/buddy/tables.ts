/**
 * Where everything that a buddy allocator knows lies: four typed arrays, which may be parts of one shared buffer.
 *
 * - `state`: a few words, named below. They are truth, as the page map is.
 * - `pages`: the page map (`page-map.ts`).
 * - `lists`: the free lists (`free-lists.ts`), which can be rebuilt from the other two.
 * - `waiting`: freed runs that are on no list yet (`waiting-runs.ts`), which can be forgotten then.
 */

/** The end of the space, exclusive, in pages from the allocator's origin. */
export const END_PAGE = 0;
/**
 * The resize of a run that is under way: its first page + 1 (0 when there is none), and the end that it is to have. A
 * run that grows or shrinks where it is changes more than one byte of the page map; whoever finds these words set after
 * a thread has died finishes the resize.
 */
export const RESIZE_START = 1;
export const RESIZE_END = 2;
export const STATE_WORDS = 3;

/** The tables of one allocator. */
export interface BuddyTables {
  readonly state: Int32Array;
  readonly lists: Int32Array;
  readonly waiting: Int32Array;
  readonly pages: Uint8Array;
}
