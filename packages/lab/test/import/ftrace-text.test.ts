import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TraceError } from "../../src/trace/trace-error.ts";
import { eventLine, ftraceText, readChunks, readText } from "../helpers/recordings.ts";

const ALLOC = eventLine(
  "kmalloc: call_site=f ptr=ffff888100000010 bytes_req=11 bytes_alloc=16 gfp_flags=X node=-1",
);
const FREE = eventLine("kfree: call_site=f ptr=ffff888100000010", { time: "13.845678" });
const NAMED = eventLine(
  "kmem_cache_alloc: call_site=f ptr=ffff888100000020 name=filp bytes_req=184 bytes_alloc=192 node=-1",
);

/** The error that reading the text throws. */
function errorOf(text: string): TraceError {
  try {
    readText(text);
  } catch (error) {
    expect(error).toBeInstanceOf(TraceError);
    return error as TraceError;
  }
  throw new Error("no error was thrown");
}

describe("lines that are not events", () => {
  test("header: what the recording says of itself", () => {
    const { facts } = readText(ftraceText([ALLOC, FREE], { inBuffer: 2, written: 12 }));
    expect(facts).toMatchObject({
      tracer: "nop",
      processorCount: 2,
      entriesInBuffer: 2,
      entriesWritten: 12,
      overwrittenEvents: 10,
      eventCount: 2,
      durationSeconds: 1.5,
      bytesRequested: 11,
      bytesAllocated: 16,
    });
  });

  test("lost events are added up", () => {
    const lines = [ALLOC, "CPU:1 [LOST 123 EVENTS]", "CPU:0 [LOST 7 EVENTS]", "CPU:0 [LOST EVENTS]", FREE];
    expect(readText(ftraceText(lines)).facts).toMatchObject({
      lostEvents: 130,
      lostEventLines: 3,
      eventCount: 2,
    });
  });

  test("comments, empty lines and stack traces are passed over", () => {
    const lines = [
      "##### CPU 1 buffer started ####",
      ALLOC,
      "",
      "   ",
      eventLine("<stack trace>"),
      " => kmalloc",
      " => f",
      FREE,
    ];
    const { events, facts } = readText(ftraceText(lines));
    expect(events).toHaveLength(2);
    expect(Object.entries(facts.otherEvents)).toEqual([["<stack trace>", 1]]);
  });

  test("events of other kinds are counted by name", () => {
    const lines = [
      eventLine("sched_switch: prev_comm=a"),
      ALLOC,
      eventLine("sched_switch: x"),
      eventLine("rss_stat: mm_id=1"),
    ];
    const { facts } = readText(ftraceText(lines, { inBuffer: 4, written: 4 }));
    expect(Object.entries(facts.otherEvents)).toEqual([
      ["sched_switch", 2],
      ["rss_stat", 1],
    ]);
  });
});

describe("line endings and chunks", () => {
  const text = ftraceText([ALLOC, NAMED, "CPU:1 [LOST 123 EVENTS]", FREE], { inBuffer: 3, written: 3 });

  test("CRLF reads as LF", () => {
    expect(readText(text.replaceAll("\n", "\r\n")).events).toEqual(readText(text).events);
  });

  test("CRLF is not part of a name at a line's end", () => {
    const line = eventLine("kmem_cache_free: call_site=f ptr=ffff888100000020 name=filp");
    expect(readText(`${line}\r\n`).events[0]!.cache).toBe("filp");
  });

  test("a last line without line ending counts", () => {
    expect(readText(text.trimEnd()).events).toEqual(readText(text).events);
  });

  test("cutting the bytes anywhere changes nothing", () => {
    const bytes = new TextEncoder().encode(text);
    const whole = readText(text);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.slice(places[index], end));
        expect(readChunks(chunks)).toEqual(whole);
      }),
    );
  });

  test("one byte at a time changes nothing", () => {
    const bytes = new TextEncoder().encode(text);
    expect(readChunks(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(readText(text));
  });

  test("the limit ends reading", () => {
    const { events, facts } = readText(`${text}not ftrace`, { limit: 2 });
    expect(events).toHaveLength(2);
    expect(facts.eventCount).toBe(2);
  });
});

