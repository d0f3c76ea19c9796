/**
 * Says in sentences what a step did, from the pictures before and after it: which list gave the block, how it was split,
 * what merged. Nothing is known here but what kmem shows.
 */
import { hex } from "../film/hex.ts";
import {
  alignedPieces,
  buddyPage,
  freeLists,
  mergeChain,
  type TowerBlock,
  type TowerPicture,
} from "../film/tower.ts";
import type { PlayedPicture, PlayedSlab } from "./machine.ts";
import type { Command } from "./program.ts";

/** What a step did. `offset` is what it made, -1 where it made nothing. */
export function explain(
  command: Command,
  offset: number,
  before: PlayedPicture,
  after: PlayedPicture,
): string {
  switch (command.kind) {
    case "block":
    case "pages":
      return explainPages(command, offset, before.tower, after.tower);
    case "cache":
      return `A cache for objects of ${command.objectSize} bytes. It has no slab yet: the first object brings one.`;
    case "malloc":
    case "object":
      return explainObject(command, offset, before, after);
    case "free":
      return explainFree(command.name, before, after);
  }
}

function explainPages(
  command: { readonly kind: string; readonly order?: number; readonly count?: number },
  offset: number,
  before: TowerPicture,
  after: TowerPicture,
): string {
  const pages = command.order === undefined ? command.count! : 2 ** command.order;
  const what =
    command.order === undefined ? `A run of ${countOf(pages, "page")}` : `A block of order ${command.order}`;
  return `${what}: ${takePages(offset, pages, before, after)}`;
}

/** How a stretch of pages was taken from the free lists. */
function takePages(offset: number, pageCount: number, before: TowerPicture, after: TowerPicture): string {
  const page = (offset - before.base) / before.pageSize;
  const wanted = Math.ceil(Math.log2(pageCount));
  const source = before.blocks.find(
    (block) => block.owner === 0 && block.page <= page && page < block.page + block.pageCount,
  )!;
  const order = Math.log2(source.pageCount);
  const at = hex(before.base + source.page * before.pageSize);
  if (source.page + source.pageCount < page + pageCount) {
    return `no single free block holds it, so neighbouring free blocks from ${at} on are put together.`;
  }
  if (order === wanted && pageCount === source.pageCount) {
    return `the list of order ${order} has a free block at ${at}. It is taken.`;
  }
  const halves = newFreeBlocks(before, after, source);
  const rest = `Free again: ${halves.map((block) => describeBlock(after, block)).join(", ")}.`;
  if (order === wanted)
    return `the list of order ${order} has a block at ${at}; the tail of it goes back. ${rest}`;
  const missing = wanted + 1 === order ? `order ${wanted}` : `orders ${wanted} to ${order - 1}`;
  const split = `no free block of ${missing}; split the order ${order} block at ${at} ${times(order - wanted)}.`;
  return pageCount === 2 ** wanted
    ? `${split} ${rest}`
    : `${split} The tail behind the run goes back. ${rest}`;
}

/** The free blocks that lie in `source` now. */
function newFreeBlocks(before: TowerPicture, after: TowerPicture, source: TowerBlock): TowerBlock[] {
  const end = source.page + source.pageCount;
  const known = new Set(
    before.blocks.filter(({ owner }) => owner === 0).map(({ page, pageCount }) => `${page}+${pageCount}`),
  );
  return after.blocks.filter(
    ({ owner, page, pageCount }) =>
      owner === 0 && page >= source.page && page < end && !known.has(`${page}+${pageCount}`),
  );
}

