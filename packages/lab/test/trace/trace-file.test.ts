import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadTrace } from "../../src/files/load-trace.ts";
import { asksForBytes, blankEvent, EventKind, isPageKind, type TraceEvent } from "../../src/trace/event.ts";
import { EventColumns } from "../../src/trace/event-columns.ts";
import { sourceFacts } from "../../src/trace/recording.ts";
import type { Trace, TraceExtras } from "../../src/trace/trace.ts";
import { TraceNames } from "../../src/trace/trace-names.ts";
import { readTrace } from "../../src/trace/trace-reader.ts";
import { TraceWriter } from "../../src/trace/trace-writer.ts";
import { seenEvents } from "../helpers/recordings.ts";

const FIELDS = Object.keys(blankEvent()) as (keyof TraceEvent)[];

/** The file of the given events. */
function fileOf(
  events: Iterable<TraceEvent>,
  names: TraceNames,
  extras: TraceExtras = {},
  facts = sourceFacts("tracefs"),
): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new TraceWriter(names, (bytes) => parts.push(bytes.slice()));
  for (const event of events) writer.add(event);
  writer.finish(facts, extras);
  return Buffer.concat(parts);
}

/** The events of columns, one object each. */
function* eventsOf(columns: EventColumns): Generator<TraceEvent> {
  for (let row = 0; row < columns.length; row++) {
    yield Object.fromEntries(FIELDS.map((field) => [field, columns[field][row]!])) as unknown as TraceEvent;
  }
}

const refileOf = ({ events, names, state, attachments, facts }: Trace): Uint8Array =>
  fileOf(eventsOf(events), names, { state, attachments }, facts);

describe("what is written is read", () => {
  test("the bundled recording: every field of every event, and the facts", async () => {
    const path = fileURLToPath(new URL("../../traces/small-project.parquet", import.meta.url));
    const { trace } = await loadTrace(path);
    const bytes = refileOf(trace);
    const back = await readTrace(bytes);
    expect(back.facts).toEqual(trace.facts);
    expect(seenEvents(back)).toEqual(seenEvents(trace));
    expect(bytes.length).toBeLessThan(trace.facts.textBytes / 10);
    expect(refileOf(trace)).toEqual(bytes);
  });

  test("any events", async () => {
    const names = new TraceNames();
    const name = (table: keyof TraceNames & ("caches" | "callSites" | "gfpFlags" | "tasks")) =>
      fc.oneof(
        fc.constant(-1),
        fc.string().map((text) => names[table].internText(text)),
      );
    const whole = (limit: number) => fc.oneof(fc.nat(20), fc.nat(limit), fc.constant(limit));
    const anyEvent = fc
      .record({
        kind: fc.constantFrom(...Object.values(EventKind)),
        timeNanoseconds: fc.maxSafeNat(),
        pointer: fc.tuple(fc.constantFrom(0, 0xffff, 0xff11), fc.maxSafeNat()),
        pfn: fc.oneof(fc.constant(-1), fc.nat(2 ** 31 - 1), fc.constant(2 ** 45)),
        cacheIndex: name("caches"),
        callSiteIndex: name("callSites"),
        gfpIndex: name("gfpFlags"),
        taskIndex: name("tasks"),
        bytesRequested: fc.oneof(fc.nat(20), fc.maxSafeNat()),
        bytesAllocated: fc.oneof(fc.nat(20), fc.maxSafeNat()),
        order: whole(20),
        migrateType: fc.integer({ min: -1, max: 127 }),
        node: fc.integer({ min: -128, max: 127 }),
        cpu: fc.integer({ min: -1, max: 32_767 }),
        pid: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
      })
      .map(({ pointer: [upper, lower], pfn, ...event }): TraceEvent => {
        const key = isPageKind(event.kind) ? pfn : names.pointers.keyOf(upper, lower % 2 ** 48);
        return {
          ...event,
          key,
          order: isPageKind(event.kind) ? event.order : 0,
          bytesRequested: asksForBytes(event.kind) ? event.bytesRequested : 0,
          bytesAllocated: event.kind <= EventKind.KMEM_CACHE_ALLOC_NODE ? event.bytesAllocated : 0,
        };
      });
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 60 }), async (events) => {
        const columns = new EventColumns();
        for (const event of events) columns.add(event);
        const back = await readTrace(fileOf(events, names));
        const wanted = seenEvents({ ...back, events: columns, names });
        const found = seenEvents(back);
        // Keys are the reader's own: what they stand for has to be the same.
        const pointersOf = ({ events: list }: typeof found, own: TraceNames) =>
          list.map(({ key }, row) => (isPageKind(events[row]!.kind) ? key : own.pointers.textOf(key)));
        expect(pointersOf(found, back.names)).toEqual(pointersOf(wanted, names));
        for (const list of [wanted, found]) for (const event of list.events) event.key = 0;
        expect(found).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });

  test("state and attachments", async () => {
    const start = {
      beganNanoseconds: 5,
      endedNanoseconds: 2 ** 52,
      buddyinfo: "Node 0, zone   DMA  1 2\n",
      pagetypeinfo: null,
      slabinfo: "slabinfo - version: 2.1\nä\n",
      zoneinfo: "",
      freePages: Float64Array.of(0, 1, 300, 70_000, 2 ** 40, 2 ** 40 + 1),
    };
    const attachments = new Map<string, string | Uint8Array>([
      ["note", "some text"],
      ["blob", Uint8Array.of(0, 255, 7)],
    ]);
    const bytes = fileOf([blankEvent()], new TraceNames(), { state: { start, end: null }, attachments });
    const back = await readTrace(bytes);
    expect(back.state).toEqual({ start, end: null });
    expect(back.attachments).toEqual(attachments);
  });

  test("more than one row group, and none", async () => {
    const event = blankEvent();
    const many = (function* () {
      for (let index = 0; index < 150_000; index++) {
        event.key = index;
        event.timeNanoseconds = index;
        event.bytesRequested = index % 100;
        yield event;
      }
    })();
    const back = await readTrace(fileOf(many, new TraceNames()));
    expect(back.events.length).toBe(150_000);
    expect(back.events.key.findIndex((key, row) => key !== row)).toBe(-1);
    expect((await readTrace(fileOf([], new TraceNames()))).facts.eventCount).toBe(0);
  });
});

