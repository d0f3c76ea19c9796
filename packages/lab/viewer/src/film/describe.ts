/** A moment in words and figures: what tables, towers and messages show of it. */
import { externalFragmentationIndex, unusableFreeSpaceIndex } from "kmem";
import { FAILED, type Film, FREE, LARGE, NEVER } from "./film.ts";
import { freeBlocksAt, type FreeBlocks } from "./free-blocks.ts";
import { type Moment, NO_BLOCK } from "./moment.ts";
import type { ScriptClock } from "./script.ts";
import type { TowerBlock, TowerPicture } from "./tower.ts";

/** Figures of a moment, in bytes where nothing else is said. */
export interface MomentFigures {
  readonly liveBytes: number;
  readonly usedBytes: number;
  readonly heldBytes: number;
  readonly sizeBytes: number;
  /** Pieces that are there. */
  readonly objects: number;
  readonly largestFreeBytes: number;
  /** Free blocks of each order. */
  readonly freeBlocks: readonly number[];
  /** For each order, in thousandths: the kernel's two indices. */
  readonly externalIndex: readonly number[];
  readonly unusableIndex: readonly number[];
}

/** One cache, or all large objects, or one group of blocks. */
export interface CacheRow {
  readonly owner: number;
  readonly name: string;
  readonly objectSize: number;
  readonly slotSize: number;
  readonly objects: number;
  /** Slots of all slabs; for large objects as many as there are. */
  readonly slots: number;
  readonly slabs: number;
  readonly heldBytes: number;
}

/** Slots that a block of an owner has; 1 where the whole block is one object. */
export function slotsOf(film: Film, block: number): number {
  const { slotSize } = film.owners[film.blockOwner[block]!]!;
  return slotSize === 0 ? 1 : Math.floor((film.blockPageCount[block]! * film.pageSize) / slotSize);
}

/** The figures of a moment. O(what is there). */
export function figuresOf(moment: Moment, free: FreeBlocks): MomentFigures {
  const { film, blocks, blockCount, pieces, pieceCount, objectsIn } = moment;
  let liveBytes = 0;
  let usedBytes = 0;
  let heldPages = 0;
  for (let index = 0; index < pieceCount; index++) liveBytes += film.pieceBytes[pieces[index]!]!;
  for (let index = 0; index < blockCount; index++) {
    const block = blocks[index]!;
    const { slotSize } = film.owners[film.blockOwner[block]!]!;
    heldPages += film.blockPageCount[block]!;
    usedBytes += slotSize === 0 ? film.blockPageCount[block]! * film.pageSize : objectsIn[block]! * slotSize;
  }
  const { countOfOrder } = free;
  const largest = countOfOrder.findLastIndex((count) => count > 0);
  return {
    liveBytes,
    usedBytes,
    heldBytes: heldPages * film.pageSize,
    sizeBytes: moment.pageCount * film.pageSize,
    objects: pieceCount,
    largestFreeBytes: largest < 0 ? 0 : 2 ** largest * film.pageSize,
    freeBlocks: countOfOrder,
    externalIndex: countOfOrder.map((_, order) => externalFragmentationIndex(countOfOrder, order)),
    unusableIndex: countOfOrder.map((_, order) => unusableFreeSpaceIndex(countOfOrder, order)),
  };
}

/** Every owner that holds pages, most pages first. O(blocks that are there). */
export function cacheRows({ film, blocks, blockCount, objectsIn }: Moment): CacheRow[] {
  const rows = film.owners.map(() => ({ objects: 0, slots: 0, slabs: 0, pages: 0 }));
  for (let index = 0; index < blockCount; index++) {
    const block = blocks[index]!;
    const row = rows[film.blockOwner[block]!]!;
    row.objects += objectsIn[block]!;
    row.slots += slotsOf(film, block);
    row.slabs++;
    row.pages += film.blockPageCount[block]!;
  }
  return rows
    .map(({ pages, ...row }, owner) => {
      const { name, objectSize, slotSize } = film.owners[owner]!;
      return { owner, name, objectSize, slotSize, ...row, heldBytes: pages * film.pageSize };
    })
    .filter(({ slabs }) => slabs > 0)
    .sort((a, b) => b.heldBytes - a.heldBytes || a.owner - b.owner);
}

