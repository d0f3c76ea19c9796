import { expect, test } from "vitest";
import { SharedHeap } from "../../src/index.ts";
import { loadStepped } from "./crash.ts";
import { buildSteppedLibrary } from "./steps/instrument.ts";

test("others may free what a dead thread owned while it is being counted", async () => {
  const stepped = await loadStepped(buildSteppedLibrary("stepped-owned"));
  const keeper = SharedHeap.create({ size: 2 ** 18, maxThreads: 3, trackOwners: true });
  const dead = SharedHeap.attach(keeper.handle);
  const rescuer = stepped.library.SharedHeap.attach(keeper.handle);
  const offsets = Array.from({ length: 5 }, () => dead.malloc(16));
  let hasFreed = false;
  stepped.hook.onStep = (step) => {
    const { file, text } = stepped.places[step]!;
    if (hasFreed || file !== "shared/shared-heap.ts" || !/owned\.objects|cacheAt/.test(text)) return;
    hasFreed = true;
    for (const offset of offsets) keeper.free(offset);
  };
  const { owned } = rescuer.recover(dead.threadId);
  expect(hasFreed).toBe(true);
  // The one that was being looked at may count, or not.
  expect(owned!.objects).toBeLessThanOrEqual(1);
  expect(owned!.bytes).toBe(16 * owned!.objects);
  stepped.hook.onStep = () => undefined;
  expect(rescuer.recover(dead.threadId).owned).toEqual({ objects: 0, bytes: 0 });
  keeper.check({ quiet: true });
});
