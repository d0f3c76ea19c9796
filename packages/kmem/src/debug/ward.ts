/**
 * What guarded allocations of one source have in common: those of `malloc`, or those of one named cache.
 *
 * Where a guarded object lies in its slot or run, with Z the bytes of a red zone and A the alignment:
 *
 *     raw                    offset                              rawEnd
 *      │ red zone, Z or more  │ the bytes │ red zone, Z or more    │
 *      ├──────────┬───────────┼───────────┼────────────────────────┤
 *      │ Z, in As │ 0 or one A│           │
 *
 * The one A in front is there in every second use of a place, so that an offset which was freed is not that of the next
 * object there: an old offset stays a wrong one.
 */
import { roundUp } from "../bits/integers.ts";
import { GRANULE } from "../heap/size-classes.ts";
import type { SlabCacheOptions } from "../slab/slab-cache.ts";
import type { GuardSettings } from "./options.ts";

/** The largest alignment of which another one is spent, to tell uses of a place apart. */
const MAX_STEP = 64;

/** What a ward is made from. */
interface WardFacts {
  /** How messages name it. */
  readonly name: string;
  /** True where guarded objects alone are in its slots. */
  readonly isInSlots: boolean;
  /** True where `construct` has put objects into a state that free ones keep. */
  readonly isConstructed: boolean;
}

/** The source of guarded allocations. */
export class Ward {
  readonly settings: GuardSettings;
  readonly name: string;
  readonly isInSlots: boolean;
  readonly isConstructed: boolean;
  /** True where the bytes of new and freed objects are written, and those of freed ones looked at. */
  readonly fills: boolean;
  /** True where every free slot holds the pattern, because guarded objects alone are in its slots. */
  readonly fillsSlots: boolean;
  /** True where red zones and padding are written and looked at. */
  readonly hasZones: boolean;
  /** Guarded objects that live. The guard counts. */
  liveObjects = 0;
  /** Guarded objects in quarantine. The guard counts. */
  quarantinedObjects = 0;

  constructor(settings: GuardSettings, { name, isInSlots, isConstructed }: WardFacts) {
    const { redZone, fill, sample } = settings;
    this.settings = settings;
    this.name = name;
    this.isInSlots = isInSlots;
    this.isConstructed = isConstructed;
    this.fills = sample > 0 && fill && !isConstructed;
    this.fillsSlots = this.fills && isInSlots;
    this.hasZones = sample > 0 && (fill || redZone > 0);
  }
}

/** Bytes before an object, at least: the red zone, in whole multiples of `align`. */
export function bytesBefore({ settings: { redZone } }: Ward, align: number): number {
  return align === GRANULE ? redZone : roundUp(redZone, align);
}

/** Bytes by which an object may lie further on. */
export function stepOf({ isConstructed }: Ward, align: number): number {
  return isConstructed || align > MAX_STEP ? 0 : align;
}

/** Bytes of the slot or run that an object needs: one behind its offset at least, so that no other has that offset. */
export function rawBytesFor(ward: Ward, byteLength: number, align: number): number {
  return bytesBefore(ward, align) + stepOf(ward, align) + Math.max(1, byteLength + ward.settings.redZone);
}

/** The alignment of a cache's objects in a heap. */
export function alignOf({ align = GRANULE }: Pick<SlabCacheOptions, "align">): number {
  return Math.max(align, GRANULE);
}
