import { describe, expect, test } from "vitest";
import { NO_PAGE } from "../../src/trace/event.ts";
import { eventLine, ftraceText, readText, type SeenEvent } from "../helpers/recordings.ts";

/** The one event of a text that holds one line. */
function readOne(line: string): SeenEvent {
  const { events } = readText(ftraceText([line]));
  expect(events).toHaveLength(1);
  return events[0]!;
}

const TIME = 12_345_678_000;
/** ffff888100000000 has the first prefix of its recording other than 0: index 1. */
const KEY_BASE = 2 ** 48 + 0x8881_0000_0000;

describe("who, where and how", () => {
  const detailsOf = (line: string) => readText(ftraceText([line])).details[0];
  const untold = { callSite: null, gfpFlags: null, node: -128, migrateType: -1 };

  test("objects: call site, flags and node", () => {
    const text =
      "kmalloc: call_site=ida_alloc+0x3/0x4 ptr=ffff888100000010 bytes_req=11 bytes_alloc=16 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false";
    expect(detailsOf(eventLine(text, { task: "kworker/0:1-77" }))).toEqual({
      callSite: "ida_alloc+0x3/0x4",
      gfpFlags: "GFP_KERNEL|__GFP_ZERO",
      node: -1,
      migrateType: -1,
      task: "kworker/0:1",
      pid: 77,
      cpu: 1,
    });
    const older = "kmalloc_node: call_site=ffffffff81 ptr=ffff888100000010 bytes_req=1 bytes_alloc=8 node=1";
    expect(detailsOf(eventLine(older))).toMatchObject({ callSite: "ffffffff81", gfpFlags: null, node: 1 });
    expect(detailsOf(eventLine("kfree: call_site=f+0x1/0x2 ptr=ffff888100000010"))).toMatchObject({
      ...untold,
      callSite: "f+0x1/0x2",
    });
  });

  test("pages: flags and migrate type", () => {
    const alloc = "mm_page_alloc: page=ffffea0000000200 pfn=0x8 order=3 migratetype=1 gfp_flags=GFP_NOIO";
    expect(detailsOf(eventLine(alloc))).toMatchObject({ ...untold, gfpFlags: "GFP_NOIO", migrateType: 1 });
    const drain = "mm_page_pcpu_drain: page=ffffea0000000200 pfn=0x8 order=0 migratetype=2";
    expect(detailsOf(eventLine(drain))).toMatchObject({ ...untold, migrateType: 2 });
    const stolen =
      "mm_page_alloc_extfrag: page=ffffea0000000200 pfn=0x8 alloc_order=0 fallback_order=10 pageblock_order=9 alloc_migratetype=2 fallback_migratetype=1 fragmenting=0 change_ownership=1";
    expect(detailsOf(eventLine(stolen))).toMatchObject({ ...untold, migrateType: 2 });
  });

  test.each([
    ["              sh-42    [001] .....  12.345678: ", "sh", 42, 1],
    ["    a b-c: d-1-423456  [012] d..2.  12.345678: ", "a b-c: d-1", 423_456, 12],
    ["              sh-42    (   40) [001] d..2.  12.345678: ", "sh", 42, 1],
    ["              sh-42    (-------) [001] d..2.  12.345678: ", "sh", 42, 1],
    ["           <...>-42    [001] 12.345678: ", "<...>", 42, 1],
    ["git gc  3456 [000] 12.345678: ", "git gc", 3456, 0],
  ])("%s", (before, task, pid, cpu) => {
    expect(detailsOf(`${before}kfree: call_site=f ptr=ffff888100000010`)).toMatchObject({ task, pid, cpu });
  });
});

