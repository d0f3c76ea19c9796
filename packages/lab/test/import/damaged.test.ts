/** Whatever bytes come: a reader ends with a recording or a TraceError, never with anything else. */
import { Heap } from "kmem";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FORMAT_HEAD_BYTES, readerFor } from "../../src/import/reader-for.ts";
import { EVENT_NAMES } from "../../src/trace/event.ts";
import { TraceBuilder } from "../../src/trace/trace-builder.ts";
import { TraceError } from "../../src/trace/trace-error.ts";
import { eventLine, ftraceText } from "../helpers/recordings.ts";

const heap = new Heap({ size: 2 ** 16 });
heap.malloc(100);
heap.malloc(20_000);

const SAMPLES: Readonly<Record<string, string>> = {
  ftrace: ftraceText(
    [
      eventLine(
        "kmalloc: call_site=f ptr=ffff888100000010 bytes_req=11 bytes_alloc=16 gfp_flags=GFP_KERNEL node=-1",
      ),
      "CPU:1 [LOST 12 EVENTS]",
      eventLine("kmem_cache_free: call_site=f ptr=ffff888100000010 name=filp"),
      eventLine("mm_page_alloc: page=ffffea0000000200 pfn=0x8 order=3 migratetype=0 gfp_flags=GFP_NOIO"),
    ],
    { inBuffer: 3, written: 3 },
  ),
  "trace-cmd":
    "cpus=2\n   sh-4 [000]  2057.619402: kfree:   (f+0x1) call_site=f+0x1 ptr=0xffff8881b5940740\n",
  perf: "  perf 194 [001] 2018.999: kmem:kfree: call_site=f+0x1 ptr=0xffff8881b5940740\n\tffffffff8123 f ([k])\n",
  heaptrack: "v 10400 3\nX a b\ns 4 main\ns 1 f\ni 4000 1 2 1 a\nt 1 0\na 64 1\n+ 0\nc 5\n+ 0\n- 0\n",
  "heaptrack raw": "v 10400 3\nx 2 ab\nm 2 ab 4000 0 100\nt 4010 0\n+ 64 1 7fff10\n- 7fff10\n",
  "malloc-lab": "2\n4\na 0 512\nr 0 600\na 1 8\nf 0\n",
  snapshot: JSON.stringify(heap.snapshot()),
};

/** One change to a text: some bytes replaced, from a place on. */
const change = fc.record({
  at: fc.nat(),
  remove: fc.nat(6),
  insert: fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.constantFrom("\n", " ", "-", "0", "f", "ffffffffffffffff", "="),
  ),
});

describe.each(Object.entries(SAMPLES))("%s", (_name, sample) => {
  test("read whole, it is a recording", () => {
    expect(read(new TextEncoder().encode(sample)).facts.eventCount).toBeGreaterThan(0);
  });

  test("changed anywhere, it is a recording or a TraceError", () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let text = sample;
        for (const { at, remove, insert } of changes) {
          const place = at % (text.length + 1);
          text = text.slice(0, place) + insert + text.slice(place + remove);
        }
        let trace;
        try {
          trace = read(new TextEncoder().encode(text));
        } catch (error) {
          expect(error).toBeInstanceOf(TraceError);
          expect((error as Error).message).not.toMatch(/undefined|NaN|\n/);
          return;
        }
        const { events } = trace;
        for (let row = 0; row < events.length; row++) {
          expect(EVENT_NAMES[events.kind[row]!]).toBeDefined();
          expect(Number.isSafeInteger(events.key[row])).toBe(true);
          expect(events.bytesRequested[row]).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(events.timeNanoseconds[row])).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function read(bytes: Uint8Array) {
  const builder = new TraceBuilder();
  const head = bytes.subarray(0, FORMAT_HEAD_BYTES);
  const reader = readerFor(head, { file: "x", sink: builder, names: builder.names });
  reader.push(bytes);
  reader.finish();
  return builder.finish(reader.facts());
}
