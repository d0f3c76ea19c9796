/** The decoder against the kernel's own printer: the same buffers, as text and as bytes. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FtraceReader } from "../../src/import/ftrace-reader.ts";
import { Recording } from "../../src/record/recording.ts";
import { EVENT_NAMES, type TraceEvent } from "../../src/trace/event.ts";
import { TraceNames } from "../../src/trace/trace-names.ts";
import { kernel, kmemInstances, lacksKernel, recordAlone } from "../helpers/kernel.ts";
import { temporaryFolder } from "../helpers/recordings.ts";

const folder = temporaryFolder();

/** An event with names for numbers, and what the text does not tell in the same way left out. */
function comparable(event: Readonly<TraceEvent>, names: TraceNames, startMicroseconds: number): object {
  const {
    kind,
    key,
    cacheIndex,
    callSiteIndex,
    gfpIndex,
    timeNanoseconds,
    taskIndex: _task,
    ...rest
  } = event;
  return {
    ...rest,
    kind: EVENT_NAMES[kind],
    microseconds: Math.round(timeNanoseconds / 1e3) - startMicroseconds,
    memory: kind > 5 ? key : names.pointers.textOf(key),
    cache: names.caches.names[cacheIndex],
    callSite: names.callSites.names[callSiteIndex],
    gfpFlags: names.gfpFlags.names[gfpIndex],
  };
}

describe.skipIf(lacksKernel())("the binary buffers of the kernel", () => {
  recordAlone();

  const tracefs = kernel.missing === null ? kernel.tracefs : "";

  test("say just what the kernel prints of them", () => {
    const recording = new Recording({
      tracefs,
      pages: true,
      objects: true,
      withoutSelf: false,
      spoolFolder: folder.path,
      bufferKib: 16 * 1024,
    });
    try {
      const name = kmemInstances(tracefs).find((each) => each.includes(`-${process.pid}-`));
      const instance = join(tracefs, "instances", name!);
      // The kernel hashes pointers that it prints, unless told not to; and its clock counts from another moment.
      spawnSync("sh", [
        "-c",
        `echo 0 > ${instance}/options/hash-ptr; ls -lR ${tracefs}/events/kmem; echo 0 > ${instance}/tracing_on`,
      ]);
      const text = readFileSync(join(instance, "trace"));
      recording.end();
      expect(recording.stats.reduce((sum, { lostEvents }) => sum + lostEvents, 0)).toBe(0);

      const printed: object[] = [];
      const textNames = new TraceNames();
      const textStart = Math.round(Number(recording.startNanoseconds) / 1e3);
      const reader = new FtraceReader({
        file: "trace",
        names: textNames,
        limit: Infinity,
        sink: { add: (event) => printed.push(comparable(event, textNames, textStart)) },
      });
      reader.push(text);
      reader.finish();
      const names = new TraceNames();
      const decoded: object[] = [];
      for (const event of recording.events(names)) decoded.push(comparable(event, names, 0));

      expect(decoded.length).toBeGreaterThan(1_000);
      expect(decoded.length).toBe(printed.length);
      // The text has whole microseconds, cut off or rounded.
      const withoutTime = (events: object[]): object[] =>
        events.map((event) => ({ ...event, microseconds: 0 }));
      expect(withoutTime(decoded)).toEqual(withoutTime(printed));
      for (const [index, event] of decoded.entries()) {
        const { microseconds: ours } = event as { microseconds: number };
        const { microseconds: theirs } = printed[index] as { microseconds: number };
        expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(1);
      }
    } finally {
      recording.close();
    }
    expect(kmemInstances(tracefs).filter((each) => each.includes(`-${process.pid}-`))).toEqual([]);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
