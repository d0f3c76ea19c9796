/** What `/proc/pagetypeinfo` says of how the kernel groups pages. */
export interface Pagetypeinfo {
  /** The order of the blocks that have a migrate type of their own. */
  readonly pageblockOrder: number;
  /** The free blocks of each zone and migrate type. */
  readonly freeBlocks: readonly {
    readonly node: number;
    readonly zone: string;
    readonly migrateType: string;
    /** The index is the order. The kernel stops counting long lists at 100,000. */
    readonly counts: readonly number[];
  }[];
}

const PAGEBLOCK_ORDER = /^Page block order:\s+(\d+)/m;
const LINE = /^Node\s+(\d+), zone\s+(\S+), type\s+(\S+)\s+([\d\s>]+)$/;

/** Parses the text of `/proc/pagetypeinfo`; null when it does not say the order of its blocks. */
export function parsePagetypeinfo(text: string): Pagetypeinfo | null {
  const order = PAGEBLOCK_ORDER.exec(text)?.[1];
  if (order === undefined) return null;
  const freeBlocks = text.split("\n").flatMap((line) => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [, node, zone, migrateType, counts] = match;
    const numbers = counts!.replaceAll(">", "").trim().split(/\s+/).map(Number);
    return [{ node: Number(node), zone: zone!, migrateType: migrateType!, counts: numbers }];
  });
  return { pageblockOrder: Number(order), freeBlocks };
}
