/** `kmem import`, as a person runs it. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { kmem, KMEM, run, startKmem } from "../helpers/command.ts";
import { lacksRoot, lacksTmux } from "../helpers/kernel.ts";
import { eventLine, ftraceText, temporaryFolder } from "../helpers/recordings.ts";
import { Terminal } from "../helpers/terminal.ts";

const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);

/** A text of `count` events of several kinds. */
function manyEvents(count: number): string {
  const hex = (index: number): string => (0x100000000 + index * 64).toString(16).padStart(11, "0");
  const lines = Array.from({ length: count }, (_, index) => {
    const time = `12.${String(index).padStart(6, "0")}`;
    switch (index % 4) {
      case 0:
        return eventLine(
          `kmalloc: call_site=f+0x1/0x2 ptr=ffff8${hex(index)} bytes_req=${index % 999} bytes_alloc=1024 gfp_flags=GFP_KERNEL node=-1`,
          { time },
        );
      case 1:
        return eventLine(`kfree: call_site=g+0x1/0x2 ptr=ffff8${hex(index - 1)}`, { time });
      case 2:
        return eventLine(`mm_page_alloc: page=x pfn=0x${index.toString(16)} order=1 migratetype=0`, { time });
      default:
        return eventLine(`mm_page_free: page=x pfn=0x${(index - 1).toString(16)} order=1`, { time });
    }
  });
  return ftraceText(lines, { inBuffer: count, written: count });
}

const TEXT = manyEvents(5000);
const file = folder.write("many.ftrace", TEXT);

describe("kmem import", () => {
  test("counts what grep counts and sums what awk sums", () => {
    const { status, stdout, stderr } = kmem(["import", "--json", file, "-o", path("counted.parquet")]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { recording, output, schema } = JSON.parse(stdout);
    expect(schema).toBe("kmem-import/1");
    for (const kind of ["kmalloc", "kfree", "mm_page_alloc", "mm_page_free"]) {
      expect(recording.events[kind]).toBe(Number(run("grep", ["-c", ` ${kind}: `, file]).stdout));
    }
    const awk = (field: string): number =>
      Number(
        run("awk", [
          `match($0, /${field}=[0-9]+/) { s += substr($0, RSTART + ${field.length + 1}) } END { print s }`,
          file,
        ]).stdout,
      );
    expect(recording.bytesRequested).toBe(awk("bytes_req"));
    expect(recording.bytesAllocated).toBe(awk("bytes_alloc"));
    expect(output.bytes).toBeLessThan(TEXT.length / 10);
    expect(output.bytes).toBe(readFileSync(path("counted.parquet")).length);
  });

  test("the same recording makes the same bytes, plain, gzipped or by zstd", () => {
    const written = [TEXT, gzipSync(TEXT), zstdCompressSync(TEXT)].map((content, index) => {
      mkdirSync(path(`in-${index}`));
      const input = folder.write(`in-${index}/many.ftrace`, content);
      expect(kmem(["import", input, "-o", path(`same-${index}.parquet`)]).status).toBe(0);
      return readFileSync(path(`same-${index}.parquet`));
    });
    expect(written[1]).toEqual(written[0]);
    expect(written[2]).toEqual(written[0]);
  });

  test("what was imported replays as the text does", () => {
    kmem(["import", file, "-o", path("replayed.parquet")]);
    const [fromText, fromFile] = [file, path("replayed.parquet")].map((name) => {
      const report = JSON.parse(kmem(["replay", "--json", name]).stdout);
      const { speed: _objects, ...objects } = report.objects;
      const { speed: _pages, ...pages } = report.pages;
      return { events: report.events, objects, pages };
    });
    expect(fromFile).toEqual(fromText);
  });

  test("several files are parts of one recording", () => {
    const first = folder.write("part.1", ftraceText(TEXT.split("\n").slice(4, 104)));
    const second = folder.write("part.2", ftraceText(TEXT.split("\n").slice(104, 204)));
    const { stdout } = kmem(["import", "--json", first, second, "-o", path("parts.parquet")]);
    expect(JSON.parse(stdout).recording).toMatchObject({ eventCount: 200, sources: ["part.1", "part.2"] });
  });

  test("reads the standard input; says what it wrote and that pointers are hashed", () => {
    const input = ftraceText([
      eventLine("kmalloc: call_site=f ptr=00000000abcd1234 bytes_req=100 bytes_alloc=128 node=-1"),
    ]);
    const { stdout } = kmem(["import", "-", "-o", path("hashed.parquet")], { input });
    expect(stdout).toContain("Pointers are hashed");
    expect(stdout).toMatch(/^ +1 {2}kmalloc$/m);
    expect(stdout).toContain(`Written  ${path("hashed.parquet")}`);
  });
});

describe("wrong input: one line, and no file is left", () => {
  const rep = folder.write("x.rep", "1\n2\na 0 100\nf 0\n");
  const parquet = path("exists.parquet");
  kmem(["import", rep, "-o", parquet]);
  const packed = gzipSync(TEXT);

  test.each([
    ["missing", ["nowhere"], 1, "cannot open nowhere: no such file"],
    ["a directory", [folder.path], 1, "it is a directory"],
    ["empty", [folder.write("empty", "")], 1, "is empty"],
    ["truncated", [folder.write("cut.gz", packed.subarray(0, packed.length / 2))], 1, "it was truncated"],
    ["corrupt", [folder.write("bad.gz", packed.fill(1, 500, 600))], 1, /bad\.gz:\d+: expected/],
    ["foreign", [folder.write("prose", "Dear reader,\n")], 1, "no recording in a format that is read here"],
    [
      "binary",
      [
        folder.write(
          "random",
          Uint8Array.from({ length: 99_999 }, (_, i) => (i * 7919) >> 3),
        ),
      ],
      1,
      "expected",
    ],
    ["a trace file", [parquet], 1, "is a trace file already"],
    ["a trace-cmd data file", [folder.write("x.dat", "\u0017\u0008Dtracing6")], 1, "trace-cmd report"],
    ["two formats", [rep, file], 1, "is ftrace, the file before it malloc-lab"],
    ["no file", [], 2, "missing required argument"],
  ])("%s", (_what, inputs, expectedStatus, message) => {
    const { status, stdout, stderr } = kmem(["import", ...inputs, "-o", path("left.parquet")]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^kmem: [^\n]*\n$/);
    expect({ status, stdout }).toEqual({ status: expectedStatus, stdout: "" });
    expect(readdirSync(folder.path).filter((name) => name.startsWith("left"))).toEqual([]);
  });

  test("a target that exists is kept, but for --force", () => {
    const before = readFileSync(parquet);
    const refused = kmem(["import", file, "-o", parquet]);
    expect(refused).toMatchObject({
      status: 1,
      stderr: `kmem: ${parquet} exists: give another name, or --force to replace it\n`,
    });
    expect(readFileSync(parquet)).toEqual(before);
    expect(kmem(["import", file, "-o", parquet, "--force"]).status).toBe(0);
    expect(readFileSync(parquet)).not.toEqual(before);
    // A failure keeps what was there.
    kmem(["import", "nowhere", "-o", parquet, "--force"]);
    expect(existsSync(parquet)).toBe(true);
  });

  test("a target that cannot be written", () => {
    const { status, stderr } = kmem(["import", file, "-o", path("no/where.parquet")]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `kmem: cannot write ${path("no/where.parquet")}: no such file\n`,
    });
  });

  test("Ctrl-C leaves no half file", async () => {
    execFileSync("mkfifo", [path("fifo")]);
    const { child, ended } = startKmem(["import", path("fifo"), "-o", path("left.parquet")]);
    // The writer keeps the pipe open, so the command waits for more.
    const closePipe = feedPipe(path("fifo"));
    await until(() => existsSync(path("left.parquet.part")));
    child.kill("SIGINT");
    const { status } = await ended;
    closePipe();
    expect(status).toBe(130);
    expect(readdirSync(folder.path).filter((name) => name.startsWith("left"))).toEqual([]);
  });
});

