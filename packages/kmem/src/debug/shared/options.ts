/** What a shared heap for debugging is to do: what its maker settles for all threads, and what each thread for itself. */
import { type AllocError, argumentError, requireInteger } from "../../errors.ts";
import { GRANULE } from "../../heap/size-classes.ts";
import {
  type DebugOptions,
  debugOptions,
  type DebugPreset,
  DEFAULT_GUARD,
  guardSettings,
  MAX_RED_ZONE,
  watchOrders,
} from "../options.ts";
import { Faults } from "../faults.ts";
import type { Pressure } from "../pressure.ts";
import type { SharedSettings } from "./table.ts";

/** What each thread decides for itself. */
export type ThreadDebugOptions = Pick<
  DebugOptions,
  "track" | "watch" | "report" | "fail" | "onPressure" | "seed"
>;

/**
 * What a shared heap for debugging does. `sample`, `redZone`, `fill` and `quarantine` hold for all threads, each of which has
 * a quarantine of its own; `redZone` is 16 bytes at least. The rest is for the thread that makes the heap.
 */
export type SharedDebugOptions = ThreadDebugOptions &
  Pick<DebugOptions, "sample" | "redZone" | "fill" | "quarantine">;

/** What a heap for one thread has, and one for many has not. */
const REFUSED = ["limitBytes", "remember", "randomSlots"] as const;

/** The most that a thread may keep in quarantine: its ring is there from the start. */
const MAX_OBJECTS = 65536;

/** The options that a preset or nothing stands for. Throws TypeError for a name that is none. */
export function sharedDebugOptions(
  options: SharedDebugOptions | DebugPreset | undefined,
): SharedDebugOptions {
  const asked: DebugOptions = debugOptions(options);
  for (const name of REFUSED) {
    if (asked[name] !== undefined) throw argumentError(name, "left out in a shared heap", asked[name]);
  }
  return asked;
}

/** What is the same for all threads. Throws RangeError or TypeError for what is not allowed. */
export function sharedSettings(options: SharedDebugOptions): SharedSettings {
  const settings = guardSettings(options, DEFAULT_GUARD);
  // The red zone is also what tells an allocation from its place.
  requireInteger("redZone", settings.redZone, GRANULE, MAX_RED_ZONE);
  const { quarantine } = watchOrders(options);
  requireInteger("quarantine.objects", quarantine.objects, 0, MAX_OBJECTS);
  return { ...settings, quarantine };
}

/** What a thread does of itself. */
export interface ThreadOrders {
  readonly track: number;
  readonly watch: readonly number[];
  readonly report: ((error: AllocError) => void) | undefined;
  readonly seed: number;
  readonly faults: Faults;
  readonly onPressure: ((pressure: Pressure) => boolean) | undefined;
}

/** `options` filled in. Throws RangeError or TypeError for what is not allowed. */
export function threadOrders(options: ThreadDebugOptions): ThreadOrders {
  const { track, watch, report, seed } = watchOrders(options);
  return { track, watch, report, seed, faults: new Faults(options.fail), onPressure: options.onPressure };
}