function explainObject(
  command: { readonly kind: string; readonly name: string; readonly bytes?: number; readonly cache?: string },
  offset: number,
  before: PlayedPicture,
  after: PlayedPicture,
): string {
  const slab = slabAt(after.slabs, offset);
  if (slab === undefined) {
    const block = blockAt(after.tower, offset);
    const what = `${command.bytes!} bytes are more than a slot holds, so they get ${countOf(block.pageCount, "whole page")}`;
    return `${what}: ${takePages(offset, block.pageCount, before.tower, after.tower)}`;
  }
  const slot = `slot ${(offset - slab.offset) / slab.slotSize} of the slab at ${hex(slab.offset)}`;
  const rounded =
    command.bytes === undefined ? "" : `${command.bytes} bytes are rounded up to slots of ${slab.slotSize}. `;
  if (before.slabs.some((each) => each.offset === slab.offset && each.cache === slab.cache)) {
    return `${rounded}The cache ${slab.cache} has a free one: ${slot}. Its bit is set.`;
  }
  const pages = slab.byteLength / after.tower.pageSize;
  const came = takePages(slab.offset, pages, before.tower, after.tower);
  const cut = `It is cut into ${countOf(slab.slots.length, "slot")} of ${slab.slotSize} bytes`;
  return `${rounded}No slab of ${slab.cache} has a free slot, so the pages give a block: ${came} ${cut}; the object gets ${slot}.`;
}

function explainFree(name: string, before: PlayedPicture, after: PlayedPicture): string {
  const offset = before.places.get(name)!;
  const slab = slabAt(before.slabs, offset);
  if (slab === undefined)
    return `${name} goes back to the pages. ${explainMerges(before.tower, after.tower, blockAt(before.tower, offset))}`;
  const slot = `Slot ${(offset - slab.offset) / slab.slotSize} of the slab at ${hex(slab.offset)} is free again: its bit is cleared`;
  const now = slabAt(after.slabs, slab.offset);
  if (now?.cache === slab.cache) {
    const isEmpty = !now.slots.includes("1");
    return isEmpty ? `${slot}. The slab is empty now; its cache keeps it for its next need.` : `${slot}.`;
  }
  return `${slot}. The slab is empty and its cache has a spare one, so its pages go back. ${explainMerges(before.tower, after.tower, blockAt(before.tower, slab.offset))}`;
}

/** How a stretch of pages merged with its buddies. */
function explainMerges(before: TowerPicture, after: TowerPicture, block: TowerBlock): string {
  const pieces = alignedPieces(block, before.maxOrder);
  const chain = pieces.length === 1 ? mergeChain(before, pieces[0]!.page, pieces[0]!.order) : [];
  const at = (page: number): string => hex(before.base + page * before.pageSize);
  if (chain.length > 0) {
    const merges = chain.map(
      ({ order, buddyPage, page }) =>
        `its buddy at ${at(buddyPage)} is free too: they merge to order ${order + 1} at ${at(page)}`,
    );
    return `${sentence(merges.join("; "))}.`;
  }
  const now = after.blocks.find(
    ({ owner, page, pageCount }) => owner === 0 && page <= block.page && block.page < page + pageCount,
  )!;
  if (pieces.length > 1) return `What is free now there: ${describeBlock(after, now)}.`;
  const { page, order } = pieces[0]!;
  if (order === before.maxOrder) return "It is the whole space: there is nothing to merge with.";
  const list = freeLists(after)[order]!.length;
  return `Its buddy at ${at(buddyPage(page, order))} is not free as a whole, so it joins the list of order ${order}, which has ${list} now.`;
}

function slabAt(slabs: readonly PlayedSlab[], offset: number): PlayedSlab | undefined {
  return slabs.find((slab) => slab.offset <= offset && offset < slab.offset + slab.byteLength);
}

function blockAt({ blocks, base, pageSize }: TowerPicture, offset: number): TowerBlock {
  const page = (offset - base) / pageSize;
  return blocks.find((block) => block.page <= page && page < block.page + block.pageCount)!;
}

function describeBlock({ base, pageSize }: TowerPicture, { page, pageCount }: TowerBlock): string {
  return `order ${Math.log2(pageCount)} at ${hex(base + page * pageSize)}`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function times(count: number): string {
  return ["", "once", "twice", "three times"][count] ?? `${count} times`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
