/** Every allocator on every backing that the random operations drive, by name. */
import { BACKING_KINDS } from "./backings.ts";
import { BuddyDriver } from "./buddy-driver.ts";
import { CDriver } from "./c-driver.ts";
import { DebugDriver } from "./debug-driver.ts";
import type { Driver } from "./driver.ts";
import { GpuDriver } from "./gpu-driver.ts";
import { HeapDriver } from "./heap-driver.ts";
import type { Random } from "./random.ts";
import { SharedDriver } from "./shared-driver.ts";
import { SlabDriver } from "./slab-driver.ts";

/** How a subject is made, and how often it is compared in full. */
export interface Subject {
  /** Makes the allocator, its model and its driver; everything is compared once in `checkInterval` operations. */
  readonly create: (random: Random, checkInterval: number) => Driver;
  /** Operations between two comparisons, where nobody asks for another number. */
  readonly checkInterval: number;
}

/** In larger spaces, check() and the walks over the whole model come once in this many operations. */
const LARGE_CHECK_INTERVAL = 64;

/** How each subject is made. The name is what `npm run fuzz -- --subject` takes. */
const SUBJECTS: Record<string, Subject> = {
  "buddy-small": { create: (random, interval) => new BuddyDriver(random, 64, interval), checkInterval: 1 },
  "buddy-large": {
    create: (random, interval) => new BuddyDriver(random, 4096, interval),
    checkInterval: LARGE_CHECK_INTERVAL,
  },
  "slab-small": { create: (random, interval) => new SlabDriver(random, 65536, interval), checkInterval: 1 },
  "slab-large": {
    create: (random, interval) => new SlabDriver(random, 2 ** 22, interval),
    checkInterval: LARGE_CHECK_INTERVAL,
  },
  "shared-small": {
    create: (random, interval) => new SharedDriver(random, 2 ** 18, interval),
    checkInterval: 4,
  },
  "shared-large": {
    create: (random, interval) => new SharedDriver(random, 2 ** 22, interval),
    checkInterval: LARGE_CHECK_INTERVAL,
  },
  "debug-shared-small": {
    create: (random, interval) => new SharedDriver(random, 2 ** 18, interval, true),
    checkInterval: 4,
  },
  "debug-shared-large": {
    create: (random, interval) => new SharedDriver(random, 2 ** 22, interval, true),
    checkInterval: LARGE_CHECK_INTERVAL,
  },
  "c-small": { create: (random, interval) => new CDriver(random, 2 ** 17, interval), checkInterval: 4 },
  "c-large": {
    create: (random, interval) => new CDriver(random, 2 ** 21, interval),
    checkInterval: LARGE_CHECK_INTERVAL,
  },
  "debug-small": {
    create: (random, interval) => new DebugDriver(random, 2 ** 16, interval),
    checkInterval: 4,
  },
  "debug-large": {
    create: (random, interval) => new DebugDriver(random, 2 ** 20, interval),
    checkInterval: LARGE_CHECK_INTERVAL,
  },
  "gpu-small": { create: (random, interval) => new GpuDriver(random, 2 ** 16, interval), checkInterval: 4 },
  "gpu-large": {
    create: (random, interval) => new GpuDriver(random, 2 ** 20, interval),
    checkInterval: LARGE_CHECK_INTERVAL,
  },
  ...Object.fromEntries(
    BACKING_KINDS.flatMap((kind): [string, Subject][] => [
      [
        `heap-${kind}-small`,
        { create: (random, interval) => new HeapDriver(random, kind, 65536, interval), checkInterval: 1 },
      ],
      [
        `heap-${kind}-large`,
        {
          create: (random, interval) => new HeapDriver(random, kind, 2 ** 21, interval),
          checkInterval: LARGE_CHECK_INTERVAL,
        },
      ],
    ]),
  ),
};

/** The names of all subjects. */
export const SUBJECT_NAMES: readonly string[] = Object.keys(SUBJECTS);

/** The subject called `name`. Throws a RangeError that lists the names there are when there is none. */
export function subjectNamed(name: string): Subject {
  const subject = SUBJECTS[name];
  if (subject === undefined)
    throw new RangeError(`there is no subject "${name}": ${SUBJECT_NAMES.join(", ")}`);
  return subject;
}
