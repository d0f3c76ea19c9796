import { describe, expect, test, vi } from "vitest";
import type * as Tables from "../../src/heap/size-classes.ts";

/** The tables, made anew: they are the work of the module's first lines. */
async function freshTables(): Promise<typeof Tables> {
  vi.resetModules();
  return import("../../src/heap/size-classes.ts");
}

describe("the size classes", () => {
  test("step by 16 up to 128, then four times to a doubling, up to 8192; and one for a page and a header", async () => {
    const { SLOT_SIZES } = await freshTables();
    const linear = [16, 32, 48, 64, 80, 96, 112, 128];
    const upTo1024 = [160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024];
    const upTo8192 = [1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 4480, 5120, 6144, 7168, 8192];
    expect(SLOT_SIZES).toEqual([...linear, ...upTo1024, ...upTo8192]);
  });

  test("give each request the smallest slot that holds it", async () => {
    const { CLASS_OF, GRANULE, MAX_SLOT_SIZE, SLOT_SIZES } = await freshTables();
    expect(CLASS_OF).toHaveLength(MAX_SLOT_SIZE / GRANULE + 1);
    for (let byteLength = 0; byteLength <= MAX_SLOT_SIZE; byteLength++) {
      const expected = SLOT_SIZES.findIndex((slotSize) => slotSize >= byteLength) + 1;
      expect(CLASS_OF[(byteLength + 15) >>> 4], `${byteLength} bytes`).toBe(expected);
    }
  });
});
