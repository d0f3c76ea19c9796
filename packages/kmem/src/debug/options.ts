/** What a heap for debugging is to do, as it is asked for and as it is settled. */
import { type AllocError, argumentError, requireInteger } from "../errors.ts";
import { GRANULE } from "../heap/size-classes.ts";
import type { FaultOptions } from "./faults.ts";
import type { Pressure } from "./pressure.ts";

/** How allocations are guarded: of a whole heap, or of one cache. */
export interface GuardOptions {
  /** One allocation in so many is guarded, on average; 1: every one, 0: none. Default 1. */
  sample?: number;
  /** Bytes of the red zones before and behind an allocation, at least; a multiple of 16 up to 65,536. Default 16. */
  redZone?: number;
  /**
   * Fill new, freed and unused bytes with patterns, and look whether they stay. Default true. A cache with `construct`
   * keeps the bytes of its free objects as they are.
   */
  fill?: boolean;
}

/** What a heap for debugging does. Everything in it may be left out. */
export interface DebugOptions extends GuardOptions {
  /**
   * What freed allocations may wait for before their places are used again: at most so many of them and so many bytes
   * of theirs, red zones counted; of a full one, a 32nd of the objects leaves at once. Default 256 objects and 1 MiB. 0 of
   * either: no quarantine.
   */
  quarantine?: { objects?: number; bytes?: number };
  /** So many allocations are remembered when their places have left the quarantine. Default 256. */
  remember?: number;
  /** Of one guarded allocation in so many, the stack and time of allocation and free are recorded. Default 256; 0: none. */
  track?: number;
  /** Numbers of guarded allocations that are tracked in any case: messages tell the numbers, and a second run the stacks. */
  watch?: readonly number[];
  /** Which allocations are to fail. Default: none. */
  fail?: FaultOptions;
  /** Bytes that allocations may hold, as `stats().usedBytes` counts them. Default: no limit but the heap's own. */
  limitBytes?: number;
  /**
   * Called when there is no space, or a limit is reached: it may free something. True means that the request is worth
   * another try.
   */
  onPressure?: (pressure: Pressure) => boolean;
  /** Takes the errors of bytes that were written wrongly, in place of a throw; the call that met them then goes on. */
  report?: (error: AllocError) => void;
  /** Hand out free slots in random order. Default false. */
  randomSlots?: boolean;
  /** Where the random numbers of `sample` and `randomSlots` begin. Default 1. */
  seed?: number;
}

/** What a preset's name stands for. */
export const DEBUG_PRESETS = {
  /** Nothing is watched: a `DebugHeap` like any `Heap`. */
  off: { sample: 0 },
  /** One allocation in 1,024 is guarded: to be left on. Of one in 128 of those it is known where it was made. */
  sampled: { sample: 1024, track: 128, quarantine: { objects: 64 } },
  /** Every allocation is guarded; of one in 1,024 it is known where it was made. */
  full: { sample: 1, track: 1024 },
  /** Every allocation is guarded, and it is known of each where it was made. */
  traced: { sample: 1, track: 1 },
} as const satisfies Record<string, DebugOptions>;

/** The names of the presets. */
export type DebugPreset = keyof typeof DEBUG_PRESETS;

/** `GuardOptions` as settled. */
export type GuardSettings = Required<GuardOptions>;

/** What a heap does that is told nothing. */
export const DEFAULT_GUARD: GuardSettings = { sample: 1, redZone: 16, fill: true };

const MAX_COUNT = 2 ** 30 - 1;
/** The largest red zone, in bytes. */
export const MAX_RED_ZONE = 65536;

/** Fills in what `options` leave out from `defaults`. Throws RangeError or TypeError for what is not allowed. */
export function guardSettings(options: GuardOptions, defaults: GuardSettings): GuardSettings {
  const { sample = defaults.sample, redZone = defaults.redZone, fill = defaults.fill } = options;
  requireInteger("sample", sample, 0, MAX_COUNT);
  requireInteger("redZone", redZone, 0, MAX_RED_ZONE);
  if (redZone % GRANULE !== 0) throw argumentError("redZone", `a multiple of ${GRANULE}`, redZone);
  return { sample, redZone, fill: requireBoolean("fill", fill) };
}

/** The options that a preset or nothing stands for. Throws TypeError for a name that is none. */
export function debugOptions(options: DebugOptions | DebugPreset = "full"): DebugOptions {
  if (typeof options === "object" && options !== null) return options;
  if (Object.hasOwn(DEBUG_PRESETS, options)) return DEBUG_PRESETS[options];
  throw argumentError("debug", `an object, or one of ${Object.keys(DEBUG_PRESETS).join(", ")}`, options);
}

/** What holds for the whole heap, as settled. */
interface WatchOrders {
  readonly quarantine: { readonly objects: number; readonly bytes: number };
  readonly remember: number;
  readonly track: number;
  readonly watch: readonly number[];
  readonly limitBytes: number | undefined;
  readonly report: ((error: AllocError) => void) | undefined;
  readonly randomSlots: boolean;
  readonly seed: number;
}

/** `options` without those of the guard, filled in. Throws RangeError or TypeError for what is not allowed. */
export function watchOrders(options: DebugOptions): WatchOrders {
  const { quarantine = {}, remember = 256, track = 256, watch = [] } = options;
  const { limitBytes, report, randomSlots = false, seed = 1 } = options;
  const { objects = 256, bytes = 2 ** 20 } = quarantine;
  for (const name of ["onPressure", "report"] as const) {
    const callback = options[name];
    if (callback !== undefined && typeof callback !== "function") {
      throw argumentError(name, "a function", callback);
    }
  }
  return {
    quarantine: {
      objects: requireInteger("quarantine.objects", objects, 0, MAX_COUNT),
      bytes: requireInteger("quarantine.bytes", bytes, 0, Number.MAX_SAFE_INTEGER),
    },
    remember: requireInteger("remember", remember, 0, MAX_COUNT),
    track: requireInteger("track", track, 0, MAX_COUNT),
    watch: watch.map((number) => requireInteger("watch", number, 1, Number.MAX_SAFE_INTEGER)),
    limitBytes:
      limitBytes === undefined
        ? undefined
        : requireInteger("limitBytes", limitBytes, 0, Number.MAX_SAFE_INTEGER),
    report,
    randomSlots: requireBoolean("randomSlots", randomSlots),
    seed: requireInteger("seed", seed, 0, 2 ** 32 - 1),
  };
}

function requireBoolean(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw argumentError(name, "true or false", value);
}
