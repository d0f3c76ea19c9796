import { describe, expect, test } from "vitest";
import { parseBuddyinfo } from "../../src/proc/buddyinfo.ts";
import { parsePagetypeinfo } from "../../src/proc/pagetypeinfo.ts";
import { parseSlabinfo } from "../../src/proc/slabinfo.ts";
import { parseZoneinfo } from "../../src/proc/zoneinfo.ts";

describe("/proc/buddyinfo", () => {
  test("a line a zone", () => {
    const text = [
      "Node 0, zone      DMA      0      0      1 ",
      "Node 0, zone   Normal 145707  23388  16441 ",
      "Node 1, zone   Normal      1      2      3 ",
      "",
    ].join("\n");
    expect(parseBuddyinfo(text)).toEqual([
      { node: 0, zone: "DMA", freeBlocks: [0, 0, 1] },
      { node: 0, zone: "Normal", freeBlocks: [145_707, 23_388, 16_441] },
      { node: 1, zone: "Normal", freeBlocks: [1, 2, 3] },
    ]);
  });

  test("nothing in it", () => {
    expect(parseBuddyinfo("")).toEqual([]);
  });
});

describe("/proc/zoneinfo", () => {
  const text = [
    "Node 0, zone    DMA32",
    "  per-node stats",
    "      nr_inactive_anon 1979",
    "  pages free     772915",
    "        boost    0",
    "        spanned  1044480",
    "        present  782336",
    "        managed  772915",
    "      nr_free_pages 772915",
    "  pagesets",
    "    cpu: 0",
    "              count:    10",
    "              high:     3086",
    "    cpu: 1",
    "              count:    32",
    "  node_unreclaimable:  0",
    "  start_pfn:           4096",
    "Node 0, zone  Movable",
    "  pages free     0",
    "        spanned  0",
    "        present  0",
    "        managed  0",
    "        protection: (0, 0, 0, 0, 0)",
    "",
  ].join("\n");

  test("zones that hold pages", () => {
    expect(parseZoneinfo(text)).toEqual([
      {
        node: 0,
        zone: "DMA32",
        startPage: 4096,
        spannedPages: 1_044_480,
        presentPages: 782_336,
        managedPages: 772_915,
        freePages: 772_915,
        perCpuPages: 42,
      },
    ]);
  });
});

describe("/proc/slabinfo", () => {
  test("a line a cache", () => {
    const text = [
      "slabinfo - version: 2.1",
      "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables",
      "ext4_inode_cache   181006 181006   1128   14    4 : tunables    0    0    0 : slabdata  12929  12930      0",
      "",
    ].join("\n");
    expect(parseSlabinfo(text)).toEqual([
      {
        name: "ext4_inode_cache",
        activeObjects: 181_006,
        objects: 181_006,
        objectBytes: 1128,
        objectsPerSlab: 14,
        pagesPerSlab: 4,
        slabs: 12_930,
      },
    ]);
  });
});

describe("/proc/pagetypeinfo", () => {
  const text = [
    "Page block order: 9",
    "Pages per block:  512",
    "",
    "Free pages count per migrate type at order       0      1      2",
    "Node    0, zone   Normal, type    Unmovable   2381   1422    642",
    "Node    0, zone   Normal, type      Movable >100000  21966  15796",
    "",
    "Number of blocks type     Unmovable      Movable",
    "Node 0, zone   Normal            12         3000",
    "",
  ].join("\n");

  test("the order of its blocks, and lists that the kernel did not count to their end", () => {
    expect(parsePagetypeinfo(text)).toEqual({
      pageblockOrder: 9,
      freeBlocks: [
        { node: 0, zone: "Normal", migrateType: "Unmovable", counts: [2381, 1422, 642] },
        { node: 0, zone: "Normal", migrateType: "Movable", counts: [100_000, 21_966, 15_796] },
      ],
    });
  });

  test("something else", () => {
    expect(parsePagetypeinfo("nonsense")).toBe(null);
  });
});
