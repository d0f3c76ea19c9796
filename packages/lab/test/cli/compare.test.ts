/** `kmem compare`, as a person runs it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { kmem, KMEM } from "../helpers/command.ts";
import { lacksTmux } from "../helpers/kernel.ts";
import { temporaryFolder } from "../helpers/recordings.ts";
import { Terminal } from "../helpers/terminal.ts";

const folder = temporaryFolder();
const BUNDLED = fileURLToPath(new URL("../../traces/small-project.parquet", import.meta.url));
const PROGRAM = folder.write("program.rep", "1\n3\n6\n9000\na 0 9000\na 1 10\nr 1 20\nf 0\na 2 500\nf 2\n");

describe("kmem compare", () => {
  test("tables for objects and pages, plots on request", () => {
    const plots = join(folder.path, "plots");
    const args = ["compare", "--limit", "30000", "--no-guests", BUNDLED, PROGRAM, "--plots", plots];
    const { status, stdout, stderr } = kmem(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const name of ["kmem heap", "kmem buddy", "first fit", "worst fit", "TLSF", "power-of-two buddy"]) {
      expect(stdout).toMatch(
        new RegExp(`^  ${name} +[\\d.]+ [KM]iB +[\\d.]+ %( +[\\d.,%KMiB-]+)+ +[\\d,]+$`, "m"),
      );
    }
    expect(stdout).toMatch(/^ {2}the recorded kernel +- +- +[\d.]+ % /m);
    for (const line of stdout.split("\n")) {
      expect(line.length, line).toBeLessThanOrEqual(100);
      expect(line).toBe(line.trimEnd());
    }
    for (const name of ["small-project-objects", "small-project-pages", "program-objects"]) {
      expect(readFileSync(join(plots, `${name}.svg`), "utf8")).toMatch(/^<svg /);
      expect(stdout).toContain(`${name}.svg`);
    }
    expect(existsSync(join(plots, "program-pages.svg"))).toBe(false);

    const again = kmem(args);
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/^kmem: .*small-project-objects\.svg exists: give another name, or --force/);
    expect(kmem([...args, "--force"]).status).toBe(0);
  });

  test("--json, with the guests that are there and those that are not", () => {
    const { status, stdout } = kmem(["compare", "--json", PROGRAM]);
    expect(status).toBe(0);
    const { schema, recordings } = JSON.parse(stdout);
    expect(schema).toBe("kmem-compare/1");
    const [{ contenders, absent }] = recordings[0].works;
    const names = [...contenders, ...absent].map(({ name }: { name: string }) => name);
    for (const guest of ["dlmalloc (Wasm)", "emmalloc (Wasm)", "@thi.ng/malloc (npm)"]) {
      expect(names).toContain(guest);
    }
  });

  test.each([
    [["compare"], 2, "missing required argument"],
    [["compare", "nowhere"], 1, "cannot open nowhere: no such file"],
    [["compare", "--space", "90", PROGRAM], 2, "Allowed is a whole number from 100 on."],
    [["compare", PROGRAM, "--plots", join(PROGRAM, "x")], 1, "cannot make the folder"],
  ])("%j", (args, expectedStatus, message) => {
    const { status, stdout, stderr } = kmem(args);
    expect(stderr).toMatch(/^kmem: [^\n]*\n$/);
    expect(stderr).toContain(message);
    expect({ status, stdout }).toEqual({ status: expectedStatus, stdout: "" });
  });
});

describe.skipIf(lacksTmux())("in a real terminal", () => {
  test("a progress bar that names the allocator at work", async () => {
    const line = `'${process.execPath}' '${KMEM}' compare --no-guests '${BUNDLED}'`;
    const terminal = new Terminal(line, { columns: 110, rows: 60 });
    try {
      await terminal.until(/^Comparing small-project\.parquet +█*░+ +\d+ % {2}[a-zA-Z]+ \w+/m);
      await terminal.until(/^ +TLSF +/m);
    } finally {
      terminal.close();
    }
  });
});