describe("every kind of event", () => {
  const gfp = "gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false";
  test.each([
    [
      `kmalloc: call_site=lsm_blob_alloc+0x3b/0x60 ptr=ffff888100000010 bytes_req=11 bytes_alloc=16 ${gfp}`,
      { kind: "kmalloc", key: KEY_BASE + 16, cache: null, bytesRequested: 11, bytesAllocated: 16, order: 0 },
    ],
    [
      "kmalloc_node: call_site=ffffffff81234567 ptr=ffff888100000010 bytes_req=70 bytes_alloc=96 gfp_flags=GFP_KERNEL node=1",
      {
        kind: "kmalloc_node",
        key: KEY_BASE + 16,
        cache: null,
        bytesRequested: 70,
        bytesAllocated: 96,
        order: 0,
      },
    ],
    [
      `kmem_cache_alloc: call_site=copy_process+0x18a/0x1c80 ptr=ffff888100000020 name=task_struct bytes_req=5824 bytes_alloc=5888 ${gfp}`,
      {
        kind: "kmem_cache_alloc",
        key: KEY_BASE + 32,
        cache: "task_struct",
        bytesRequested: 5824,
        bytesAllocated: 5888,
        order: 0,
      },
    ],
    [
      "kmem_cache_alloc_node: call_site=ffffffff81234567 ptr=ffff888100000020 bytes_req=5824 bytes_alloc=5888 gfp_flags=GFP_KERNEL node=0",
      {
        kind: "kmem_cache_alloc_node",
        key: KEY_BASE + 32,
        cache: null,
        bytesRequested: 5824,
        bytesAllocated: 5888,
        order: 0,
      },
    ],
    [
      "kfree: call_site=ext4_ext_map_blocks+0x2c/0x80 [ext4] ptr=ffff888100000010",
      { kind: "kfree", key: KEY_BASE + 16, cache: null, bytesRequested: 0, bytesAllocated: 0, order: 0 },
    ],
    [
      "kmem_cache_free: call_site=__fput+0x141/0x2a0 ptr=ffff888100000020 name=filp",
      {
        kind: "kmem_cache_free",
        key: KEY_BASE + 32,
        cache: "filp",
        bytesRequested: 0,
        bytesAllocated: 0,
        order: 0,
      },
    ],
    [
      "mm_page_alloc: page=ffffea0006ab0180 pfn=0x1aac06 order=3 migratetype=0 gfp_flags=GFP_KERNEL",
      { kind: "mm_page_alloc", key: 0x1aac06, cache: null, bytesRequested: 0, bytesAllocated: 0, order: 3 },
    ],
    [
      "mm_page_free: page=ffffea0006ab0180 pfn=0x1aac06 order=3",
      { kind: "mm_page_free", key: 0x1aac06, cache: null, bytesRequested: 0, bytesAllocated: 0, order: 3 },
    ],
    [
      "mm_page_free_batched: page=ffffea0006ab0180 pfn=0x1aac06 order=0",
      {
        kind: "mm_page_free_batched",
        key: 0x1aac06,
        cache: null,
        bytesRequested: 0,
        bytesAllocated: 0,
        order: 0,
      },
    ],
    [
      "mm_page_alloc_zone_locked: page=ffffea0006ab0180 pfn=0x1aac06 order=9 migratetype=1 percpu_refill=1",
      {
        kind: "mm_page_alloc_zone_locked",
        key: 0x1aac06,
        cache: null,
        bytesRequested: 0,
        bytesAllocated: 0,
        order: 9,
      },
    ],
    [
      "mm_page_pcpu_drain: page=ffffea0006ab0180 pfn=0x1aac06 order=0 migratetype=2",
      {
        kind: "mm_page_pcpu_drain",
        key: 0x1aac06,
        cache: null,
        bytesRequested: 0,
        bytesAllocated: 0,
        order: 0,
      },
    ],
    [
      "mm_page_alloc_extfrag: page=ffffea0006ab0180 pfn=0x1aac06 alloc_order=2 fallback_order=10 pageblock_order=9 alloc_migratetype=0 fallback_migratetype=1 fragmenting=0 change_ownership=1",
      {
        kind: "mm_page_alloc_extfrag",
        key: 0x1aac06,
        cache: null,
        bytesRequested: 0,
        bytesAllocated: 0,
        order: 2,
      },
    ],
  ])("%s", (text, expected) => {
    expect(readOne(eventLine(text))).toEqual({ timeNanoseconds: TIME, ...expected });
  });
});

