import { describe, expect, test } from "vitest";
import { RecordError, type RecordErrorCode } from "../../src/record/record-error.ts";
import { findTracefs, type Machine } from "../../src/record/tracefs.ts";
import { temporaryFolder } from "../helpers/recordings.ts";

const folder = temporaryFolder();
const linux: Machine = { platform: "linux", endianness: "LE", isRoot: true, mounts: () => "" };

function refusal(machine: Machine): { code: RecordErrorCode; message: string } {
  try {
    findTracefs(machine);
  } catch (error) {
    if (error instanceof RecordError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("what recording needs", () => {
  test("Linux", () => {
    expect(refusal({ ...linux, platform: "darwin" })).toEqual({
      code: "WRONG_MACHINE",
      message: "recording needs a Linux kernel; this is darwin",
    });
  });

  test("a little-endian processor", () => {
    expect(refusal({ ...linux, endianness: "BE" }).code).toBe("WRONG_MACHINE");
  });

  test("root, and this is said before anything that only root can do", () => {
    expect(refusal({ ...linux, isRoot: false })).toEqual({
      code: "NOT_ROOT",
      message: "recording the kernel needs root; run it with sudo",
    });
  });

  test("tracefs, with the command that mounts it", () => {
    expect(refusal(linux)).toEqual({
      code: "NO_TRACEFS",
      message:
        "the kernel's tracing files are not mounted; mount them: mount -t tracefs nodev /sys/kernel/tracing",
    });
  });

  test("the mount is found wherever it is, blanks in its name too", () => {
    folder.write("instances", "");
    const place = folder.path.replaceAll(" ", "\\040");
    const mounts = `proc /proc proc rw 0 0\nnodev ${place} tracefs rw 0 0\nnodev ${place}/far/away tracefs rw 0 0\n`;
    expect(findTracefs({ ...linux, mounts: () => mounts })).toBe(folder.path);
  });

  test("the right to use it", () => {
    const mounts = `nodev ${folder.path}/nowhere tracefs rw 0 0\n`;
    expect(refusal({ ...linux, mounts: () => mounts }).code).toBe("NOT_ROOT");
  });
});
