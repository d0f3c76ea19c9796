/** The figures of a cache. */

/** Figures of a cache at one moment. */
export interface SlabCacheStats {
  /** The cache's name. */
  name: string;
  /** Bytes asked for an object. */
  objectSize: number;
  /** Bytes that a slot takes, `objectSize` rounded up to the alignment. */
  slotSize: number;
  /** Slots in use. */
  objects: number;
  /** Slots of all slabs. */
  slots: number;
  /** Slabs. */
  slabs: number;
  /** Slabs of which some slots are free. */
  partialSlabs: number;
  /** Slabs of which no slot is free; slots in the magazine do not count as free. */
  fullSlabs: number;
  /** Slabs of which every slot is free. */
  emptySlabs: number;
  /** Pages of all slabs. */
  pages: number;
  /** Free slots that wait in the magazine. */
  magazineSlots: number;
}