describe.skipIf(lacksRoot())("a full disk", () => {
  test("the part that was written is removed", () => {
    const disk = path("disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "kmem-test", disk]);
    try {
      const { status, stderr } = kmem([
        "import",
        folder.write("long.ftrace", manyEvents(80_000)),
        "-o",
        join(disk, "x"),
      ]);
      expect(status).toBe(1);
      expect(stderr).toBe(`kmem: cannot write ${join(disk, "x")}: the disk is full; no file was left\n`);
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});

describe.skipIf(lacksTmux())("in a real terminal", () => {
  const long = folder.write("terminal.ftrace", manyEvents(200_000));

  test("a progress bar, and colours but for NO_COLOR", async () => {
    const line = `'${process.execPath}' '${KMEM}' import '${long}' --force -o '${path("terminal.parquet")}'`;
    const environments: readonly Record<string, string>[] = [{}, { NO_COLOR: "1" }];
    for (const env of environments) {
      const terminal = new Terminal(line, { columns: 100, rows: 30, env });
      try {
        await terminal.until(/^Reading +█+░* +\d+ % {2}[\d,]+ events/m);
        const screen = await terminal.until(/^Written/m);
        expect(screen).toMatch(/^Reading +█{32} +100 % {2}200,000 events/m);
        expect(screen).toMatch(/^ +200,000 {2}all$/m);
        expect(terminal.screen({ escapes: true }).includes("\u001b[1mWritten")).toBe(
          env["NO_COLOR"] === undefined,
        );
      } finally {
        terminal.close();
      }
    }
  });

  test("Ctrl-C in the middle: back at once, nothing left", async () => {
    execFileSync("mkfifo", [path("pipe")]);
    const target = path("interrupted.parquet");
    const line = `'${process.execPath}' '${KMEM}' import '${path("pipe")}' -o '${target}'; echo ended with $?; ls '${folder.path}' | grep -c interrupted`;
    const terminal = new Terminal(line, { columns: 200 });
    const closePipe = feedPipe(path("pipe"));
    try {
      await terminal.until(/^Reading/m);
      terminal.press("C-c");
      await terminal.until(/^ended with 130\n0$/m);
    } finally {
      terminal.close();
      closePipe();
    }
  });
});

/** Writes the text into a pipe and keeps it open until the returned function is called. */
function feedPipe(fifo: string): () => void {
  const { pid } = spawn("sh", ["-c", `exec 3>'${fifo}'; cat '${file}' >&3; sleep 60`], { detached: true });
  return () => process.kill(-pid!, "SIGKILL");
}

/** Waits until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(20);
}
