import { describe, expect, test } from "vitest";
import { livePieces } from "../../src/replay/lifetimes.ts";
import { KMALLOC, objectStream } from "../../src/replay/object-stream.ts";
import { pageStream } from "../../src/replay/page-stream.ts";
import { eventLine, ftraceText, temporaryFolder, traceOf } from "../helpers/recordings.ts";

const folder = temporaryFolder();

const alloc = (name: string, pointer: number, requested: number, allocated: number): string =>
  eventLine(
    `kmem_cache_alloc: call_site=f ptr=ffff8881${hex(pointer)} name=${name} bytes_req=${requested} bytes_alloc=${allocated} node=-1`,
  );
const kmalloc = (pointer: number, requested: number, allocated: number): string =>
  eventLine(
    `kmalloc: call_site=f ptr=ffff8881${hex(pointer)} bytes_req=${requested} bytes_alloc=${allocated} node=-1`,
  );
const free = (name: string, pointer: number): string =>
  eventLine(`kmem_cache_free: call_site=f ptr=ffff8881${hex(pointer)} name=${name}`);
const kfree = (pointer: number): string => eventLine(`kfree: call_site=f ptr=ffff8881${hex(pointer)}`);
const pageAlloc = (pfn: number, order: number): string =>
  eventLine(`mm_page_alloc: page=ffffea00${hex(pfn)} pfn=0x${pfn.toString(16)} order=${order} migratetype=0`);
const pageFree = (pfn: number, order: number): string =>
  eventLine(`mm_page_free: page=ffffea00${hex(pfn)} pfn=0x${pfn.toString(16)} order=${order}`);
const hex = (value: number): string => value.toString(16).padStart(8, "0");

describe("objects", () => {
  const objectsOf = async (...lines: string[]) => objectStream(await traceOf(folder, ftraceText(lines)));

  test("a free ends the lifetime that began at its pointer", async () => {
    const stream = await objectsOf(
      kmalloc(0x100, 10, 16),
      alloc("filp", 0x200, 184, 192),
      kfree(0x100),
      kmalloc(0x100, 20, 32),
      free("filp", 0x200),
      kfree(0x100),
    );
    expect([...stream.operations]).toEqual([0, 1, ~0, 2, ~1, ~2]);
    expect([...stream.cacheOf]).toEqual([KMALLOC, 0, KMALLOC]);
    expect([...stream.bytesRequested]).toEqual([10, 184, 20]);
    expect([...stream.bytesAllocated]).toEqual([16, 192, 32]);
    expect(stream.caches).toEqual([{ name: "filp", objectSize: 184 }]);
    expect(stream.peak).toMatchObject({ value: 204, operationCount: 4 });
    expect(stream.endBytes).toBe(0);
  });

  test("what is not in the stream is counted", async () => {
    const stream = await objectsOf(
      kfree(0x900),
      free("filp", 0xa00),
      free("filp", 0xb00),
      eventLine("kfree: call_site=f ptr=0000000000000000"),
      eventLine("kfree: call_site=f ptr=0000000000000010"),
      eventLine("kmalloc: call_site=f ptr=0000000000000000 bytes_req=4096 bytes_alloc=4096 gfp_flags=X"),
      kmalloc(0x100, 10, 16),
    );
    expect([...stream.operations]).toEqual([0]);
    expect(stream.counts).toEqual({
      allocations: 1,
      frees: 0,
      unrecordedFrees: 0,
      freesFromBefore: 3,
      kfreesFromBefore: 1,
      programFreesFromBefore: 0,
      failedAllocations: 1,
      nullFrees: 2,
      freesUnderOtherName: 0,
    });
  });

  test("memory that is handed out twice was freed in between", async () => {
    const stream = await objectsOf(
      alloc("skb", 0x100, 232, 256),
      alloc("skb", 0x100, 232, 256),
      free("skb", 0x100),
    );
    expect([...stream.operations]).toEqual([0, ~0, 1, ~1]);
    expect(stream.counts).toMatchObject({ allocations: 2, frees: 1, unrecordedFrees: 1 });
    expect(stream.peak).toMatchObject({ value: 232, operationCount: 1 });
  });

  test("an object goes back to where it came from, whatever its free says", async () => {
    const stream = await objectsOf(
      alloc("cred", 0x100, 184, 192),
      alloc("skb", 0x200, 232, 256),
      alloc("filp", 0x300, 184, 192),
      free("pid", 0x100),
      kfree(0x200),
      free("filp", 0x300),
    );
    expect([...stream.operations]).toEqual([0, 1, 2, ~0, ~1, ~2]);
    expect(stream.counts).toMatchObject({ frees: 3, freesUnderOtherName: 2 });
  });

  test("one name with several sizes is several caches", async () => {
    const stream = await objectsOf(
      alloc("pid", 0x100, 184, 192),
      alloc("pid", 0x200, 112, 128),
      alloc("filp", 0x300, 184, 192),
    );
    expect(stream.caches).toEqual([
      { name: "pid:184", objectSize: 184 },
      { name: "pid:112", objectSize: 112 },
      { name: "filp", objectSize: 184 },
    ]);
    expect([...stream.cacheOf]).toEqual([0, 1, 2]);
  });

  test("caches that old kernels do not name are told apart by size", async () => {
    const unnamed = (pointer: number, size: number): string =>
      eventLine(
        `kmem_cache_alloc_node: call_site=f ptr=ffff8881${hex(pointer)} bytes_req=${size} bytes_alloc=${size} node=0`,
      );
    const stream = await objectsOf(unnamed(0x100, 64), unnamed(0x200, 64), unnamed(0x300, 128));
    expect(stream.caches.map(({ name }) => name)).toEqual(["unnamed:64", "unnamed:128"]);
    expect([...stream.cacheOf]).toEqual([0, 0, 1]);
  });
});

