/** What a workload is. */

import { alignedSizeOf, KIND_ALIGNED, KIND_FREE, type OperationStream } from "../stream/layout.ts";

/** Kind of allocator that a workload is for; it says what an operation's argument means. */
export type Target =
  /** Bytes of any size from a heap; argument: bytes. */
  | "heap"
  /** As "heap", with alignments: for the heaps that know them. */
  | "aligned"
  /** Blocks of pages from a buddy allocator; argument: order. */
  | "buddy"
  /** Objects of one size from a slab cache; argument: that size in bytes, the same throughout. */
  | "slab";

/** Page size of the buddy allocator in the benchmarks, in bytes. */
export const PAGE_BYTES = 4096;

/** A named operation stream, and how often to run it. */
export interface Workload {
  /** `group/parameter`, unique. */
  readonly name: string;
  /** One line: what the program that makes these operations does. */
  readonly description: string;
  readonly target: Target;
  /** What one "op" of a reported figure is, and how many operations of the stream make it up. */
  readonly unit: { readonly name: string; readonly operationCount: number };
  /** Size of the space handed to an allocator that needs one; left out: twice the peak payload and a little. */
  readonly spaceBytes?: number;
  /** Rounds before the timed ones, for each column. */
  readonly warmupRounds: number;
  /** Timed rounds of each column in each process; the median counts. */
  readonly timedRounds: number;
  /** Whether single operations are timed as well. */
  readonly hasLatency?: boolean;
  /** Whether `--quick` runs it. */
  readonly quick: boolean;
  /** Builds the stream. The same on every call and every machine. */
  build(): OperationStream;
}

/** One free and one allocation: the unit of all replacement workloads. */
export const PAIR: Workload["unit"] = { name: "pair (one free and one allocation)", operationCount: 2 };

/** One operation of any kind: the unit of recorded workloads. */
export const OPERATION: Workload["unit"] = {
  name: "operation (an allocation, a resize or a free)",
  operationCount: 1,
};

/** @returns the group of a workload: the part of its name before the slash */
export function groupOf(workloadName: string): string {
  return workloadName.split("/")[0] ?? workloadName;
}

/** @returns the bytes that an allocation's argument asks for */
export function payloadBytesOf(target: Target, argument: number): number {
  return target === "buddy" ? PAGE_BYTES * 2 ** argument : argument;
}

/** @returns `1e5` for 100000: the numbers of workload names, powers of ten */
export function exponentName(count: number): string {
  return `1e${Math.round(Math.log10(count))}`;
}

/** @returns the bytes that a slot holds after an operation: none after a free */
export function payloadAfter(target: Target, kind: number, argument: number): number {
  if (kind === KIND_FREE) return 0;
  return kind === KIND_ALIGNED ? alignedSizeOf(argument) : payloadBytesOf(target, argument);
}
