import { Heap } from "kmem";
import { describe, expect, test } from "vitest";
import { readerFor } from "../../src/import/reader-for.ts";
import type { Trace } from "../../src/trace/trace.ts";
import { TraceBuilder } from "../../src/trace/trace-builder.ts";
import { objectStream } from "../../src/replay/object-stream.ts";
import { seenEvents } from "../helpers/recordings.ts";

/** Reads a text of whatever format it is. */
function read(text: string, limit = Infinity): Trace {
  const builder = new TraceBuilder();
  const bytes = new TextEncoder().encode(text);
  const reader = readerFor(bytes, { file: "x", sink: builder, names: builder.names, limit });
  reader.push(bytes);
  reader.finish();
  return builder.finish(reader.facts());
}

/** Kind, key and bytes of every event. */
const shortEvents = (text: string): unknown[] =>
  seenEvents(read(text)).events.map(({ kind, key, bytesRequested }) => [kind, key, bytesRequested]);

describe("trace-cmd report", () => {
  const text = [
    "cpus=2",
    "labx:             bash-20444 [000]  2057.619402: kmalloc:              (tracepoint_add_func+0x10d) call_site=tracepoint_add_func+0x10d ptr=0xffff8881b5940740 bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1 accounted=false",
    "CPU:1 [12 EVENTS DROPPED]",
    "              ls-20447 [001]  2057.622122123: mm_page_free:         page=0x1b0635 pfn=0x1b0635 order=0",
    "              ls-20447 [001]  2057.622130000: kfree:                (ida_alloc_range+0x39b) call_site=ida_alloc_range+0x39b ptr=(nil)",
    "              ls-20447 [001]  2057.622131000: rss_stat:             mm_id=3437487600 curr=1 type=MM_ANONPAGES size=1B",
    "              ls-20447 [001]  2057.622132000: kernel_stack:         <stack trace >",
    "=> kmalloc (ffffffff81)",
    "",
  ].join("\n");

  test("pointers with 0x, nanoseconds, the name of a buffer, dropped events", () => {
    const trace = read(text);
    expect(trace.facts).toMatchObject({
      format: "trace-cmd",
      processorCount: 2,
      lostEvents: 12,
      eventCount: 3,
      pointers: "real",
      otherEvents: {
        rss_stat: 1,
        kernel_stack: 1,
      },
    });
    const { events, details } = seenEvents(trace);
    expect(events.map(({ kind }) => kind)).toEqual(["kmalloc", "mm_page_free", "kfree"]);
    expect(trace.names.pointers.textOf(events[0]!.key)).toBe("ffff8881b5940740");
    expect(events[1]).toMatchObject({ key: 0x1b0635, timeNanoseconds: 2_057_622_122_123 });
    expect(details[0]).toMatchObject({ callSite: "tracepoint_add_func+0x10d", task: "bash", pid: 20_444 });
  });
});

describe("perf script", () => {
  const text = [
    "            perf 19416 [001]  2018.999673:                 kmem:kmem_cache_alloc: call_site=getname_flags.part.0+0x24 ptr=0xffff88818f6f0000 name=names_cache bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 accounted=false",
    "       perf-exec 19417/19418 [000]  2018.999743:                         kmem:rss_stat: mm_id=3234715684 curr=1",
    "\tffffffff81234567 kmem_cache_alloc+0x1 ([kernel.kallsyms])",
    "",
    "       my prog 19417/19418 [000]  2018.999800: kmem:mm_page_alloc: page=0x1b000b pfn=0x1b000b order=2 migratetype=0 gfp_flags=GFP_HIGHUSER",
    "",
  ].join("\n");

  test("the system before the event, tasks without a dash, call chains", () => {
    const trace = read(text);
    expect(trace.facts).toMatchObject({ format: "perf-script", eventCount: 2, otherEvents: { rss_stat: 1 } });
    const { events, details } = seenEvents(trace);
    expect(events[0]).toMatchObject({ kind: "kmem_cache_alloc", cache: "names_cache" });
    expect(events[1]).toMatchObject({ kind: "mm_page_alloc", key: 0x1b000b, order: 2 });
    expect(details[0]).toMatchObject({ task: "perf", pid: 19_416, cpu: 1 });
    expect(details[1]).toMatchObject({ task: "my prog", pid: 19_418, gfpFlags: "GFP_HIGHUSER" });
  });
});

