/** The same objects through another allocator or by other settings. */
import { FROM_MALLOC, type HeapScript, type PagesScript, type Script } from "../film/script.ts";
import type { TakeSettings } from "./protocol.ts";

/** The smallest block of a buddy allocator that serves objects by itself, in bytes. */
const BUDDY_UNIT = 64;
/** Pages that a buddy allocator manages at most. */
const MAX_UNITS = 2 ** 26;

/** The script for other settings. O(pieces). */
export function retake(script: HeapScript, { allocator, pageSize }: TakeSettings): Script {
  if (allocator === "buddy") return buddyAlone(script);
  const size = Math.max(pageSize, Math.floor(script.size / pageSize) * pageSize);
  const maxSize = Math.max(size, Math.floor(script.maxSize / pageSize) * pageSize);
  const common = { ...script, pageSize, size, maxSize };
  if (allocator === "heap") return common;
  return { ...common, caches: [], cacheOf: new Int32Array(script.pieceCount).fill(FROM_MALLOC) };
}

/** Each object as a block of a power of two, as the textbook's buddy allocator gives it. */
function buddyAlone(script: HeapScript): PagesScript {
  const order = new Uint8Array(script.pieceCount);
  let maxOrder = 10;
  for (let piece = 0; piece < script.pieceCount; piece++) {
    const units = Math.max(1, script.bytesRequested[piece]! / BUDDY_UNIT);
    order[piece] = Math.ceil(Math.log2(units));
    maxOrder = Math.max(maxOrder, order[piece]!);
  }
  const { title, operations, pieceCount, clock } = script;
  const leastUnits = 2 ** maxOrder;
  const size = Math.max(leastUnits, 2 ** Math.ceil(Math.log2(script.size / BUDDY_UNIT))) * BUDDY_UNIT;
  const maxSize = Math.max(size, Math.min(MAX_UNITS * BUDDY_UNIT, script.maxSize));
  const groupOf = new Uint8Array(pieceCount);
  return {
    kind: "pages",
    title,
    pageSize: BUDDY_UNIT,
    size,
    maxSize: 2 ** Math.floor(Math.log2(maxSize)),
    operations,
    pieceCount,
    clock,
    maxOrder,
    order,
    groupOf,
    groups: ["objects"],
    bytesRequested: script.bytesRequested,
  };
}

/** What settings are called. */
export function settingsText({ allocator, pageSize }: TakeSettings): string {
  const pages = `pages of ${pageSize.toLocaleString("en")} bytes`;
  if (allocator === "heap") return `Heap, caches by name, ${pages}`;
  if (allocator === "malloc") return `Heap, malloc only, ${pages}`;
  return `BuddyAllocator alone, blocks from ${BUDDY_UNIT} bytes`;
}
