/** Programs recorded by the installed heaptrack, against what its own heaptrack_print says of the same file. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { loadTrace } from "../../src/files/load-trace.ts";
import { objectStream } from "../../src/replay/object-stream.ts";
import { lacksHeaptrack } from "../helpers/kernel.ts";
import { temporaryFolder } from "../helpers/recordings.ts";

const folder = temporaryFolder();
const INTERPRET = "/usr/lib/heaptrack/libexec/heaptrack_interpret";

const PROGRAMS: readonly (readonly [string, readonly string[]])[] = [
  ["perl", ["perl", "-e", "my %h; $h{$_} = [1..5] for 1..5000; delete $h{$_} for 1..3000;"]],
  ["ls", ["ls", "-lR", "/usr/lib"]],
  ["bash", ["bash", "-c", "for i in {1..500}; do a[i]=x$i; b=$b,$i; done; unset a; echo ${#b}"]],
];

/** Records a program. Returns the data file. */
function record(name: string, command: readonly string[], options: readonly string[] = []): string {
  const prefix = join(folder.path, name);
  spawnSync("heaptrack", [...options, "-o", prefix, ...command], { maxBuffer: 1 << 26 });
  const file = [`${prefix}.zst`, `${prefix}.raw.zst`, `${prefix}.gz`, `${prefix}.raw.gz`].find(existsSync);
  if (file === undefined) throw new Error(`heaptrack left no file for ${name}`);
  return file;
}

/** What heaptrack_print sums up over all stacks: the file for flame graphs has exact numbers, its text rounds them. */
function printed(file: string, cost: "allocations" | "peak" | "leaked"): number {
  const stacks = join(folder.path, "stacks");
  const quiet = ["-p", "0", "-a", "0", "-T", "0", "--disable-builtin-suppressions"];
  const { status } = spawnSync("heaptrack_print", [
    ...quiet,
    "-f",
    file,
    "-F",
    stacks,
    "--flamegraph-cost-type",
    cost,
  ]);
  expect(status).toBe(0);
  const lines = readFileSync(stacks, "utf8").trim().split("\n");
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

describe.skipIf(lacksHeaptrack())("heaptrack", () => {
  test.each(PROGRAMS)(
    "%s: allocations, peak and leaks are what heaptrack_print says",
    async (name, command) => {
      const file = record(name, command);
      const { trace, origin } = await loadTrace(file);
      const stream = objectStream(trace);
      expect(origin.compressed).toBe(true);
      expect(trace.facts.command).toContain(command[0]);
      expect(stream.counts.allocations).toBeGreaterThan(1000);
      expect(stream.counts.allocations).toBe(printed(file, "allocations"));
      expect(stream.peak.value).toBe(printed(file, "peak"));
      expect(stream.endBytes).toBe(printed(file, "leaked"));
      expect(stream.counts).toMatchObject({ unrecordedFrees: 0, freesFromBefore: 0 });
    },
  );

  test("raw data say the same as what heaptrack makes of them", async () => {
    const raw = record("raw", PROGRAMS[0]![1], ["-r"]);
    const text = zstdDecompressSync(readFileSync(raw));
    const { stdout } = spawnSync(INTERPRET, [], { input: text, maxBuffer: 1 << 28 });
    const interpreted = folder.write("interpreted.zst", zstdCompressSync(stdout));
    const [own, theirs] = await Promise.all(
      [raw, interpreted].map(async (file) => objectStream((await loadTrace(file)).trace)),
    );
    expect(own!.counts.allocations).toBe(theirs!.counts.allocations);
    expect(own!.peak).toEqual(theirs!.peak);
    expect(own!.endBytes).toBe(theirs!.endBytes);
    expect([...own!.bytesRequested]).toEqual([...theirs!.bytesRequested]);
    expect((await loadTrace(raw)).trace.facts.pointers).toBe("real");
  });
});
