/** malloc, allocate and free make no JavaScript objects: the collector has nothing to do, however long a program runs. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const CHILD = fileURLToPath(new URL("garbage-child.ts", import.meta.url));
/** What a million pairs may add to V8's heap: an eighth of a byte each. One number each would be twelve megabytes. */
const MAX_GROWTH_BYTES = 2 ** 17;

async function run(name: string): Promise<{ collections: number; grownBytes: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", CHILD, name]);
  return JSON.parse(stdout) as { collections: number; grownBytes: number };
}

describe("a million pairs", () => {
  it.each(["malloc", "tryMalloc", "runs", "calloc", "realloc", "slab", "buddy"])(
    "by %s leave nothing to collect",
    async (name) => {
      const { collections, grownBytes } = await run(name);
      expect(collections).toBe(0);
      expect(grownBytes).toBeLessThan(MAX_GROWTH_BYTES);
    },
  );

  it("that make an object each are seen", async () => {
    const { collections, grownBytes } = await run("garbage");
    expect(collections > 0 || grownBytes > MAX_GROWTH_BYTES).toBe(true);
  });
});
