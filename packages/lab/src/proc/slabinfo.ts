/** One cache of the kernel's slab allocator, as a line of `/proc/slabinfo` gives it. */
export interface SlabinfoCache {
  readonly name: string;
  /** Objects in use. */
  readonly activeObjects: number;
  /** Slots in all slabs. */
  readonly objects: number;
  /** Size of a slot. */
  readonly objectBytes: number;
  readonly objectsPerSlab: number;
  readonly pagesPerSlab: number;
  readonly slabs: number;
}

const LINE =
  /^(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+:\s+tunables.*:\s+slabdata\s+(\d+)\s+(\d+)\s+(\d+)/;

/** Parses the text of `/proc/slabinfo`, version 2.1. Other lines are passed over. */
export function parseSlabinfo(text: string): SlabinfoCache[] {
  return text.split("\n").flatMap((line) => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [active, objects, objectBytes, objectsPerSlab, pagesPerSlab, , slabs] = match.slice(2).map(Number);
    return [
      {
        name: match[1]!,
        activeObjects: active!,
        objects: objects!,
        objectBytes: objectBytes!,
        objectsPerSlab: objectsPerSlab!,
        pagesPerSlab: pagesPerSlab!,
        slabs: slabs!,
      },
    ];
  });
}
