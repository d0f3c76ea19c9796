/** Scripts that the start page offers without a recording. */
import { syntheticScript, type SyntheticOptions } from "../film/synthetic.ts";

/** The names of the invented scripts are what a source and a URL hold. */
export const INVENTED: Readonly<Record<string, SyntheticOptions>> = {
  "small-heap": {
    title: "A small heap",
    seed: 30,
    operationCount: 20_000,
    liveCount: 900,
    smallestBytes: 24,
    largestBytes: 12_000,
    size: 256 * 4096,
    maxSize: 512 * 4096,
    pageSize: 4096,
  },
  "million-pages": {
    title: "A heap of 4 GiB: a million pages, a million events",
    seed: 7,
    operationCount: 1_000_000,
    liveCount: 150_000,
    smallestBytes: 64,
    largestBytes: 65_536,
    size: 2 ** 32,
    maxSize: 2 ** 32,
    pageSize: 4096,
  },
};

/** The script of that name, or undefined. */
export function inventedScript(name: string): ReturnType<typeof syntheticScript> | undefined {
  const options = INVENTED[name];
  return options === undefined ? undefined : syntheticScript(options);
}