/** A small space as a tower. O(pages). */
export function towerOf(moment: Moment, free: FreeBlocks): TowerPicture {
  const { film, blocks, blockCount, objectsIn } = moment;
  const drawn: TowerBlock[] = [];
  for (let index = 0; index < blockCount; index++) {
    const block = blocks[index]!;
    const owner = film.blockOwner[block]!;
    const isSlab = film.owners[owner]!.slotSize > 0;
    drawn.push({
      page: film.blockPage[block]!,
      pageCount: film.blockPageCount[block]!,
      owner,
      id: block,
      objects: isSlab ? objectsIn[block]! : 0,
      slots: isSlab ? slotsOf(film, block) : 0,
    });
  }
  for (let index = 0; index < free.count; index++) {
    const pageCount = 2 ** free.order[index]!;
    drawn.push({ page: free.page[index]!, pageCount, owner: FREE, id: -1, objects: 0, slots: 0 });
  }
  drawn.sort((a, b) => a.page - b.page);
  const { pageSize, base } = film;
  const maxOrder = Math.min(film.maxOrder, Math.ceil(Math.log2(Math.max(1, moment.pageCount))));
  return { pageCount: moment.pageCount, pageSize, base, maxOrder, blocks: drawn };
}

/** One operation, for the list of events. */
export interface EventRow {
  /** The moment after it. */
  readonly moment: number;
  readonly kind: "allocate" | "free" | "fail" | "skip";
  readonly piece: number;
  readonly owner: string;
  readonly bytes: number;
  /** -1 for one that failed. */
  readonly offset: number;
  /** Nanoseconds since the first; -1 where no clock tells. */
  readonly nanoseconds: number;
  readonly callSite: string;
}

/** The operations with moments from `first` (at least 1) to `end` (exclusive) that have been shot. */
export function eventRows(film: Film, clock: ScriptClock | null, first: number, end: number): EventRow[] {
  const rows: EventRow[] = [];
  for (let moment = Math.max(1, first); moment < Math.min(end, film.position + 1); moment++) {
    const operation = film.operations[moment - 1]!;
    const piece = operation >= 0 ? operation : ~operation;
    const offset = film.pieceOffset[piece]!;
    const site = clock?.callSiteOf[moment - 1] ?? -1;
    const kinds = operation >= 0 ? (["allocate", "fail"] as const) : (["free", "skip"] as const);
    rows.push({
      moment,
      kind: offset === FAILED ? kinds[1] : kinds[0],
      piece,
      owner: offset === FAILED ? "" : film.owners[film.blockOwner[film.pieceBlock[piece]!]!]!.name,
      bytes: film.pieceBytes[piece]!,
      offset,
      nanoseconds: clock?.nanoseconds?.[moment - 1] ?? -1,
      callSite: site < 0 ? "" : (clock?.callSites[site] ?? ""),
    });
  }
  return rows;
}

/** What lies at a place of the space. */
export interface PlaceFacts {
  readonly kind: "free" | "slab" | "run";
  readonly block: number;
  readonly owner: number;
  readonly ownerName: string;
  /** Bytes from the start of the space at large. */
  readonly offset: number;
  readonly byteLength: number;
  readonly slotSize: number;
  /** A character a slot, "1" for an object; empty for what is no slab. */
  readonly slots: string;
  readonly objects: number;
  /** The moment at which the block came; -1 for a free one. */
  readonly bornAt: number;
  /** The moment at which it goes; -1 where that is not known or never. */
  readonly diedAt: number;
  /** The piece at the exact place asked for, -1 where none is. */
  readonly piece: number;
  readonly pieceBytes: number;
  readonly pieceBornAt: number;
  readonly pieceDiedAt: number;
}

