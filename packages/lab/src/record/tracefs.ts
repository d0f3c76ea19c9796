/** Where the kernel's tracing file system is, and whether this process may use it. */
import { accessSync, constants, readFileSync } from "node:fs";
import { endianness } from "node:os";
import { join } from "node:path";
import { RecordError } from "./record-error.ts";

const MOUNTS = "/proc/self/mounts";
/** Where every distribution mounts it. */
const USUAL_PLACE = "/sys/kernel/tracing";
/** The kernel writes a blank in a mount's path as `\040`. */
const ESCAPED = /\\(\d{3})/g;

/** What is asked about this process; a test gives other answers. */
export interface Machine {
  readonly platform: string;
  readonly endianness: string;
  readonly isRoot: boolean;
  /** The text of `/proc/self/mounts`. */
  readonly mounts: () => string;
}

/** This machine. */
const thisMachine: Machine = {
  platform: process.platform,
  endianness: endianness(),
  isRoot: process.geteuid?.() === 0,
  mounts: () => readFileSync(MOUNTS, "utf8"),
};

/** The folder of the tracing file system. Throws a RecordError that says what is missing and how to get it. */
export function findTracefs(machine: Machine = thisMachine): string {
  if (machine.platform !== "linux") {
    throw new RecordError("WRONG_MACHINE", `recording needs a Linux kernel; this is ${machine.platform}`);
  }
  if (machine.endianness !== "LE") {
    throw new RecordError("WRONG_MACHINE", "recording needs a little-endian processor; this one is not");
  }
  const folder = mountOf(machine.mounts(), "tracefs");
  if (folder === null) {
    if (!machine.isRoot) throw notRoot();
    const command = `mount -t tracefs nodev ${USUAL_PLACE}`;
    throw new RecordError("NO_TRACEFS", `the kernel's tracing files are not mounted; mount them: ${command}`);
  }
  try {
    accessSync(join(folder, "instances"), constants.W_OK);
  } catch (error) {
    throw notRoot(error);
  }
  return folder;
}

function notRoot(cause?: unknown): RecordError {
  const options = cause === undefined ? {} : { cause };
  return new RecordError("NOT_ROOT", "recording the kernel needs root; run it with sudo", options);
}

/** Where a file system of this type is mounted; null when it is not. The shortest path, where there are several. */
function mountOf(mounts: string, type: string): string | null {
  const places = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , each]) => each === type)
    .map(([, place]) => place!.replaceAll(ESCAPED, (_, digits) => String.fromCharCode(parseInt(digits, 8))));
  return places.sort((one, other) => one.length - other.length)[0] ?? null;
}
