import { describe, expect, test } from "vitest";
import { EventDecoder } from "../../src/record/event-decoder.ts";
import { parseEventFormat } from "../../src/record/event-format.ts";
import { mergedEvents } from "../../src/record/event-merge.ts";
import { KernelSymbols } from "../../src/record/kernel-symbols.ts";
import { Spool } from "../../src/record/spool.ts";
import { TaskNames } from "../../src/record/task-names.ts";
import { EventKind } from "../../src/trace/event.ts";
import { TraceNames } from "../../src/trace/trace-names.ts";
import { temporaryFolder } from "../helpers/recordings.ts";
import { LAYOUT, PageBuilder } from "../helpers/ring-pages.ts";

const folder = temporaryFolder();
const FREE_ID = 655;
const FORMAT = parseEventFormat(
  [
    "name: mm_page_free",
    `ID: ${FREE_ID}`,
    "format:",
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;",
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;",
    "\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;",
    "\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;",
  ].join("\n"),
);

/** The data of one event. */
function pageFree(pfn: number, id = FREE_ID): number[] {
  const bytes = new DataView(new ArrayBuffer(20));
  bytes.setUint16(0, id, true);
  bytes.setInt32(4, 42, true);
  bytes.setBigUint64(8, BigInt(pfn), true);
  bytes.setUint32(16, 3, true);
  return [...new Uint8Array(bytes.buffer)];
}

/** Merges pages that processors 0, 1, … wrote. */
function merged(
  pagesByProcessor: readonly (readonly DataView[])[],
): [time: number, cpu: number, pfn: number][] {
  folder.write("saved_cmdlines", "");
  const decoder = new EventDecoder([FORMAT], {
    names: new TraceNames(),
    symbols: new KernelSymbols(""),
    tasks: new TaskNames(folder.path),
  });
  const processors = pagesByProcessor.map((pages, processor) => {
    const spool = new Spool(folder.path, `cpu${processor}`);
    for (const page of pages) spool.append(new Uint8Array(page.buffer));
    return { processor, spool };
  });
  const options = { layout: LAYOUT, pageBytes: LAYOUT.pageBytes, startNanoseconds: 0n, decoder };
  const events: [number, number, number][] = [];
  for (const { timeNanoseconds, cpu, key, kind, order, pid } of mergedEvents(processors, options)) {
    expect({ kind, order, pid }).toEqual({ kind: EventKind.MM_PAGE_FREE, order: 3, pid: 42 });
    events.push([timeNanoseconds, cpu, key]);
  }
  for (const { spool } of processors) spool.close();
  return events;
}

describe("events of several processors", () => {
  test("come in the order of time, whatever page they lie on", () => {
    const first = new PageBuilder(10n).short(0, pageFree(1)).short(30, pageFree(2)).finish();
    const second = new PageBuilder(100n).short(0, pageFree(3)).finish();
    const other = new PageBuilder(20n).short(0, pageFree(4)).short(40, pageFree(5)).finish();
    expect(merged([[first, second], [], [other]])).toEqual([
      [10, 0, 1],
      [20, 2, 4],
      [40, 0, 2],
      [60, 2, 5],
      [100, 0, 3],
    ]);
  });

  test("of one moment, in the order of processors", () => {
    const page = (pfn: number): DataView => new PageBuilder(7n).short(0, pageFree(pfn)).finish();
    expect(merged([[page(1)], [page(2)], [page(3)]]).map(([, cpu]) => cpu)).toEqual([0, 1, 2]);
  });

  test("of one moment, in the order of processors, though a later one is at its turn", () => {
    const early = new PageBuilder(5n).short(0, pageFree(1)).short(2, pageFree(2)).finish();
    const late = new PageBuilder(7n).short(0, pageFree(3)).short(1, pageFree(4)).finish();
    expect(merged([[late], [early], [late]]).map(([time, cpu]) => [time, cpu])).toEqual([
      [5, 1],
      [7, 0],
      [7, 1],
      [7, 2],
      [8, 0],
      [8, 2],
    ]);
  });

  test("of kinds that were not asked for are passed over, and so are empty pages", () => {
    const page = new PageBuilder(1n).short(0, pageFree(1, 999)).short(1, pageFree(2)).finish();
    expect(merged([[new PageBuilder(0n).finish(), page]])).toEqual([[2, 0, 2]]);
  });

  test("more pages than are read at once", () => {
    const pages = Array.from({ length: 50 }, (_, index) =>
      new PageBuilder(BigInt(index)).short(0, pageFree(index)).finish(),
    );
    expect(merged([pages]).map(([, , pfn]) => pfn)).toEqual(pages.map((_, index) => index));
  });

  test("the spool has no name while it is in use", async () => {
    const { readdirSync } = await import("node:fs");
    const spool = new Spool(folder.path, "cpu0");
    spool.append(new Uint8Array(100));
    expect(readdirSync(folder.path).filter((name) => name.includes("spool"))).toEqual([]);
    expect(spool.bytes).toBe(100);
    spool.close();
  });
});
