import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { lacksTmux } from "../helpers/kernel.ts";
import { eventLine, ftraceText, temporaryFolder } from "../helpers/recordings.ts";
import { Terminal } from "../helpers/terminal.ts";

const KMEM = fileURLToPath(new URL("../../bin/kmem.js", import.meta.url));
const folder = temporaryFolder();

/** The environment without what vitest or a terminal says about colours. */
const { FORCE_COLOR: _force, NO_COLOR: _no, ...PLAIN_ENVIRONMENT } = process.env;

/** Runs the built command as a child process. */
function kmem(
  args: readonly string[],
  options: { input?: string | Uint8Array; env?: Record<string, string> } = {},
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [KMEM, ...args], {
    encoding: "utf8",
    input: options.input ?? "",
    env: { ...PLAIN_ENVIRONMENT, ...options.env },
    cwd: folder.path,
    maxBuffer: 1 << 26,
  });
  return { status, stdout, stderr };
}

const LINES = [
  eventLine(
    "kmem_cache_alloc: call_site=f ptr=ffff888100000100 name=filp bytes_req=184 bytes_alloc=192 node=-1",
  ),
  eventLine("kfree: call_site=f ptr=ffff888100000900", { time: "13.000000" }),
  eventLine("mm_page_alloc: page=ffffea0000000200 pfn=0x8 order=3 migratetype=0", { time: "13.345678" }),
];
const SMALL = folder.write("small.ftrace", ftraceText(LINES, { inBuffer: 3, written: 3 }));

describe("kmem replay", () => {
  const bundled = kmem(["replay"]);

  test("replays the bundled recording when no file is named", () => {
    const { status, stdout, stderr } = bundled;
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("small-project.parquet");
    expect(stdout).toContain("189,244 memory events of a Linux kernel in 602 ms on 2 processors");
    expect(stdout).toContain("The kernel lost no events.");
    expect(stdout).toMatch(/^ +17,932 +9\.5 % +skipped: mm_page_free_batched/m);
    expect(stdout).toMatch(/^ +189,244 +100\.0 % +read$/m);
    expect(stdout).toMatch(/^ +OBJS +LIVE +USE +OBJ SIZE +SLABS +OUR KiB +KERNEL KiB +NAME$/m);
    expect(stdout).toMatch(/^( +[\d,.%-]+){2,} % .* ext4_inode_cache$/m);
    expect(stdout).toMatch(/^ +ORDER +0 +1 +2 +3 +4 +5 +6 +7 +8 +9 +10$/m);
    expect(stdout).toMatch(/^ +free before( +\d+){11}$/m);
    expect(stdout).toMatch(/^ +extfrag at peak( +-?\d\.\d{3}){11}$/m);
    expect(stdout).toMatch(/^ +replay the pages +48,179 operations +[\d.]+ m?s +/m);
  });

  test("every line fits 100 columns and ends without blanks", () => {
    for (const line of bundled.stdout.split("\n")) {
      expect(line.length, line).toBeLessThanOrEqual(100);
      expect(line).toBe(line.trimEnd());
    }
  });

  test("--top shortens the table of caches, --top 0 shows all of it", () => {
    const three = kmem(["replay", "--top", "3"]).stdout;
    const all = kmem(["replay", "--top", "0"]).stdout;
    expect(three.split("\n").length).toBeLessThan(bundled.stdout.split("\n").length);
    expect(three).toMatch(/\d+ smaller caches$/m);
    expect(all).not.toContain("smaller cache");
  });

  test("--json prints one document and nothing else", () => {
    const { status, stdout, stderr } = kmem(["replay", "--json", SMALL]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      schema: "kmem-replay/1",
      pageSizeBytes: 4096,
      recording: {
        file: SMALL,
        eventCount: 3,
        durationSeconds: 1,
        events: { kmem_cache_alloc: 1, kfree: 1, mm_page_alloc: 1 },
        otherEvents: {},
      },
      events: { read: 3, replayed: 2 },
      objects: {
        liveAtEnd: 1,
        caches: [{ name: "filp", kind: "named", atPeak: { live: 1, kernelBytes: 192 } }],
      },
      pages: { liveAtEnd: 1 },
    });
  });

  test("--limit and --page-size", () => {
    const { stdout } = kmem(["replay", "--json", "--limit", "1", "--page-size", "16384", SMALL]);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ pageSizeBytes: 16_384, events: { read: 1, replayed: 1 } });
    expect(report.recording.stoppedEarly).toContain("first 1 events");
  });

  test("reads the standard input, also gzipped", () => {
    for (const input of [readFileSync(SMALL), gzipSync(readFileSync(SMALL))]) {
      const { status, stdout } = kmem(["replay", "--json", "-"], { input });
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ events: { read: 3 }, recording: { fileBytes: null } });
    }
  });

  test("says what the kernel lost, what it hashed, and what was passed over", () => {
    const file = folder.write(
      "remarks.ftrace",
      ftraceText(
        [
          eventLine("kmalloc: call_site=f ptr=00000000abcd1234 bytes_req=100 bytes_alloc=128 node=-1"),
          "CPU:1 [LOST 123 EVENTS]",
          eventLine("sched_switch: prev_comm=a"),
        ],
        { inBuffer: 2, written: 1002 },
      ),
    );
    const { stdout } = kmem(["replay", file]);
    expect(stdout).toContain("The kernel lost 1,123 events");
    expect(stdout).toContain("Pointers are hashed");
    expect(stdout).toContain("1 event of other kinds passed over: sched_switch");
  });

  test("colours only where they are wanted", () => {
    const ESCAPE = "\u001b[";
    expect(kmem(["replay", SMALL]).stdout).not.toContain(ESCAPE);
    expect(kmem(["replay", SMALL], { env: { FORCE_COLOR: "1" } }).stdout).toContain(ESCAPE);
    expect(kmem(["replay", SMALL], { env: { NO_COLOR: "1" } }).stdout).not.toContain(ESCAPE);
  });
});

