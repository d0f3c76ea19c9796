/** The free lists of one zone of memory, as a line of `/proc/buddyinfo` gives them. */
export interface ZoneFreeBlocks {
  /** The memory node that the zone belongs to. */
  readonly node: number;
  /** `DMA`, `DMA32`, `Normal`, `Movable`, … */
  readonly zone: string;
  /** Free blocks of each order; the index is the order. */
  readonly freeBlocks: readonly number[];
}

const LINE = /^Node\s+(\d+), zone\s+(\S+)\s+([\d\s]+)$/;

/** Parses the text of `/proc/buddyinfo`: the zones that hold pages, in the kernel's order. Other lines are passed over. */
export function parseBuddyinfo(text: string): ZoneFreeBlocks[] {
  return text.split("\n").flatMap((line) => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [, node, zone, counts] = match;
    return [{ node: Number(node), zone: zone!, freeBlocks: counts!.trim().split(/\s+/).map(Number) }];
  });
}
