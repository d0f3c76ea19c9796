/**
 * Reads the state of the kernel's allocators, with the time on the clock of the events.
 *
 * The list of free blocks is one moment's; the set of free pages takes a while to read, in which pages move. So that the
 * events tell what moved between the two, the list is the last thing read at a recording's start and the first thing
 * read at its end, and its moment is that end of the state's span of time.
 */
import { readFileSync } from "node:fs";
import { readFreePages } from "./free-pages.ts";
import type { StateMoment } from "../trace/trace.ts";
import { RecordError } from "./record-error.ts";

/** The end of the recording that a state belongs to. */
export type RecordingEnd = "start" | "end";

/** Reads the state; times count from `startNanoseconds`. Throws a RecordError when a file of it cannot be read. */
export function readMachineState(end: RecordingEnd, startNanoseconds: bigint): StateMoment {
  const now = (): number => Number(process.hrtime.bigint() - startNanoseconds);
  const readBlocks = (): { text: string; moment: number } => {
    const before = now();
    const text = readProc("buddyinfo");
    return { text, moment: Math.round((before + now()) / 2) };
  };
  if (end === "start") {
    const beganNanoseconds = now();
    const rest = readRest();
    const { text, moment } = readBlocks();
    return { beganNanoseconds, endedNanoseconds: moment, buddyinfo: text, ...rest };
  }
  const { text, moment } = readBlocks();
  const rest = readRest();
  return { beganNanoseconds: moment, endedNanoseconds: now(), buddyinfo: text, ...rest };
}

/** All but the list of free blocks. */
function readRest(): Pick<StateMoment, "freePages" | "pagetypeinfo" | "slabinfo" | "zoneinfo"> {
  return {
    pagetypeinfo: readProc("pagetypeinfo"),
    slabinfo: readProc("slabinfo"),
    zoneinfo: readProc("zoneinfo"),
    freePages: guarded("kpageflags", () => readFreePages()),
  };
}

function readProc(name: string): string {
  return guarded(name, () => readFileSync(`/proc/${name}`, "utf8"));
}

function guarded<Result>(name: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const { message } = error as Error;
    throw new RecordError("REFUSED", `cannot read /proc/${name}, which --state needs: ${message}`, {
      cause: error,
    });
  }
}
