/** What `kmem verify` found. `--json` prints it as it is. */

/** The free lists of one zone, the kernel's beside kmem's. The index of each list is the order. */
export interface ZoneComparison {
  readonly node: number;
  readonly zone: string;
  readonly kernel: readonly number[];
  readonly kmem: readonly number[];
  /** kmem's minus the kernel's. */
  readonly difference: readonly number[];
}

/** All zones at one moment. */
export interface Comparison {
  readonly zones: readonly ZoneComparison[];
  /** Free blocks of the kernel, over all zones and orders. */
  readonly kernelBlocks: number;
  /** Sum of the differences without their signs. */
  readonly differingBlocks: number;
  /** `differingBlocks` of `kernelBlocks`. */
  readonly differingPercent: number;
  readonly tolerancePercent: number;
  readonly isWithinTolerance: boolean;
}

/** The free lists built from a set of free pages that was read. */
export interface StillReport extends Comparison {
  /** Pages that moved while the set was read, so that an event says what they were. */
  readonly settledPages: number;
}

/** Moves of the recording, by what they were. */
export interface MoveCounts {
  /** Blocks that left the free lists into a processor's list. */
  readonly refills: number;
  /** Blocks that left the free lists for their user at once. */
  readonly allocations: number;
  /** Blocks taken from another migrate type's list, of which no other event tells. */
  readonly steals: number;
  /** Blocks that entered the free lists from a processor's list. */
  readonly drains: number;
  /** Blocks that entered the free lists at once. */
  readonly frees: number;
}

/** Pages that are free in one of the two and not in the other at the end. */
export interface WrongPages {
  readonly freeInKernelOnly: number;
  readonly freeInKmemOnly: number;
  /** How many of them each event was the last to name; `none` for pages that no event named. */
  readonly byLastEvent: Readonly<Record<string, number>>;
}

/** The free lists at the end, after every move since the start. */
export interface MovingReport extends Comparison {
  readonly moves: MoveCounts;
  readonly moveCount: number;
  /** Moves that cannot be: out of a page that was not free, or in of one that was. */
  readonly contradictions: number;
  readonly wrongPages: WrongPages;
}

/** The whole report. */
export interface VerifyReport {
  readonly schema: "kmem-verify/1";
  readonly file: string;
  readonly kernelRelease: string | null;
  readonly command: string | null;
  readonly eventCount: number;
  readonly lostEvents: number;
  /** Between the two moments at which the kernel's free lists were read. */
  readonly seconds: number;
  readonly stillAtStart: StillReport;
  readonly stillAtEnd: StillReport;
  readonly moving: MovingReport;
  readonly isWithinTolerance: boolean;
}