/** What lies at `page`, and at byte `within` of it. O(what is there). */
export function placeAt(moment: Moment, free: FreeBlocks, page: number, within: number): PlaceFacts {
  const { film } = moment;
  const block = moment.blockOf[page] ?? NO_BLOCK;
  const nothing = {
    slotSize: 0,
    slots: "",
    objects: 0,
    piece: -1,
    pieceBytes: 0,
    pieceBornAt: -1,
    pieceDiedAt: -1,
  };
  if (block === NO_BLOCK) {
    const index = free.page.findLastIndex((start) => start <= page);
    return {
      kind: "free",
      block,
      owner: FREE,
      ownerName: "free",
      offset: film.base + free.page[index]! * film.pageSize,
      byteLength: 2 ** free.order[index]! * film.pageSize,
      bornAt: -1,
      diedAt: -1,
      ...nothing,
    };
  }
  const owner = film.blockOwner[block]!;
  const { name, slotSize } = film.owners[owner]!;
  const offset = film.base + film.blockPage[block]! * film.pageSize;
  const inBlock = (page - film.blockPage[block]!) * film.pageSize + within;
  const slotIndex = slotSize === 0 ? 0 : Math.floor(inBlock / slotSize);
  const slots = slotSize === 0 ? [] : Array.from({ length: slotsOf(film, block) }, () => "0");
  let piece = -1;
  for (let index = 0; index < moment.pieceCount; index++) {
    const each = moment.pieces[index]!;
    if (film.pieceBlock[each] !== block) continue;
    const slot = slotSize === 0 ? 0 : (film.pieceOffset[each]! - offset) / slotSize;
    if (slotSize > 0) slots[slot] = "1";
    if (slot === slotIndex) piece = each;
  }
  return {
    kind: owner === LARGE || slotSize === 0 ? "run" : "slab",
    block,
    owner,
    ownerName: name,
    offset,
    byteLength: film.blockPageCount[block]! * film.pageSize,
    slotSize,
    slots: slots.join(""),
    objects: moment.objectsIn[block]!,
    bornAt: film.blockBornAt[block]!,
    diedAt: endOf(film.blockDiedAt[block]!),
    piece,
    pieceBytes: piece < 0 ? 0 : film.pieceBytes[piece]!,
    pieceBornAt: piece < 0 ? -1 : film.pieceBornAt[piece]!,
    pieceDiedAt: piece < 0 ? -1 : endOf(film.pieceDiedAt[piece]!),
  };
}

/** A `diedAt` as facts tell it. */
function endOf(diedAt: number): number {
  return diedAt === NEVER ? -1 : diedAt;
}

/** Everything that lies in the space, by rising offset: what a snapshot tells, read from the film. */
export interface DrawnBlock {
  readonly offset: number;
  readonly byteLength: number;
  readonly owner: string;
  /** As in `PlaceFacts`. */
  readonly slots: string;
}

/** Spells out a moment, for whoever wants to compare it. O(slots + pages). */
export function drawnBlocks(moment: Moment): DrawnBlock[] {
  const { film, blocks, blockCount, pieces, pieceCount } = moment;
  const slots = new Map<number, string[]>();
  const drawn: DrawnBlock[] = [];
  for (let index = 0; index < blockCount; index++) {
    const block = blocks[index]!;
    if (film.owners[film.blockOwner[block]!]!.slotSize === 0) continue;
    slots.set(
      block,
      Array.from({ length: slotsOf(film, block) }, () => "0"),
    );
  }
  for (let index = 0; index < pieceCount; index++) {
    const piece = pieces[index]!;
    const block = film.pieceBlock[piece]!;
    const start = film.base + film.blockPage[block]! * film.pageSize;
    const ofBlock = slots.get(block);
    if (ofBlock !== undefined) {
      ofBlock[(film.pieceOffset[piece]! - start) / film.owners[film.blockOwner[block]!]!.slotSize] = "1";
    }
  }
  for (let index = 0; index < blockCount; index++) {
    const block = blocks[index]!;
    drawn.push({
      offset: film.base + film.blockPage[block]! * film.pageSize,
      byteLength: film.blockPageCount[block]! * film.pageSize,
      owner: film.owners[film.blockOwner[block]!]!.name,
      slots: slots.get(block)?.join("") ?? "",
    });
  }
  const free = freeBlocksAt(moment);
  for (let index = 0; index < free.count; index++) {
    const byteLength = 2 ** free.order[index]! * film.pageSize;
    drawn.push({
      offset: film.base + free.page[index]! * film.pageSize,
      byteLength,
      owner: "free",
      slots: "",
    });
  }
  return drawn.sort((a, b) => a.offset - b.offset);
}
