/** `kmem record`, as a person runs it on the running kernel. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadTrace } from "../../src/files/load-trace.ts";
import { kmem, KMEM, run, startKmem } from "../helpers/command.ts";
import {
  kernel,
  kmemInstances,
  lacksKernel,
  lacksTmux,
  recordAlone,
  tracingSettings,
} from "../helpers/kernel.ts";
import { temporaryFolder } from "../helpers/recordings.ts";
import { Terminal } from "../helpers/terminal.ts";

const folder = temporaryFolder();
const tracefs = kernel.missing === null ? kernel.tracefs : "";
const inFolder = (name: string): string => join(folder.path, name);

/** Waits until it is so. The test's own time limit ends a wait in vain. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(20);
}

/** Is a process of this number there, and not only waiting to be reaped? */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const instanceOf = (pid: number): string | undefined =>
  kmemInstances(tracefs).find((name) => name.startsWith(`kmem-${pid}-`));

/** Does a recording record? Its folder is there a little before its files are. */
function isTracing(pid: number): boolean {
  const name = instanceOf(pid);
  const file = join(tracefs, "instances", name ?? "", "tracing_on");
  return name !== undefined && existsSync(file) && readFileSync(file, "utf8") === "1\n";
}

/** A recording that goes on until it is stopped, once it records. */
async function startRecording(
  args: readonly string[],
): Promise<ReturnType<typeof startKmem> & { readonly pid: number; readonly tracing: () => boolean }> {
  const started = startKmem(["record", ...args]);
  const pid = started.child.pid!;
  await until(() => isTracing(pid));
  return { ...started, pid, tracing: () => instanceOf(pid) !== undefined };
}