describe("what goes wrong is one line on stderr", () => {
  const truncated = folder.write("truncated.gz", gzipSync(ftraceText(LINES)).subarray(0, 100));
  const cut = folder.write("cut.ftrace", ftraceText(LINES.slice(0, 2), { inBuffer: 3, written: 3 }));
  const broken = folder.write("broken.ftrace", ftraceText([LINES[0]!, "###", "nonsense", LINES[1]!]));
  const huge = folder.write(
    "huge.ftrace",
    ftraceText(
      Array.from({ length: 3 }, (_, index) =>
        eventLine(
          `kmalloc: call_site=f ptr=ffff88810000000${index} bytes_req=2147483648 bytes_alloc=2147483648 node=-1`,
        ),
      ),
    ),
  );
  test.each([
    [
      "more objects than a heap holds",
      ["replay", huge],
      1,
      /^kmem: .*huge\.ftrace does not fit into the allocators: .*\n$/,
    ],
    ["a missing file", ["replay", "nowhere.gz"], 1, /^kmem: cannot open nowhere\.gz: no such file\n$/],
    ["a directory", ["replay", "."], 1, /^kmem: cannot open \.: it is a directory\n$/],
    [
      "a truncated gzip file",
      ["replay", truncated],
      1,
      /^kmem: .*truncated\.gz:\d+: expected more compressed data after line \d+; .*\n$/,
    ],
    ["a truncated text", ["replay", cut], 1, /^kmem: .*cut\.ftrace:7: expected 1 more events, .*\n$/],
    [
      "a broken line",
      ["replay", broken],
      1,
      /^kmem: .*broken\.ftrace:5: expected an event line.*; found "nonsense"\n$/,
    ],
    ["an unknown option", ["replay", "--fast"], 2, /^kmem: unknown option '--fast'\n/],
    ["an unknown command", ["reply"], 2, /^kmem: unknown command 'reply'\n/],
    ["two files", ["replay", SMALL, SMALL], 2, /^kmem: too many arguments for 'replay'.*\n$/],
    [
      "a wrong number",
      ["replay", "--top", "-1"],
      2,
      /^kmem: option '--top <count>' argument '-1' is invalid\. Allowed is a whole number from 0 on\.\n$/,
    ],
    ["a limit of nothing", ["replay", "--limit", "0"], 2, /Allowed is a whole number from 1 on\.\n$/],
    [
      "a wrong page size",
      ["replay", "--page-size", "5000"],
      2,
      /Allowed is a power of two from 1024 to 1048576\.\n$/,
    ],
  ])("%s", (_what, args, expectedStatus, message) => {
    const { status, stdout, stderr } = kmem(args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(status).toBe(expectedStatus);
  });

  test("--partial takes a truncated text as far as it goes, and says so", () => {
    const { status, stdout } = kmem(["replay", "--partial", cut]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Stopped early: .*cut\.ftrace:7: expected 1 more events/);
  });
});

describe("help", () => {
  test("every command explains itself and the exit codes", () => {
    for (const args of [["--help"], ["replay", "--help"], ["import", "--help"], ["compare", "--help"]]) {
      const { status, stdout } = kmem(args);
      expect(status).toBe(0);
      expect(stdout).toContain("Usage: kmem");
      expect(stdout).toContain("Exit codes:");
    }
  });

  test("the command alone shows help and fails", () => {
    const { status, stderr } = kmem([]);
    expect(status).toBe(2);
    expect(stderr).toContain("Usage: kmem");
  });
});

describe("kmem replay: how the allocators are set up", () => {
  const reportOf = (...args: string[]) =>
    JSON.parse(kmem(["replay", "--json", "--limit", "30000", ...args]).stdout);

  test("all by malloc, or in caches only", () => {
    const names = ({ objects }: { objects: { caches: { name: string; kind: string }[] } }) =>
      objects.caches.map(({ name }) => name);
    const byMalloc = reportOf("--objects", "malloc");
    expect(byMalloc.objects.arrangement).toBe("malloc");
    expect(byMalloc.objects.caches.every(({ kind }: { kind: string }) => kind !== "named")).toBe(true);
    const slabs = names(reportOf("--objects", "slabs", "--classes", "64,1024,8192"));
    expect(slabs).toContain("size-64");
    expect(slabs).toContain("dentry");
    expect(slabs.filter((name) => name.startsWith("malloc-"))).toEqual([]);
  });

  test("a small magazine holds back fewer slots; more orders make larger blocks", () => {
    const held = ({ objects }: { objects: { footprint: { endHeldBytes: number } } }) =>
      objects.footprint.endHeldBytes;
    expect(held(reportOf("--magazine", "1"))).toBeLessThanOrEqual(held(reportOf("--magazine", "127")));
    expect(reportOf("--orders", "12").pages.blocks.before.freeBlocks).toHaveLength(13);
  });

  test("--step: the state after every so many operations", () => {
    const { objects, pages } = reportOf("--step", "5000");
    for (const { steps, speed, footprint } of [objects, pages]) {
      const last = steps.at(-1);
      expect(steps.map(({ operations }: { operations: number }) => operations)).toEqual(
        Array.from({ length: Math.ceil(speed.operations / 5000) }, (_, index) =>
          Math.min((index + 1) * 5000, speed.operations),
        ),
      );
      expect(last).toMatchObject({
        payloadBytes: footprint.endPayloadBytes,
        heldBytes: footprint.endHeldBytes,
      });
    }
    expect(kmem(["replay", "--step", "5000"]).stdout).toMatch(/^ +AFTER +ASKED FOR +HELD +IN USE/m);
  });

  test.each([
    ["--objects", "arena", "Allowed choices are heap, malloc, slabs."],
    ["--classes", "16,a", "Allowed are sizes from 1 to 1048576 bytes"],
    ["--magazine", "128", "Allowed is a whole number from 1 to 127."],
    ["--orders", "27", "Allowed is a whole number from 0 to 26."],
    ["--step", "0", "Allowed is a whole number from 1 on."],
  ])("%s %s", (option, value, message) => {
    const { status, stderr } = kmem(["replay", option, value]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe.skipIf(lacksTmux())("kmem replay in a real terminal", () => {
  test("bars for reading, objects and pages; then the report", async () => {
    const terminal = new Terminal(`'${process.execPath}' '${KMEM}' replay --top 1`, {
      columns: 110,
      rows: 70,
    });
    try {
      const screen = await terminal.until(/^Speed [^]*replay the pages +/m);
      for (const part of ["Reading", "Objects", "Pages"]) {
        expect(screen).toMatch(new RegExp(`^${part} +█{32} +100 % +[\\d,]+ (events|operations)`, "m"));
      }
    } finally {
      terminal.close();
    }
  });
});
