/** One zone of memory that holds pages, as `/proc/zoneinfo` describes it. */
export interface ZoneInfo {
  readonly node: number;
  /** `DMA`, `DMA32`, `Normal`, `Movable`, … */
  readonly zone: string;
  /** Page frame number of the first page. */
  readonly startPage: number;
  /** Page frames from the first to the last, holes included. */
  readonly spannedPages: number;
  /** Page frames that have memory behind them. */
  readonly presentPages: number;
  /** Pages that the page allocator was given. */
  readonly managedPages: number;
  /** Pages in the free lists. */
  readonly freePages: number;
  /** Pages in the lists of single processors: free, but in no free list. */
  readonly perCpuPages: number;
}

const ZONE = /^Node\s+(\d+), zone\s+(\S+)/;
const FIELDS: readonly (readonly [keyof ZoneInfo, RegExp])[] = [
  ["freePages", /^\s+pages free\s+(\d+)/m],
  ["spannedPages", /^\s+spanned\s+(\d+)/m],
  ["presentPages", /^\s+present\s+(\d+)/m],
  ["managedPages", /^\s+managed\s+(\d+)/m],
  ["startPage", /^\s+start_pfn:\s+(\d+)/m],
];
const PER_CPU_COUNT = /^\s+count:\s+(\d+)/gm;

/** Parses the text of `/proc/zoneinfo`: the zones that hold pages, in the kernel's order. */
export function parseZoneinfo(text: string): ZoneInfo[] {
  return text.split(/^(?=Node )/m).flatMap((section) => {
    const match = ZONE.exec(section);
    if (match === null) return [];
    const numbers = FIELDS.map(([name, pattern]) => [name, Number(pattern.exec(section)?.[1] ?? NaN)]);
    const fields = Object.fromEntries(numbers) as Record<keyof ZoneInfo, number>;
    // The kernel says nothing of where an empty zone begins.
    if (Number.isNaN(fields.startPage) || fields.presentPages === 0) return [];
    let perCpuPages = 0;
    for (const [, count] of section.matchAll(PER_CPU_COUNT)) perCpuPages += Number(count);
    return [{ ...fields, node: Number(match[1]), zone: match[2]!, perCpuPages }];
  });
}
