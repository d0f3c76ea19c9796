/**
 * The tower: a row for each order, the largest on top, and in it what each place of that size is: broken into halves, used,
 * free, or part of something larger (which is not drawn).
 *
 * A run that is no power of two is drawn as the aligned blocks that it is made of.
 */

/** Something that lies in the pages. */
export interface TowerBlock {
  /** First page, counted from the start of the space. */
  readonly page: number;
  readonly pageCount: number;
  /** An index into the owners; 0 is free. */
  readonly owner: number;
  /** What distinguishes it from others: a film's block, a step's name. -1 where nothing does. */
  readonly id: number;
  /** Objects in it and slots, for a slab; 0 and 0 else. */
  readonly objects: number;
  readonly slots: number;
}

/** A space to be drawn as a tower. */
export interface TowerPicture {
  readonly pageCount: number;
  readonly pageSize: number;
  readonly base: number;
  readonly maxOrder: number;
  /** By rising place; together they cover the space. */
  readonly blocks: readonly TowerBlock[];
}

/** One place of the tower. */
export interface TowerCell {
  readonly page: number;
  readonly order: number;
  readonly state: "broken" | "used" | "free";
  /** The index of its block; -1 for a broken one. */
  readonly block: number;
}

/** The most pages for which a tower is drawn. */
export const MAX_TOWER_PAGES = 512;

/** All places of a tower, row by row from the largest order down, each row by rising page. O(pages). */
export function towerCells({ blocks, maxOrder }: TowerPicture): TowerCell[] {
  const rows: TowerCell[][] = Array.from({ length: maxOrder + 1 }, () => []);
  const broken = new Set<string>();
  for (const [index, block] of blocks.entries()) {
    for (const { page, order } of alignedPieces(block, maxOrder)) {
      rows[order]!.push({ page, order, state: block.owner === 0 ? "free" : "used", block: index });
      for (let above = order + 1; above <= maxOrder; above++) {
        const start = page - (page % 2 ** above);
        const name = `${above}:${start}`;
        if (broken.has(name)) break;
        broken.add(name);
        rows[above]!.push({ page: start, order: above, state: "broken", block: -1 });
      }
    }
  }
  return rows.toReversed().flatMap((row) => row.sort((a, b) => a.page - b.page));
}

/** The aligned blocks of powers of two that a stretch of pages is made of, by rising page. */
export function alignedPieces(
  { page, pageCount }: { readonly page: number; readonly pageCount: number },
  maxOrder: number,
): { page: number; order: number }[] {
  const pieces: { page: number; order: number }[] = [];
  const end = page + pageCount;
  for (let at = page; at < end;) {
    let order = 0;
    while (order < maxOrder && at % 2 ** (order + 1) === 0 && at + 2 ** (order + 1) <= end) order++;
    pieces.push({ page: at, order });
    at += 2 ** order;
  }
  return pieces;
}

/** First pages of the free blocks of each order: the index is the order. */
export function freeLists({ blocks, maxOrder }: TowerPicture): number[][] {
  const lists: number[][] = Array.from({ length: maxOrder + 1 }, () => []);
  for (const { page, pageCount, owner } of blocks) {
    if (owner === 0) lists[Math.log2(pageCount)]!.push(page);
  }
  return lists;
}

/** The one block that a block of `order` at `page` can merge with. */
export function buddyPage(page: number, order: number): number {
  return page % 2 ** (order + 1) === 0 ? page + 2 ** order : page - 2 ** order;
}

/** A step of the way up when a block is freed: it merges with its buddy into a block of the next order. */
export interface Merge {
  /** Of the two that merge. */
  readonly order: number;
  readonly buddyPage: number;
  /** Of the block that they become. */
  readonly page: number;
}

/** What a block would merge with if it were freed now, from its own order up. O(orders). */
export function mergeChain(picture: TowerPicture, page: number, order: number): Merge[] {
  const free = new Set(
    picture.blocks
      .filter(({ owner }) => owner === 0)
      .map((block) => `${Math.log2(block.pageCount)}:${block.page}`),
  );
  const chain: Merge[] = [];
  let at = page;
  for (let each = order; each < picture.maxOrder; each++) {
    const buddy = buddyPage(at, each);
    if (!free.has(`${each}:${buddy}`)) break;
    at = Math.min(at, buddy);
    chain.push({ order: each, buddyPage: buddy, page: at });
  }
  return chain;
}

/** How many places of a tower are in each state. */
export function countStates(cells: readonly TowerCell[]): Record<TowerCell["state"], number> {
  const counts = { broken: 0, used: 0, free: 0 };
  for (const { state } of cells) counts[state]++;
  return counts;
}