describe("other kernels' formats", () => {
  test("a cache name may hold spaces", () => {
    const alloc =
      "kmem_cache_alloc: call_site=f+0x1/0x2 ptr=ffff888100000020 name=sd ext cdb bytes_req=32 bytes_alloc=32 node=-1";
    expect(readOne(eventLine(alloc)).cache).toBe("sd ext cdb");
    expect(
      readOne(eventLine("kmem_cache_free: call_site=f+0x1/0x2 ptr=ffff888100000020 name=sd ext cdb")).cache,
    ).toBe("sd ext cdb");
  });

  test("page frame numbers were decimal once", () => {
    const line = "mm_page_alloc: page=ffffea0000a26a80 pfn=665194 order=0 migratetype=0 gfp_flags=GFP_KERNEL";
    expect(readOne(eventLine(line)).key).toBe(665_194);
  });

  test("a call site may be printed twice, as name and as number", () => {
    const line =
      "kmalloc: (skb_expand+0x5a) call_site=ffffffff81234567 ptr=ffff888100000010 bytes_req=5 bytes_alloc=8 gfp_flags=X";
    expect(readOne(eventLine(line))).toMatchObject({ bytesRequested: 5, bytesAllocated: 8 });
  });

  test("pages and objects that the kernel did not get", () => {
    expect(
      readOne(eventLine("mm_page_alloc: page=0000000000000000 pfn=0x0 order=9 migratetype=0 gfp_flags=X"))
        .key,
    ).toBe(NO_PAGE);
    expect(readOne(eventLine("mm_page_alloc: page=(null) pfn=0 order=9 migratetype=0 gfp_flags=X")).key).toBe(
      NO_PAGE,
    );
    expect(
      readOne(eventLine("kmalloc: call_site=f ptr=(null) bytes_req=5 bytes_alloc=8 gfp_flags=X")).key,
    ).toBe(0);
  });

  test("page frame 0 is a page where its pointer is not null", () => {
    expect(readOne(eventLine("mm_page_free: page=ffffea0000000000 pfn=0x0 order=0")).key).toBe(0);
  });

  test("flags or the thread group may be left out or in", () => {
    const free = "kfree: call_site=f ptr=0000000000000000";
    expect(readOne(`              sh-42    [001] 12.345678: ${free}`).timeNanoseconds).toBe(TIME);
    expect(readOne(`              sh-42    (   42) [001] d..2.  12.345678: ${free}`).timeNanoseconds).toBe(
      TIME,
    );
    expect(readOne(`sh-42 [001] ..... 12.345678: ${free}`).timeNanoseconds).toBe(TIME);
  });

  test("a clock that counts ticks gives no duration", () => {
    const { events, facts } = readText(
      ftraceText([eventLine("kfree: call_site=f ptr=0000000000000000", { time: "98765" })]),
    );
    expect(events[0]!.timeNanoseconds).toBe(98_765);
    expect(facts.durationSeconds).toBeNull();
  });
});

describe("task names", () => {
  test.each([
    "kworker/0:1-123",
    "kworker/u8:2+ev-7",
    "<...>-99",
    "<idle>-0",
    "a b: c-1",
    "x [3] 1.5: y-12",
    "x-1 [0] 1: k: y-12",
    "tmux: server-5",
    "-dash--77",
    "99-100",
  ])("%s", (task) => {
    expect(readOne(eventLine("mm_page_free: page=ffffea0006ab0180 pfn=0x7 order=1", { task }))).toMatchObject(
      {
        timeNanoseconds: TIME,
        key: 7,
        order: 1,
      },
    );
  });

  test("a bracket in a trimmed line's task name", () => {
    expect(
      readOne("x [3] y-12 [001] ..... 12.345678: kfree: call_site=f ptr=0000000000000000").timeNanoseconds,
    ).toBe(TIME);
  });
});

describe("pointers", () => {
  /** The keys of frees of the given pointers, in one recording. */
  const keysOf = (...pointers: string[]): number[] =>
    readText(
      ftraceText(pointers.map((pointer) => eventLine(`kfree: call_site=f ptr=${pointer}`))),
    ).events.map(({ key }) => key);

  test("64-bit pointers that one double cannot tell apart have different keys", () => {
    expect(Number("0xffff888100000001")).toBe(Number("0xffff888100000002"));
    const keys = keysOf("ffff888100000001", "ffff888100000002", "ffff888100000001");
    expect(keys[0]).not.toBe(keys[1]);
    expect(keys[0]).toBe(keys[2]);
  });

  test("pointers that differ only in their upper half have different keys", () => {
    expect(
      new Set(keysOf("ff11000100000001", "ff12000100000001", "0000000100000001", "0fff000100000001")).size,
    ).toBe(4);
  });

  test("NULL is 0 and the result of kmalloc(0) is 16, in every spelling", () => {
    expect(
      keysOf("ffff888100000001", "0000000000000000", "(nil)", "(null)", "0", "0x0", "0000000000000010", "10"),
    ).toEqual([KEY_BASE + 1, 0, 0, 0, 0, 0, 16, 16]);
  });

  test("hashed pointers are recognised", () => {
    const pointersOf = (pointer: string) =>
      readText(ftraceText([eventLine(`kfree: call_site=f ptr=${pointer}`)])).facts.pointers;
    expect(pointersOf("00000000abcd1234")).toBe("hashed");
    expect(pointersOf("ffff888100000001")).toBe("real");
    expect(pointersOf("c1234567")).toBe("real");
    expect(pointersOf("0000000000000000")).toBe("real");
    expect(readText(ftraceText([eventLine("mm_page_free: page=x pfn=0x7 order=1")])).facts.pointers).toBe(
      "none",
    );
  });

  test("a recording with more upper halves than keys have room for is refused, not confused", () => {
    const pointers = Array.from({ length: 32 }, (_, index) => `${(0xff00 + index).toString(16)}888100000001`);
    expect(() => keysOf(...pointers)).toThrow(/test\.ftrace:34: expected a pointer/);
  });
});
