/** `kmem verify`, as a person runs it: on a recording of the running kernel, and on files that are none. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { VerifyReport } from "../../src/verify/report.ts";
import { kmem } from "../helpers/command.ts";
import { kernel, lacksKernel, recordAlone } from "../helpers/kernel.ts";
import { eventLine, ftraceText, temporaryFolder } from "../helpers/recordings.ts";

const folder = temporaryFolder();
const tracefs = kernel.missing === null ? kernel.tracefs : "";
/** Fills memory and gives it back, so that pages move in and out of the free lists by the hundred thousand. */
const CHURN =
  "for i in 1 2; do dd if=/dev/zero of=/dev/shm/kmem-twin bs=1M count=600 2>/dev/null; rm /dev/shm/kmem-twin; done";

describe.skipIf(lacksKernel())("kmem verify on the running kernel", () => {
  recordAlone();

  // Frees that pass by a processor's list come by chance, a few dozen at once: docs/verify.md. So may it fail, but not often.
  test("the twin has the kernel's free lists, still and moving", { retry: 3 }, () => {
    const file = join(folder.path, "twin.parquet");
    expect(
      kmem(["record", "--force", "--pages", "--state", "-o", file, "--", "sh", "-c", CHURN]).status,
    ).toBe(0);
    const { status, stdout, stderr } = kmem(["verify", "--json", file]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { stillAtStart, stillAtEnd, moving, lostEvents } = JSON.parse(stdout) as VerifyReport;
    expect(lostEvents).toBe(0);
    for (const { differingPercent, kernelBlocks } of [stillAtStart, stillAtEnd]) {
      expect(kernelBlocks).toBeGreaterThan(0);
      expect(differingPercent).toBeLessThanOrEqual(0.5);
    }
    // How much of it the lists of processors take, the kernel decides from what it saw before.
    const { refills, drains } = moving.moves;
    expect(refills + drains).toBeGreaterThan(50_000);
    expect(moving.differingPercent).toBeLessThanOrEqual(1);
    // The churn is in one zone; the kernel's DMA zone is as quiet as it gets.
    const quiet = moving.zones.find(({ zone }) => zone === "DMA");
    expect(quiet?.kmem).toEqual(quiet?.kernel);
  });

  // Whether the reader of so small a buffer falls behind is a race; with all processors at work it mostly does.
  test("lost events are counted, and the difference that they make is seen", { retry: 3 }, () => {
    const file = join(folder.path, "lost.parquet");
    const small = ["record", "--buffer", "1", "--pages", "--state", "-o", file, "--"];
    const fill = `for each in 1 2 3; do
      dd if=/dev/zero of=/dev/shm/kmem-twin-$each bs=1M count=300 2>/dev/null &
    done; wait; rm /dev/shm/kmem-twin-?`;
    const { stdout: recorded } = kmem([...small, "sh", "-c", fill]);
    expect(recorded).toMatch(/^Processors {2}the kernel lost [\d,]+ events: a larger --buffer/m);
    const { status, stdout, stderr } = kmem(["verify", file]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^ {2}[\d,]+ events of Linux .*, [\d,]+ events lost$/m);
    expect(stdout).toMatch(/, beyond the tolerance of 1 %$/m);
    expect(stderr).toMatch(
      /^kmem: the free lists differ, since the kernel lost [\d,]+ events: record with a larger --buffer\n$/,
    );
  });

  test("a table for people, and an exit code beyond the tolerance", () => {
    const file = join(folder.path, "table.parquet");
    kmem(["record", "--pages", "--state", "-o", file, "--", "ls", "-lR", tracefs], { stdio: "ignore" });
    const { stdout, status, stderr } = kmem(["verify", file]);
    expect(stdout).toMatch(/^Still, at the start {2}/m);
    expect(stdout).toMatch(/^Moving {2}the same lists at the end, after [\d,]+ moves? in the recording$/m);
    expect(stdout).toMatch(/^ +ZONE( +\d+)+$/m);
    expect(stdout).toMatch(/^ +Normal +kernel( +[\d,]+)+\n +kmem( +[\d,]+)+\n +diff( +[+-]?[\d,]+)+$/m);
    expect(stdout).toMatch(/differ: .*, within the tolerance of 0\.5 %$/m);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const line of stdout.split("\n").slice(2)) expect(line.length, line).toBeLessThanOrEqual(100);
  });
});

describe("files that cannot be verified", () => {
  const empty = folder.write("empty.parquet", "");
  const foreign = folder.write("foreign.txt", "nothing of the kind\n");
  test.each([
    ["nothing there", ["nowhere.parquet"], 1, /^kmem: cannot open nowhere\.parquet: no such file\n$/],
    ["an empty file", [empty], 1, /^kmem: .*empty\.parquet is empty\n$/],
    ["something else", [foreign], 1, /^kmem: .*foreign\.txt.*\n$/],
    ["no file named", [], 2, /^kmem: missing required argument 'FILE'\n$/],
    [
      "a tolerance that is none",
      ["--moving-tolerance", "much", foreign],
      2,
      /Allowed is a number from 0 to 100\.\n$/,
    ],
    [
      "a recording without state",
      [folder.write("old.ftrace", ftraceText([eventLine("mm_page_free: page=0 pfn=0x8 order=3")]))],
      1,
      /holds no state of the kernel; record it with kmem record --state --pages\n$/,
    ],
  ])("%s", (_what, args, status, message) => {
    const ended = kmem(["verify", ...args]);
    expect(ended.stderr).toMatch(message);
    expect({ status: ended.status, stdout: ended.stdout }).toEqual({ status, stdout: "" });
  });
});
