/** What kmem says of itself, in the form in which the viewer tells what it draws. */
import type { BuddyAllocator, HeapSnapshot } from "kmem";
import type { DrawnBlock } from "../../viewer/src/film/describe.ts";

/** The blocks of a heap's snapshot, by rising offset. */
export function blocksOfSnapshot({ slabs, large, free }: HeapSnapshot): DrawnBlock[] {
  return [
    ...slabs.map(({ offset, byteLength, cache, slots }) => ({ offset, byteLength, owner: cache, slots })),
    ...large.map(({ offset, byteLength }) => ({ offset, byteLength, owner: "large objects", slots: "" })),
    ...free.map(({ offset, byteLength }) => ({ offset, byteLength, owner: "free", slots: "" })),
  ].sort((a, b) => a.offset - b.offset);
}

/** The blocks of a buddy allocator; what they are for it does not know. */
export function blocksOfBuddy(buddy: BuddyAllocator): DrawnBlock[] {
  return Array.from(buddy.blocks(), ({ offset, byteLength, free }) => ({
    offset,
    byteLength,
    owner: free ? "free" : "block",
    slots: "",
  }));
}
