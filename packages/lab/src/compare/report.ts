/** What a comparison found, as the JSON document that `kmem compare --json` prints. */
import type { RecordingReport } from "../replay/report.ts";
import type { FailureFigures, MemoryFigures, RecordedFigures } from "./measure.ts";

/** Names the shape of `CompareReport`; changes when a field changes its meaning or goes away. */
export const COMPARE_SCHEMA = "kmem-compare/1";

/** One contender on one recording. */
export interface ContenderReport {
  readonly name: string;
  /** Whether it is kmem's own, a textbook policy, or somebody else's program. */
  readonly group: "kmem" | "policy" | "guest";
  readonly memory: MemoryFigures;
  /** Of the payload and the blocks at the peak: the share of blocks that was not asked for; null where not told. */
  readonly insideWaste: number | null;
  /** Of what was held at the peak: the share that lay outside the blocks handed out; null where not told. */
  readonly betweenWaste: number | null;
  /** Of what was held at the peak, the share that was not asked for: both kinds of waste together. */
  readonly waste: number;
  readonly nanosecondsPerOperation: number;
  /** In a space with little room; null for contenders that cannot be held to so little. */
  readonly tight: FailureFigures | null;
}

/** A contender that has no figures, and why. */
export interface AbsentReport {
  readonly name: string;
  readonly why: string;
}

/** The kernel's own slabs at one end of a recording, from `/proc/slabinfo`. */
export interface SlabinfoReport {
  readonly objectBytes: number;
  readonly heldBytes: number;
}

/** The objects, or the blocks of pages, of one recording. */
export interface WorkReport {
  readonly kind: "objects" | "pages";
  readonly operations: number;
  readonly recorded: RecordedFigures;
  /** The recorded kernel's caches, all of them, also those of before the recording. */
  readonly slabinfo: { readonly start: SlabinfoReport; readonly end: SlabinfoReport } | null;
  readonly contenders: readonly ContenderReport[];
  readonly absent: readonly AbsentReport[];
}

/** One recording through all contenders. */
export interface ComparedRecording {
  readonly recording: RecordingReport;
  readonly works: readonly WorkReport[];
}

/** Everything about one comparison. */
export interface CompareReport {
  readonly schema: typeof COMPARE_SCHEMA;
  readonly recordings: readonly ComparedRecording[];
}