describe("heaptrack", () => {
  const interpreted = [
    "v 10400 3",
    "X ./demo --fast",
    "I 1000 5e298d",
    "s 9 /tmp/demo",
    "s 4 main",
    "s 6 demo.c",
    "i 401000 1 2 3 a",
    "i 402000 1",
    "t 1 0",
    "t 2 1",
    "a 64 1",
    "a 10 2",
    "c 5",
    "+ 0",
    "+ 0",
    "+ 1",
    "- 0",
    "R 100",
    "c a",
    "- 1",
    "+ 1",
    "",
  ].join("\n");

  test("interpreted: kinds of allocation, call sites, time", () => {
    const trace = read(interpreted);
    expect(trace.facts).toMatchObject({
      format: "heaptrack",
      command: "./demo --fast",
      pageSize: 4096,
      pointers: "numbers",
      eventCount: 6,
      durationSeconds: 0.005,
    });
    expect(shortEvents(interpreted)).toEqual([
      ["malloc", 1, 100],
      ["malloc", 2, 100],
      ["malloc", 3, 16],
      ["free", 2, 0],
      ["free", 3, 0],
      ["malloc", 3, 16],
    ]);
    const sites = seenEvents(trace).details.map(({ callSite }) => callSite);
    expect(sites.slice(0, 3)).toEqual(["main", "main", "/tmp/demo+0x402000"]);
  });

  test("raw: pointers, modules", () => {
    const raw = [
      "v 10400 3",
      "x 6 ./demo",
      "m 1 -",
      "m 10 /usr/lib/libx.so 7f0000000000 0 1000 2000 100",
      "t 7f0000002010 0",
      "t 55 1",
      "+ 64 1 7fff00000010",
      "+ 8 2 7fff00000100",
      "- 7fff00000010",
      "- 9999",
      "",
    ].join("\n");
    const trace = read(raw);
    expect(trace.facts.pointers).toBe("real");
    const { events, details } = seenEvents(trace);
    expect(events.map(({ kind, key, bytesRequested }) => [kind, key, bytesRequested])).toEqual([
      ["malloc", 0x7fff00000010, 100],
      ["malloc", 0x7fff00000100, 8],
      ["free", 0x7fff00000010, 0],
      ["free", 0x9999, 0],
    ]);
    expect(details.map(({ callSite }) => callSite)).toEqual(["libx.so+0x2010", "0x55", null, null]);
  });

  test.each([
    [
      "another version",
      "v 10400 2\n",
      "expected heaptrack data of file version 3; found 2 of heaptrack 10400",
    ],
    ["an unknown line", "v 10400 3\nq 1\n", 'x:2: expected a line of heaptrack data; found "q 1"'],
    ["a kind not told", "v 10400 3\n+ 0\n", "x:2: expected the number of a kind of allocation"],
    ["a free of nothing", "v 10400 3\nt 1 0\n", "x:2: expected the number of an instruction"],
    ["a free too many", interpreted + "- 0\n- 0\n- 0\n", "expected a kind of allocation with a live piece"],
    ["a short text", "v 10400 3\ns 9 abc\n", "x:2: expected a text of 9 bytes"],
    ["no allocation", "v 10400 3\nX a\n", "expected an allocation; found the end of the data"],
  ])("%s", (_what, text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe("malloc-lab .rep", () => {
  const operations = ["a 0 512", "a 1 128", "r 0 640", "f 1", "f -1", "r 1 16", "f 0", ""].join("\n");
  const expected = [
    ["malloc", 0, 512],
    ["malloc", 1, 128],
    ["realloc", 0, 640],
    ["free", 1, 0],
    ["malloc", 1, 16],
    ["free", 0, 0],
  ];

  test.each([
    ["ids ops", "2\n7\n"],
    ["weight ids ops largest", "1\n2\n7\n640\n"],
    ["heap ids ops weight", "20000\n2\n7\n1\n"],
    ["on one line", "1 2 7 640\n"],
    ["with CRLF", "2\r\n7\r\n"],
  ])("header: %s", (_what, header) => {
    const text = header + (header.includes("\r") ? operations.replaceAll("\n", "\r\n") : operations);
    expect(shortEvents(text)).toEqual(expected);
    expect(read(text).facts).toMatchObject({ format: "malloc-lab", durationSeconds: null });
  });

  test("a realloc is a free and an allocation", () => {
    const stream = objectStream(read(`2\n7\n${operations}`));
    expect([...stream.operations]).toEqual([0, 1, ~0, 2, ~1, 3, ~2]);
    expect([...stream.bytesRequested]).toEqual([512, 128, 640, 16]);
    expect(stream.peak.value).toBe(768);
  });

  test.each([
    [
      "too few operations",
      "2\n9\n" + operations,
      "TRUNCATED",
      "expected 9 operations, as the header says; found 7",
    ],
    ["too many", "2\n6\n" + operations, "SYNTAX", "x:9: expected the end of the file after 6 operations"],
    ["a header of three", "2\n7\n1\n" + operations, "SYNTAX", "expected a header of 2 or 4 numbers; found 3"],
    ["an id too large", "1\n7\n" + operations, "SYNTAX", "x:4: expected an id below 1"],
    ["no size", "1\n1\na 0\n", "SYNTAX", "x:3: expected a size in bytes; found the end of the line"],
    ["a free of nothing", "1\n1\nf 0\n", "SYNTAX", "expected the free of a live id; 0 is not"],
    ["twice", "1\n2\na 0 1\na 0 1\n", "SYNTAX", "expected an id that is not live; 0 is"],
    ["another word", "1\n2\na 0 1\nx 0 1\n", "SYNTAX", 'x:4: expected "a", "r" or "f"; found "x 0 1"'],
  ])("%s", (_what, text, code, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe("kmem snapshots", () => {
  const heap = new Heap({ size: 16 * 4096 });
  const nodes = heap.createCache({ name: "nodes", objectSize: 1000 });
  const large = heap.malloc(20_000);
  const [first, second] = [nodes.allocate(), nodes.allocate()];
  const small = heap.malloc(100);
  const text = JSON.stringify(heap.snapshot());

  test("every object is an allocation", () => {
    const trace = read(text);
    expect(trace.facts).toMatchObject({ format: "snapshot", pageSize: 4096, eventCount: 4 });
    const found = seenEvents(trace).events.map(({ key, cache, bytesRequested, bytesAllocated }) => [
      key,
      cache,
      bytesRequested,
      bytesAllocated,
    ]);
    const wanted = [
      [large, null, 20_480, 20_480],
      [first, "nodes", 1000, 1008],
      [second, "nodes", 1000, 1008],
      [small, null, 112, 112],
    ];
    expect(found).toEqual(wanted.toSorted(([a], [b]) => Number(a) - Number(b)));
    expect(read(text, 2).facts.eventCount).toBe(2);
  });

  test.each([
    ["cut", text.slice(0, -10), "TRUNCATED"],
    ["broken", text.replace(":", "="), "SYNTAX"],
    ["another document", '{"format":"elf"}', "FOREIGN"],
    ["without lists", '{"format":"kmem-heap","version":1}', "SYNTAX"],
    ["a slab of no cache", text.replaceAll('"nodes"', '"edges"').replace('"edges"', '"nodes"'), "SYNTAX"],
  ])("%s", (_what, damaged, code) => {
    expect(() => read(damaged)).toThrow(expect.objectContaining({ code, name: "TraceError" }));
  });
});
