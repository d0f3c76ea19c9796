/**
 * Places for small guarded objects in a heap of which others are not guarded: runs of pages, each cut into places of one
 * size.
 *
 * They are no slabs, so a free in them is a free of a run to the heap, and there it asks its guard. They lie close together,
 * which leaves the pages beside what is large to that, and keeps the guard's tables small: they have a leaf for each 64 KiB
 * in which anything is guarded.
 *
 * Cost: O(1) for a place; `giveBack` O(places).
 */
import { highestBit, roundDown } from "../bits/integers.ts";
import { NONE } from "../errors.ts";

/** Bytes of a place, and their alignment. */
export const PLACE_BYTES = 512;
/** Bytes of a run, at most. */
const MAX_RUN_BYTES = 65536;
/** A run takes this share of the largest space, where that is less. */
const RUN_SHARE = 1 / 64;

/** The heap below, as the places see it. */
export interface PlaceSpace {
  readonly pageSize: number;
  /** Bytes that the space may grow to. */
  readonly maxSize: number;
  /** Allocates a run, and returns its offset, or `NONE` when there is no space. */
  allocateRun(byteLength: number, align: number): number;
  /** Frees a run. */
  releaseRun(offset: number): void;
}

/** True where a guarded object of `rawLength` bytes, red zones and all, may lie in a place. */
export function fitsPlace(rawLength: number, align: number): boolean {
  return rawLength <= PLACE_BYTES && align <= PLACE_BYTES;
}

/** The places of one heap. */
export class GuardedPlaces {
  private readonly space: PlaceSpace;
  /** Bytes of a run, a power of two, and their alignment. */
  private readonly runBytes: number;
  private readonly runs = new Set<number>();
  /** The free places, in the order in which they were freed. */
  private free: number[] = [];

  constructor(space: PlaceSpace) {
    this.space = space;
    const share = 2 ** highestBit(space.maxSize * RUN_SHARE);
    this.runBytes = Math.max(space.pageSize, PLACE_BYTES, Math.min(MAX_RUN_BYTES, share));
  }

  /** Runs that are cut into places. */
  get runCount(): number {
    return this.runs.size;
  }

  /** Places that are taken. */
  get takenCount(): number {
    return this.runs.size * this.placesPerRun - this.free.length;
  }

  /** Bytes of the places that are not. */
  get idleBytes(): number {
    return this.free.length * PLACE_BYTES;
  }

  /** True when a run that is cut into places begins at `offset`. */
  isRun(offset: number): boolean {
    return this.runs.has(offset);
  }

  /** True when `raw`, where a slot or run or place begins, is that of a place. */
  isPlace(raw: number): boolean {
    return this.runs.has(this.runOf(raw));
  }

  /** Takes a place and returns its offset; `NONE` when there is no space. */
  take(): number {
    return this.free.pop() ?? this.takeFromNewRun();
  }

  /** Gives a place back. */
  put(place: number): void {
    this.free.push(place);
  }

  /** Frees the runs of which no place is taken; true when there was any. */
  giveBack(): boolean {
    const freeOf = new Map<number, number>();
    for (const place of this.free) {
      const run = this.runOf(place);
      freeOf.set(run, (freeOf.get(run) ?? 0) + 1);
    }
    const idle = [...this.runs].filter((run) => freeOf.get(run) === this.placesPerRun);
    for (const run of idle) {
      this.runs.delete(run);
      this.space.releaseRun(run);
    }
    this.free = this.free.filter((place) => this.isPlace(place));
    return idle.length > 0;
  }

  /** Forgets all runs, as all of the heap was freed at once. */
  clear(): void {
    this.runs.clear();
    this.free = [];
  }

  private get placesPerRun(): number {
    return this.runBytes / PLACE_BYTES;
  }

  private runOf(raw: number): number {
    return roundDown(raw, this.runBytes);
  }

  private takeFromNewRun(): number {
    const run = this.space.allocateRun(this.runBytes, this.runBytes);
    if (run === NONE) return NONE;
    this.runs.add(run);
    // The lowest is taken first.
    for (let place = run + this.runBytes - PLACE_BYTES; place > run; place -= PLACE_BYTES)
      this.free.push(place);
    return run;
  }
}