describe("pages", () => {
  const pagesOf = async (...lines: string[]) => pageStream(await traceOf(folder, ftraceText(lines)));

  test("a free ends the lifetime that began at its page frame", async () => {
    const stream = await pagesOf(pageAlloc(8, 3), pageAlloc(1, 0), pageFree(8, 3), pageAlloc(8, 1));
    expect([...stream.operations]).toEqual([0, 1, ~0, 2]);
    expect([...stream.order]).toEqual([3, 0, 1]);
    expect(stream).toMatchObject({ largestOrder: 3, endPages: 3, peak: { value: 9, operationCount: 2 } });
  });

  test("only mm_page_alloc and mm_page_free count", async () => {
    const page = "page=ffffea0000000040 pfn=0x1 order=0";
    const stream = await pagesOf(
      eventLine(`mm_page_alloc_zone_locked: ${page} migratetype=0 percpu_refill=1`),
      pageAlloc(1, 0),
      eventLine(`mm_page_free_batched: ${page}`),
      pageFree(1, 0),
      eventLine(`mm_page_pcpu_drain: ${page} migratetype=0`),
    );
    expect([...stream.operations]).toEqual([0, ~0]);
    expect(stream.counts).toMatchObject({ allocations: 1, frees: 1, freesFromBefore: 0 });
  });

  test("what is odd is counted", async () => {
    const stream = await pagesOf(
      pageFree(7, 0),
      eventLine("mm_page_alloc: page=0000000000000000 pfn=0x0 order=9 migratetype=0"),
      pageAlloc(8, 2),
      pageAlloc(8, 0),
      pageAlloc(16, 2),
      pageFree(16, 0),
      pageFree(17, 0),
    );
    expect([...stream.operations]).toEqual([0, ~0, 1, 2, ~2]);
    expect(stream.counts).toEqual({
      allocations: 3,
      frees: 1,
      unrecordedFrees: 1,
      freesFromBefore: 2,
      failedAllocations: 1,
      orderMismatches: 1,
    });
  });
});

test("the pieces that live after some operations", () => {
  const operations = Int32Array.of(0, 1, ~0, 2);
  expect([...livePieces(operations, 0, 3)]).toEqual([0, 0, 0]);
  expect([...livePieces(operations, 2, 3)]).toEqual([1, 1, 0]);
  expect([...livePieces(operations, 4, 3)]).toEqual([0, 1, 1]);
});
