/** Every allocator on every backing that the random operations drive, by name. */
import { BACKING_KINDS } from "./backings.ts";
import { BuddyDriver } from "./buddy-driver.ts";
import type { Driver } from "./driver.ts";
import { HeapDriver } from "./heap-driver.ts";
import { Random } from "./random.ts";
import { SharedDriver } from "./shared-driver.ts";
import { SlabDriver } from "./slab-driver.ts";

/** How each subject is made. The name is what `npm run fuzz -- --subject` takes. */
const SUBJECTS: Record<string, (random: Random) => Driver> = {
  "buddy-small": (random) => new BuddyDriver(random, 64),
  "buddy-large": (random) => new BuddyDriver(random, 4096),
  "slab-small": (random) => new SlabDriver(random, 65536),
  "slab-large": (random) => new SlabDriver(random, 2 ** 22),
  "shared-small": (random) => new SharedDriver(random, 2 ** 18),
  "shared-large": (random) => new SharedDriver(random, 2 ** 22),
  ...Object.fromEntries(
    BACKING_KINDS.flatMap((kind) => [
      [`heap-${kind}-small`, (random: Random) => new HeapDriver(random, kind, 65536)],
      [`heap-${kind}-large`, (random: Random) => new HeapDriver(random, kind, 2 ** 21)],
    ]),
  ),
};

/** The names of all subjects. */
export const SUBJECT_NAMES: readonly string[] = Object.keys(SUBJECTS);

/** Runs `operationCount` random operations on a subject, and the final comparison. Throws as `runDriver` does. */
export function runSubject(name: string, seed: number, operationCount: number): void {
  const create = SUBJECTS[name];
  if (create === undefined)
    throw new RangeError(`there is no subject "${name}": ${SUBJECT_NAMES.join(", ")}`);
  runDriver(name, seed, operationCount, create(new Random(seed, name)));
}

/**
 * Lets `driver` do `operationCount` operations and the final comparison. Throws an error whose message ends in the
 * command that does it again, up to the operation that failed.
 */
export function runDriver(name: string, seed: number, operationCount: number, driver: Driver): void {
  let done = 0;
  try {
    for (; done < operationCount; done++) driver.step();
    driver.finish();
  } catch (error) {
    const place = done === operationCount ? "after the last operation" : `in operation ${done + 1}`;
    const replay = `npm run fuzz -- --seed ${seed} --subject ${name} --ops ${Math.min(done + 1, operationCount)}`;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}, ${driver.description}, ${place}: ${reason}\nreplay: ${replay}`, {
      cause: error,
    });
  }
}