describe.skipIf(lacksKernel())("kmem record", () => {
  recordAlone();

  let settings: Map<string, string>;
  beforeAll(() => {
    settings = tracingSettings(tracefs);
    expect(settings.size).toBeGreaterThan(1_000);
  });
  // After every way in which the tests below end a recording.
  afterAll(() => {
    expect(tracingSettings(tracefs)).toEqual(settings);
  });

  test("records a command with all it allocates, and loses nothing", async () => {
    const file = inFolder("command.parquet");
    const command = ["sh", "-c", `ls -lR ${tracefs}/events >/dev/null; exit 3`];
    const { status, stdout, stderr } = kmem(["record", "--json", "--state", "-o", file, "--", ...command]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      schema: "kmem-record/1",
      file,
      ending: "command",
      lostEvents: 0,
      command: { line: command.join(" "), exitCode: 3, signal: null },
      staleInstances: 0,
    });
    expect(report.ownProcessorSeconds).toBeGreaterThan(0);

    const { trace } = await loadTrace(file);
    const { facts, events, names, state } = trace;
    expect(facts).toMatchObject({ format: "tracefs", pointers: "real", pageSize: 4096, lostEvents: 0 });
    expect(facts.eventCount).toBe(report.eventCount);
    expect(report.events.kmem_cache_alloc).toBeGreaterThan(1_000);
    expect(report.events.mm_page_alloc).toBeGreaterThan(0);
    expect(names.tasks.names).toContain("ls");
    expect(names.callSites.names.some((name) => /^\w+\+0x/.test(name))).toBe(true);
    expect(names.gfpFlags.names).toContain("GFP_KERNEL");
    for (let row = 1; row < events.length; row++) {
      if (events.timeNanoseconds[row]! < events.timeNanoseconds[row - 1]!)
        throw new Error(`event ${row} is early`);
    }
    for (const moment of [state.start, state.end]) {
      expect(moment?.freePages?.length).toBeGreaterThan(0);
      expect(moment?.slabinfo).toMatch(/^slabinfo - version/);
      expect(moment?.pagetypeinfo).toMatch(/^Page block order/);
    }
    expect(state.end!.beganNanoseconds).toBeGreaterThan(state.start!.endedNanoseconds);
  });

  test.each([
    [["--pages"], { pages: true, objects: false }],
    [["--objects"], { pages: false, objects: true }],
    [["--pages", "--objects"], { pages: true, objects: true }],
  ])("%j records these kinds only", (args, kinds) => {
    const file = inFolder(`${args.join("")}.parquet`);
    const { stdout } = kmem(["record", ...args, "--json", "-o", file, "--", "ls", "-R", "/etc"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const names = Object.keys(JSON.parse(stdout.slice(stdout.indexOf('{\n  "schema"'))).events);
    expect({
      pages: names.some((name) => name.startsWith("mm_page")),
      objects: names.some((name) => !name.startsWith("mm_page")),
    }).toEqual(kinds);
  });

  test("--for ends the recording, and the command with it", async () => {
    const file = inFolder("for.parquet");
    const { status, stdout } = kmem(["record", "--for", "200ms", "-o", file, "--", "sleep", "1000"]);
    expect(status).toBe(0);
    expect(stdout).toContain(`Recorded  ${file}, `);
    expect(stdout).toContain("for the time asked");
    expect(stdout).toContain("the kernel lost no events");
    expect(stdout).toMatch(
      /^Overhead {2}kmem took [\d.]+ m?s of processor time while it recorded, [\d.]+ % of/m,
    );
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(100 + file.length);
  });

  test("--without-self leaves out what kmem allocates", async () => {
    const eventsOfKmem = async (name: string, args: readonly string[]): Promise<number> => {
      const { child, ended } = startKmem(["record", "--for", "300ms", "-o", inFolder(name), ...args]);
      expect((await ended).status).toBe(0);
      const { events } = (await loadTrace(inFolder(name))).trace;
      return events.pid.subarray(0, events.length).filter((pid) => pid === child.pid).length;
    };
    expect(await eventsOfKmem("with-self.parquet", [])).toBeGreaterThan(0);
    expect(await eventsOfKmem("without-self.parquet", ["--without-self"])).toBe(0);
  });

  test("a command that is killed ends the recording, which is whole", async () => {
    const file = inFolder("killed.parquet");
    const { status, stdout } = kmem(["record", "-o", file, "--", "sh", "-c", "kill -KILL $$"]);
    expect(status).toBe(0);
    expect(stdout).toContain("the command was ended by SIGKILL");
    expect((await loadTrace(file)).trace.events.length).toBeGreaterThan(0);
  });

  test("Ctrl-C ends the recording, which is whole", async () => {
    const file = inFolder("interrupted.parquet");
    const { child, ended, pid } = await startRecording(["-o", file]);
    child.kill("SIGINT");
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    expect(stdout).toContain("until Ctrl-C");
    expect(instanceOf(pid)).toBe(undefined);
    expect((await loadTrace(file)).trace.events.length).toBeGreaterThan(0);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s gives it up: no file, no tracing, no command", async (signal, exitCode) => {
    const subfolder = inFolder(signal);
    mkdirSync(subfolder);
    const pidFile = inFolder(`${signal}.pid`);
    const command = ["sh", "-c", `echo $$ > ${pidFile}; exec sleep 1000`];
    const { child, ended, pid } = await startRecording([
      "-o",
      join(subfolder, "out.parquet"),
      "--",
      ...command,
    ]);
    await until(() => existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n"));
    child.kill(signal);
    expect((await ended).status).toBe(exitCode);
    expect(instanceOf(pid)).toBe(undefined);
    expect(readdirSync(subfolder)).toEqual([]);
    await until(() => !isRunning(Number(readFileSync(pidFile, "utf8"))));
  });

  test("what a killed recording left in the kernel is removed by the next", async () => {
    const subfolder = inFolder("SIGKILL");
    mkdirSync(subfolder);
    const { child, ended, pid, tracing } = await startRecording(["-o", join(subfolder, "out.parquet")]);
    child.kill("SIGKILL");
    await ended;
    expect(tracing()).toBe(true);
    const { stdout } = kmem(["record", "--for", "100ms", "-o", inFolder("next.parquet")]);
    expect(stdout).toContain("removed what 1 killed recording had left in the kernel");
    expect(instanceOf(pid)).toBe(undefined);
    // The raw pages had no name; of the file to come there is at most an empty beginning.
    expect(readdirSync(subfolder).filter((name) => name.endsWith(".parquet"))).toEqual([]);
  });

  test("two recordings at once do not disturb each other", async () => {
    const first = await startRecording(["-o", inFolder("first.parquet")]);
    const { status } = kmem(["record", "--for", "100ms", "-o", inFolder("second.parquet")]);
    expect({ status, isTracing: first.tracing() }).toEqual({ status: 0, isTracing: true });
    first.child.kill("SIGINT");
    expect((await first.ended).status).toBe(0);
  });

  describe("what goes wrong is one line on stderr, and nothing is left", () => {
    const there = folder.write("there.parquet", "precious");

    test("a file that is there is kept, unless --force says otherwise", () => {
      const { status, stderr } = kmem(["record", "-o", there, "--for", "100ms"]);
      expect(stderr).toBe(`kmem: ${there} exists: give another name, or --force to replace it\n`);
      expect({ status, content: readFileSync(there, "utf8") }).toEqual({ status: 1, content: "precious" });
      expect(kmem(["record", "-o", there, "--for", "100ms", "--force"]).status).toBe(0);
      expect(readFileSync(there, "latin1").slice(0, 4)).toBe("PAR1");
    });

    test("a full disk", () => {
      const disk = inFolder("disk");
      mkdirSync(disk);
      execFileSync("sh", ["-c", `mount -t tmpfs -o size=256k kmem-test ${disk}`]);
      try {
        const { status, stderr } = kmem(
          ["record", "-o", join(disk, "out.parquet"), "--", "ls", "-lR", tracefs],
          {
            stdio: ["ignore", "ignore", "pipe"],
          },
        );
        expect(stderr.split("\n").findLast((line) => line !== "")).toMatch(
          /^kmem: cannot .*: the disk is full/,
        );
        expect({ status, left: readdirSync(disk) }).toEqual({ status: 1, left: [] });
      } finally {
        execFileSync("sh", ["-c", `umount ${disk}`]);
      }
    });

    test.each([
      [
        "a command that is not there",
        ["--", "no-such-command"],
        1,
        /^kmem: cannot start no-such-command: no such command\n$/,
      ],
      [
        "a folder that is not there",
        ["-o", "/no/such/folder/x"],
        1,
        /^kmem: cannot write \/no\/such\/folder\/x: .*\n$/,
      ],
      [
        "a time that is none",
        ["--for", "soon"],
        2,
        /Allowed is a time above nothing, such as 10s, 500ms or 2m\.\n$/,
      ],
      ["no time", ["--for", "0s"], 2, /Allowed is a time above nothing/],
      ["a buffer of nothing", ["--buffer", "0"], 2, /Allowed is a whole number from 1 on\.\n$/],
      ["a buffer beyond the machine", ["--buffer", "100000000"], 1, /^kmem: the kernel refused .*\n$/],
    ])("%s", (_what, args, status, message) => {
      const before = readdirSync(folder.path);
      const ended = kmem(["record", "-o", inFolder("wrong.parquet"), ...args]);
      expect(ended.stderr).toMatch(message);
      expect({ status: ended.status, stdout: ended.stdout }).toEqual({ status, stdout: "" });
      expect(readdirSync(folder.path)).toEqual(before);
    });

    test("without root", () => {
      // Root's right to read any file is kept, so that the command itself can be read wherever it lies.
      const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
      const reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
      const ended = run("setpriv", [
        ...asNobody,
        ...reading,
        process.execPath,
        KMEM,
        "record",
        "-o",
        "/tmp/kmem-nobody",
      ]);
      expect(ended).toEqual({
        status: 1,
        stdout: "",
        stderr: "kmem: recording the kernel needs root; run it with sudo\n",
      });
      expect(existsSync("/tmp/kmem-nobody")).toBe(false);
    });

    test("without tracefs", () => {
      // It may be mounted in several places: debugfs mounts it as well, when somebody looks there.
      const line = 'umount -a -t tracefs && exec "$@"';
      const ended = run("unshare", [
        "--mount",
        "sh",
        "-c",
        line,
        "sh",
        process.execPath,
        KMEM,
        "record",
        "--for",
        "1s",
        "-o",
        inFolder("no.parquet"),
      ]);
      expect(ended.stderr).toMatch(
        /^kmem: the kernel's tracing files are not mounted; mount them: mount -t tracefs .*\n$/,
      );
      expect(ended.status).toBe(1);
    });
  });

  describe.skipIf(lacksTmux())("in a terminal", () => {
    test("shows what it does, and Ctrl-C ends it", async () => {
      const file = inFolder("terminal.parquet");
      const terminal = new Terminal(`'${process.execPath}' '${KMEM}' record -o ${file}; echo ended with $?`, {
        columns: 100,
        rows: 50,
      });
      try {
        await terminal.until(/^Recording {2}\d+\.\d s, \d+\.\d MiB of events; Ctrl-C ends the recording$/m);
        terminal.press("C-c");
        const screen = await terminal.until(/ended with \d+/);
        expect(screen).toContain("ended with 0");
        expect(screen).toContain("until Ctrl-C");
        expect(screen, "the line of progress is gone").not.toContain("Ctrl-C ends the recording");
      } finally {
        terminal.close();
      }
      expect(existsSync(file)).toBe(true);
    });

    test("shows a bar while it writes", async () => {
      const file = inFolder("bar.parquet");
      const terminal = new Terminal(
        `'${process.execPath}' '${KMEM}' record -o ${file} -- ls -lR ${tracefs}/events >/dev/null; echo ended with $?`,
        { columns: 100, rows: 50 },
      );
      try {
        const screen = await terminal.until(/ended with \d+/);
        expect(screen).toMatch(/^Writing +█{32} 100 % {2}[\d,]+ events$/m);
        expect(screen).toContain("ended with 0");
      } finally {
        terminal.close();
      }
    });
  });
});
