import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { loadTrace } from "../../src/files/load-trace.ts";
import { eventLine, ftraceText, temporaryFolder } from "../helpers/recordings.ts";

const folder = temporaryFolder();

/** Enough lines that their gzip stream is longer than its own buffers, with pointers that compress badly. */
const LINES = Array.from({ length: 20_000 }, (_, index) =>
  eventLine(
    `kfree: call_site=f ptr=ffff8881${(Math.imul(index, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0")}`,
  ),
);
const TEXT = ftraceText(LINES, { inBuffer: LINES.length, written: LINES.length });

describe("plain or gzipped, told by its bytes", () => {
  test.each([
    ["plain text", "plain.ftrace", TEXT, false],
    ["plain text named .gz", "plain.gz", TEXT, false],
    ["gzip", "packed.ftrace.gz", gzipSync(TEXT), true],
    ["gzip without the name", "packed.txt", gzipSync(TEXT), true],
    [
      "two gzip members",
      "two.gz",
      Buffer.concat([gzipSync(TEXT.slice(0, 5000)), gzipSync(TEXT.slice(5000))]),
      true,
    ],
  ])("%s", async (_what, name, content, compressed) => {
    const progress: number[] = [];
    const file = folder.write(name, content);
    const { trace, origin } = await loadTrace(file, {
      onProgress: ({ eventCount }) => progress.push(eventCount),
    });
    expect(trace.events.length).toBe(LINES.length);
    expect(trace.events.countByKind()).toEqual(trace.facts.countByKind);
    expect(origin).toEqual({ file, compressed, fileBytes: Buffer.byteLength(content) });
    expect(trace.facts).toMatchObject({
      textBytes: TEXT.length,
      lineCount: TEXT.split("\n").length - 1,
      stoppedEarly: null,
    });
    expect(progress.at(-1)).toBe(LINES.length);
  });
});

describe("files that break off", () => {
  const packed = gzipSync(TEXT);
  const cutGzip = folder.write("cut.gz", packed.subarray(0, packed.length / 2));
  const cutText = folder.write("cut.ftrace", `${TEXT.split("\n").slice(0, 10_000).join("\n")}\n`);

  test("a truncated gzip file says so and where", async () => {
    await expect(loadTrace(cutGzip)).rejects.toThrow(
      expect.objectContaining({
        code: "TRUNCATED",
        message: expect.stringMatching(
          /cut\.gz:\d{3,}: expected more compressed data after line \d{3,}; found the end of the file/,
        ),
      }),
    );
  });

  test("a gzip file that is only a header", async () => {
    await expect(loadTrace(folder.write("head.gz", packed.subarray(0, 12)))).rejects.toMatchObject({
      code: "TRUNCATED",
    });
  });

  test("a gzip file with a changed byte", async () => {
    const damaged = Uint8Array.from(packed);
    damaged.fill(0xff, damaged.length / 2, damaged.length / 2 + 64);
    await expect(loadTrace(folder.write("damaged.gz", damaged))).rejects.toMatchObject({
      code: expect.stringMatching(/DAMAGED|SYNTAX/),
    });
  });

  test("a wrong checksum", async () => {
    const damaged = Uint8Array.from(packed);
    damaged[damaged.length - 8]! ^= 1;
    await expect(loadTrace(folder.write("checksum.gz", damaged))).rejects.toMatchObject({ code: "DAMAGED" });
  });

  test.each([
    ["gzip", cutGzip],
    ["text", cutText],
  ])("partial: takes a %s file as far as it goes", async (_what, file) => {
    const { facts, events } = (await loadTrace(file, { partial: true })).trace;
    expect(events.length).toBeGreaterThan(0);
    expect(events.length).toBeLessThan(LINES.length);
    expect(facts.stoppedEarly).toContain("expected");
  });

  test("the limit does not read on, so a later fault does not matter", async () => {
    const { facts } = (await loadTrace(cutText, { limit: 100 })).trace;
    expect(facts).toMatchObject({
      eventCount: 100,
      stoppedEarly: "only the first 100 events were asked for",
    });
  });
});

describe("files that cannot be read as a recording", () => {
  test.each([
    ["missing", `${folder.path}/nowhere`, "UNREADABLE", "no such file"],
    ["a directory", folder.path, "UNREADABLE", "it is a directory"],
    [
      "below a file",
      `${folder.write("file", "x")}/below`,
      "UNREADABLE",
      "a part of the path is not a directory",
    ],
    ["empty", folder.write("empty", ""), "EMPTY", "is empty"],
    ["gzip of nothing", folder.write("empty.gz", gzipSync("")), "EMPTY", "is empty"],
    ["trace-cmd", folder.write("trace.dat", "\u0017\u0008Dtracing6"), "FOREIGN", "trace-cmd data file"],
    ["perf", folder.write("perf.data", "PERFILE2........"), "FOREIGN", "perf data file"],
    ["xz", folder.write("x.xz", Buffer.from("fd377a585a000000", "hex")), "FOREIGN", "xz -dc"],
    ["short and foreign", folder.write("short", "hi"), "FOREIGN", 'found "hi"'],
    [
      "gzip of prose",
      folder.write("prose.gz", gzipSync("Dear reader,\n")),
      "FOREIGN",
      "no recording in a format that is read here",
    ],
  ])("%s", async (_what, file, code, message) => {
    await expect(loadTrace(file)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
