/** `kmem live`, in a real terminal and for scripts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kmem, KMEM, startKmem } from "../helpers/command.ts";
import { lacksTmux } from "../helpers/kernel.ts";
import { temporaryFolder } from "../helpers/recordings.ts";
import { Terminal } from "../helpers/terminal.ts";

const folder = temporaryFolder();
const isLinux = process.platform === "linux";
const LIVE = `'${process.execPath}' '${KMEM}' live --interval 100ms`;
const COLOUR = "\u001b[";

/** The screen's lines that hold anything. */
function lines(screen: string): string[] {
  return screen.split("\n").filter((line) => line !== "");
}

describe.skipIf(!isLinux || lacksTmux())("kmem live in a terminal", () => {
  test("fills 80 by 24, and takes every size that comes", async () => {
    const terminal = new Terminal(LIVE);
    try {
      const small = await terminal.until(/^CACHE/m);
      expect(lines(small)[0]).toMatch(/^kmem live {2}\S+, Linux .* q: quit$/);
      expect(small).toMatch(/^ORDER( +\d+)+$/m);
      expect(small).toMatch(/^Normal +[█░]+ {2}[\d.]+ [KMG]iB of [\d.]+ [KMG]iB free/m);
      for (const label of ["free", "change", "unusable", "extfrag"]) {
        expect(small).toMatch(new RegExp(`^  ${label}( +\\S+)+$`, "m"));
      }
      for (const line of lines(small)) expect(line.length).toBeLessThanOrEqual(80);
      const rowsSmall = lines(small).length;

      terminal.resize(130, 45);
      const large = await terminal.until(/^kmem live.{90,}q: quit$/m);
      expect(lines(large).length).toBeGreaterThan(rowsSmall);
      terminal.resize(80, 12);
      const low = await terminal.until(/^kmem live.{1,79}q: quit$/m);
      expect(lines(low)[0]).toMatch(/^kmem live/);
    } finally {
      terminal.close();
    }
  });

  test.each([["q"], ["C-c"]])("%s quits, and the terminal is as it was", async (key) => {
    const terminal = new Terminal(
      `before=$(stty -g); echo what stood here; ${LIVE}; echo ended with $?; [ "$before" = "$(stty -g)" ] && echo same settings`,
    );
    try {
      await terminal.until(/^CACHE/m);
      expect(terminal.screen()).not.toContain("what stood here");
      terminal.press(key);
      const screen = await terminal.until(/ended with \d+[^]*settings/);
      expect(lines(screen)).toEqual(["what stood here", "ended with 0", "same settings"]);
    } finally {
      terminal.close();
    }
  });

  test("SIGTERM gives the terminal back too", async () => {
    const pidFile = join(folder.path, "pid");
    const terminal = new Terminal(
      `echo what stood here; ${LIVE} & echo $! > ${pidFile}; wait $!; echo ended with $?`,
    );
    try {
      await terminal.until(/^CACHE/m);
      process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
      const screen = await terminal.until(/ended with \d+/);
      expect(lines(screen)).toEqual(["what stood here", "ended with 143"]);
    } finally {
      terminal.close();
    }
  });

  test("s sorts the caches by what changed, and back", async () => {
    const terminal = new Terminal(LIVE);
    try {
      await terminal.until(/s: by change/);
      terminal.press("s");
      await terminal.until(/s: by size/);
      terminal.press("s");
      await terminal.until(/s: by change/);
    } finally {
      terminal.close();
    }
  });

  test("colours, unless NO_COLOR is set", async () => {
    for (const [env, isColoured] of [
      [{}, true],
      [{ NO_COLOR: "1" }, false],
    ] as const) {
      const terminal = new Terminal(LIVE, { env });
      try {
        await terminal.until(/^CACHE/m);
        expect(terminal.screen({ escapes: true }).includes(COLOUR)).toBe(isColoured);
      } finally {
        terminal.close();
      }
    }
  });
});

describe.skipIf(!isLinux)("kmem live for scripts", () => {
  test("--once --json prints one document", () => {
    const { status, stdout, stderr } = kmem(["live", "--once", "--json"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const look = JSON.parse(stdout);
    expect(look).toMatchObject({ schema: "kmem-live/1", elapsedSeconds: null });
    for (const { freeBlocks, unusableIndex, fragmentationIndex, freeBytes } of look.zones) {
      expect(unusableIndex.length).toBe(freeBlocks.length);
      expect(fragmentationIndex.length).toBe(freeBlocks.length);
      const pages = freeBlocks.reduce(
        (sum: number, count: number, order: number) => sum + count * 2 ** order,
        0,
      );
      expect(freeBytes % 4096).toBe(0);
      expect(freeBytes / pages || 4096).toBeGreaterThanOrEqual(4096);
    }
  });

  test("--once prints one look, as wide as a page", () => {
    const { status, stdout } = kmem(["live", "--once"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ORDER( +\d+)+$/m);
    for (const line of stdout.split("\n")) {
      expect(line.length).toBeLessThanOrEqual(100);
      expect(line).toBe(line.trimEnd());
    }
  });

  test("--json prints a document a line, with what changed, until it is stopped", async () => {
    const { child, ended } = startKmem(["live", "--json", "--interval", "50ms"]);
    await new Promise<void>((resolve) => {
      let count = 0;
      child.stdout!.on("data", (text: string) => {
        count += text.split("\n").length - 1;
        if (count >= 3) resolve();
      });
    });
    child.kill("SIGINT");
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    const [first, second] = stdout.split("\n").map((line) => (line === "" ? null : JSON.parse(line)));
    expect(first.zones[0].freeBlocksChange).toBe(null);
    expect(second.elapsedSeconds).toBeGreaterThan(0);
    for (const [index, { freeBlocks, freeBlocksChange }] of second.zones.entries()) {
      const before = first.zones[index].freeBlocks;
      expect(freeBlocksChange).toEqual(freeBlocks.map((now: number, order: number) => now - before[order]));
    }
  });

  test("without a terminal it says what there is for scripts", () => {
    const { status, stderr } = kmem(["live"]);
    expect(stderr).toBe("kmem: a live view needs a terminal; --once prints one look, --json one a line\n");
    expect(status).toBe(1);
  });
});