describe("files that are not what was written", () => {
  const names = new TraceNames();
  const event = blankEvent();
  const bytes = fileOf(
    Array.from({ length: 70_000 }, (_, index) => ({ ...event, key: (index * 7919) % 100_003 })),
    names,
  );
  const rejection = (content: Uint8Array): Promise<unknown> =>
    readTrace(content, { file: "x.parquet" }).then(
      () => null,
      (error: unknown) => error,
    );

  test.each([
    ["empty", new Uint8Array(0), "EMPTY", "x.parquet is empty"],
    ["foreign", Buffer.from("# tracer: nop\n"), "FOREIGN", "x.parquet is no Parquet file"],
    ["only the first bytes", bytes.slice(0, 4), "TRUNCATED", "it ends after 4 bytes without a footer"],
    ["cut", bytes.slice(0, -100), "TRUNCATED", "x.parquet is a truncated Parquet file"],
  ])("%s", async (_what, content, code, message) => {
    expect(await rejection(content)).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test("a Parquet file of somebody else", async () => {
    const { parquetWriteBuffer } = await import("hyparquet-writer");
    const other = parquetWriteBuffer({ columnData: [{ name: "a", data: [1] }] });
    expect(await rejection(new Uint8Array(other))).toMatchObject({ code: "FOREIGN" });
  });

  test("a changed byte is found and placed, wherever it is", async () => {
    const last = bytes.length - 1;
    for (let at = 4; at < last; at += 4999) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 0x10;
      const error = await rejection(damaged);
      if (error !== null) {
        expect(error).toMatchObject({
          name: "TraceError",
          code: expect.stringMatching(/DAMAGED|FOREIGN|TRUNCATED/),
        });
        continue;
      }
      // In the footer, a statistic or a name of the writer may change without harm.
      expect(at).toBeGreaterThan(bytes.length - 20_000);
    }
    const inSecondGroup = Uint8Array.from(bytes);
    const footerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
    inSecondGroup[bytes.length - footerBytes - 20]! ^= 1;
    expect(await rejection(inSecondGroup)).toMatchObject({
      message: expect.stringContaining("damaged in row group 2"),
    });
  });
});
