/** A still: a heap's snapshot as a film of a single moment. */
import { type HeapSnapshot, unusableFreeSpaceIndex } from "kmem";
import { type Film, LARGE, NEVER, type Owner, watchedOrder } from "./film.ts";

/** A column of a single sample. */
const one = (value: number): Float64Array => Float64Array.of(value);

/** Makes the film. Throws an Error that says what is missing or wrong in the snapshot. O(slots). */
export function stillOf(snapshot: HeapSnapshot, title: string): Film {
  const { base, size, pageSize, caches, slabs, large, free, maxSize } = snapshot;
  const owners: Owner[] = [
    { name: "free", kind: "free", slotSize: 0, objectSize: 0 },
    { name: "large objects", kind: "large", slotSize: 0, objectSize: 0 },
    ...caches.map(({ name, slotSize, objectSize }) => {
      const kind = /^malloc-\d+$/.test(name) ? ("class" as const) : ("named" as const);
      return { name, kind, slotSize, objectSize };
    }),
  ];
  const ownerOf = new Map(owners.map(({ name }, owner) => [name, owner]));
  const maxOrder = Math.max(0, Math.floor(Math.log2(maxSize / pageSize)));
  const blocks = [
    ...slabs.map((slab) => ({ ...slab, owner: ownerOf.get(slab.cache) })),
    ...large.map((run) => ({ ...run, owner: LARGE, slots: "1", slotSize: run.byteLength })),
  ];
  const offsets: number[] = [];
  const bytes: number[] = [];
  const blockOf: number[] = [];
  for (const [block, { owner, slots, slotSize, offset }] of blocks.entries()) {
    if (owner === undefined)
      throw new Error(`a slab at ${offset} is of a cache that the snapshot does not list`);
    for (let slot = 0; slot < slots.length; slot++) {
      if (slots[slot] !== "1") continue;
      offsets.push(offset + slot * slotSize);
      bytes.push(slotSize);
      blockOf.push(block);
    }
  }
  const usedBytes = bytes.reduce((sum, each) => sum + each, 0);
  const heldBytes = blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const freeBlocks = Array.from({ length: maxOrder + 1 }, () => 0);
  for (const { byteLength } of free) freeBlocks[Math.log2(byteLength / pageSize)]!++;
  const pageCount = size / pageSize;
  return {
    kind: "heap",
    title,
    pageSize,
    base,
    maxOrder,
    owners,
    operations: new Int32Array(0),
    position: 0,
    pageCount,
    pieceCount: offsets.length,
    pieceOffset: Float64Array.from(offsets),
    pieceBytes: bytes,
    pieceBlock: Uint32Array.from(blockOf),
    pieceBornAt: new Uint32Array(offsets.length),
    pieceDiedAt: new Uint32Array(offsets.length).fill(NEVER),
    blockCount: blocks.length,
    blockPage: Uint32Array.from(blocks, ({ offset }) => (offset - base) / pageSize),
    blockPageCount: Uint32Array.from(blocks, ({ byteLength }) => byteLength / pageSize),
    blockOwner: Uint16Array.from(blocks, ({ owner }) => owner!),
    blockBornAt: new Uint32Array(blocks.length),
    blockDiedAt: new Uint32Array(blocks.length).fill(NEVER),
    growths: [{ moment: 0, pageCount }],
    checkpoints: [],
    failures: [],
    series: {
      step: 1,
      count: 1,
      moment: one(0),
      liveBytes: one(usedBytes),
      usedBytes: one(usedBytes),
      heldBytes: one(heldBytes),
      sizeBytes: one(size),
      unusable: one(unusableFreeSpaceIndex(freeBlocks, watchedOrder(maxOrder))),
      freeBlocks: freeBlocks.map(one),
    },
  };
}
