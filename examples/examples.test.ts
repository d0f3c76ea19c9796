// What holds for every example. What an example does is tested beside it, in its own example.test.ts.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exampleNames, programOf, readmeOf, titleOf } from "./catalogue.ts";

const main = join(import.meta.dirname, "main.ts");

describe.each(exampleNames())("%s", (name) => {
  test("has a program and a test of its own", () => {
    expect(existsSync(programOf(name))).toBe(true);
    expect(existsSync(join(import.meta.dirname, name, "example.test.ts"))).toBe(true);
  });

  test("says in its README how it is run, and shows what comes out", () => {
    const readme = readmeOf(name);
    expect(readme).toContain(`npm run example -- ${name}`);
    expect(readme).toMatch(/^```text$|!\[.*\]\(.*\)/m);
  });

  test("is listed", () => {
    const table = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
    expect(table).toContain(`| [${name}](${name}/README.md) | ${titleOf(name)} |`);
    expect(execFileSync(process.execPath, [main], { encoding: "utf8" })).toMatch(
      new RegExp(`^${name} +${titleOf(name).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, "m"),
    );
  });
});

test("a wrong name is refused in one line that gives the right ones", () => {
  const { status, stderr } = spawnSync(process.execPath, [main, "nothing"], { encoding: "utf8" });
  expect(stderr).toBe(`no example "nothing" (there are: ${exampleNames().join(", ")})\n`);
  expect(status).toBe(2);
});