describe("broken lines name their number, what was expected, and what stands there", () => {
  test.each([
    [
      eventLine("kmalloc: call_site=f ptr=zz bytes_req=1 bytes_alloc=8"),
      'expected a pointer in hexadecimal; found "zz bytes_req=1 bytes_alloc=8"',
    ],
    [
      eventLine("kmalloc: call_site=f ptr=ffff88810000001000 bytes_req=1 bytes_alloc=8"),
      "expected a pointer in hexadecimal",
    ],
    [eventLine("kfree: call_site=f"), 'expected "ptr=" and a pointer; found the end of the line'],
    [
      eventLine("kmalloc: call_site=f ptr=ffff888100000010 bytes_alloc=8"),
      'expected "bytes_req=" and a number of bytes',
    ],
    [
      eventLine("kmalloc: call_site=f ptr=ffff888100000010 bytes_req=-1 bytes_alloc=8"),
      'expected "bytes_req=" and a number of bytes',
    ],
    [eventLine("kmalloc: call_site=f ptr=ffff888100000010 bytes_req=4294967296 bytes_alloc=8"), "below 2^32"],
    [
      eventLine("kmalloc: call_site=f ptr=ffff888100000010 bytes_req=8"),
      'expected "bytes_alloc=" and a number of bytes below 2^32; found the end of the line',
    ],
    [
      eventLine("kmem_cache_alloc: call_site=f ptr=ffff888100000010 name=filp"),
      'expected a cache\'s name and "bytes_req=" after it',
    ],
    [eventLine("mm_page_alloc: page=ffffea0006ab0180 order=0"), 'expected "pfn=" and a page frame number'],
    [
      eventLine("mm_page_free: page=ffffea0006ab0180 pfn=0x12"),
      'expected "order=" and an order from 0 to 20',
    ],
    [eventLine("mm_page_free: page=ffffea0006ab0180 pfn=0x12 order=21"), "order from 0 to 20"],
    [eventLine("mm_page_alloc_extfrag: page=ffffea0006ab0180 pfn=0x12"), 'expected "alloc_order="'],
    [eventLine("kfree"), "expected an event's name and a colon"],
    ["something else", 'expected an event line: task-pid [cpu] flags time: event: …; found "something else"'],
    ["a\u0001b\u00e9", 'found "a\\x01b\\xc3\\xa9"'],
    ["CPU:1 [FOUND 12 EVENTS]", "expected an event line"],
  ])("%s", (line, message) => {
    const error = errorOf(ftraceText([ALLOC, line, FREE]));
    expect(error).toMatchObject({ code: "SYNTAX", file: "test.ftrace", line: 4 });
    expect(error.message).toContain("test.ftrace:4: ");
    expect(error.message).toContain(message);
  });

  test("a long line is shown from its fault on, and cut", () => {
    expect(errorOf(ftraceText([ALLOC, "x".repeat(500)])).message.length).toBeLessThan(200);
  });
});

describe("texts that end before their end", () => {
  test("in the middle of a line", () => {
    const text = ftraceText([ALLOC, FREE]);
    const error = errorOf(text.slice(0, text.indexOf("bytes_alloc")));
    expect(error).toMatchObject({ code: "TRUNCATED", line: 3 });
    expect(error.message).toContain("the file ends in the middle of a line");
  });

  test("between lines: the header counts more events", () => {
    const error = errorOf(ftraceText([ALLOC, FREE], { inBuffer: 5, written: 9 }));
    expect(error).toMatchObject({ code: "TRUNCATED", line: 7 });
    expect(error.message).toContain(
      "expected 3 more events, since the header counts 5; found the end of the file",
    );
  });

  test("within the header", () => {
    expect(errorOf(ftraceText([], { inBuffer: 5, written: 5 })).code).toBe("TRUNCATED");
  });
});

describe("texts that are something else", () => {
  test("empty", () => {
    expect(errorOf("")).toMatchObject({ code: "EMPTY", message: "test.ftrace is empty" });
  });

  test("a header without events", () => {
    expect(errorOf(ftraceText([]))).toMatchObject({
      code: "EMPTY",
      message: "test.ftrace holds a header but no event",
    });
  });

  test("prose", () => {
    const error = errorOf("Dear reader,\n");
    expect(error).toMatchObject({ code: "FOREIGN", line: 1 });
    expect(error.message).toContain(
      "test.ftrace:1: no recording in a format that is read here: expected an event line",
    );
    expect(error.message).toContain('found "Dear reader,"');
  });

  test("comments only", () => {
    expect(errorOf("# a shell script\n").code).toBe("FOREIGN");
  });

  test("bytes without lines", () => {
    expect(errorOf("x".repeat(100_000))).toMatchObject({ code: "FOREIGN", line: 1 });
    expect(errorOf(`${"x".repeat(100_000)}\n`)).toMatchObject({ code: "FOREIGN", line: 1 });
  });

  test("a recording of other events", () => {
    const error = errorOf(ftraceText([eventLine("sched_switch: a"), eventLine("sched_wakeup: b")]));
    expect(error).toMatchObject({ code: "FOREIGN" });
    expect(error.message).toBe(
      "test.ftrace holds 2 events, but none of the kmem kinds (it has sched_switch, sched_wakeup)",
    );
  });
});
