/** What takes part in a comparison. */

/** `Contender.allocate` where there is no room. */
export const NO_ROOM = -1;

/**
 * An allocator as the comparison sees it. Sizes are in the stream's units: bytes for objects, pages for blocks of pages.
 */
export interface Contender {
  /** Makes room for `size` units for piece number `piece`. Returns a handle for `free`, or `NO_ROOM`. */
  allocate(size: number, piece: number): number;
  /** Takes back what `allocate` gave. */
  free(handle: number, size: number, piece: number): void;
  /** Units of the space that are taken: what no other program could have. */
  heldUnits(): number;
  /** Units in the blocks handed out, with rounding and headers; null where the allocator does not tell. */
  usedUnits(): number | null;
  /** Bytes of tables outside the space. */
  tableBytes(): number;
}

/** How large the space of a contender may become, and in what units it is counted. */
export interface ContenderSpace {
  /** Units at most. */
  readonly limit: number;
  /** Bytes of a unit: 1, or the page size. */
  readonly unitBytes: number;
}
