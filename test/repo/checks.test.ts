// A check that never fails guards nothing: each is shown a small package that breaks its rule.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A copy of the repository's outline with nothing in it; removed after each test. */
let copy = "";
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "kmem-checks-"));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const file of ["tsconfig.base.json", "packages/kmem/package.json", "packages/kmem/tsconfig.json"]) {
    cpSync(join(root, file), join(copy, file));
  }
});
afterEach(() => rmSync(copy, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(copy, file)), { recursive: true });
  writeFileSync(join(copy, file), text);
}

function run(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { status, output: stdout + stderr };
}

describe("layers", () => {
  const cruise = (): { status: number | null; output: string } => {
    const depcruise = join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
    return run(depcruise, "--config", join(root, ".dependency-cruiser.mjs"), "packages");
  };
  const src = "packages/kmem/src";

  beforeEach(() => {
    write(`${src}/bits/log2.ts`, "export const log2 = Math.log2;\nexport type Log2 = typeof log2;\n");
    write(`${src}/slab/slot.ts`, 'export { log2 } from "../bits/log2.ts";\nexport type Slot = number;\n');
  });

  test("downward imports pass", () => {
    expect(cruise()).toMatchObject({ status: 0 });
  });

  test.each([
    ["an upward import", `${src}/buddy/up.ts`, 'export { log2 } from "../slab/slot.ts";', "layer-buddy"],
    [
      "an upward import of a type",
      `${src}/buddy/up.ts`,
      'import type { Slot } from "../slab/slot.ts";\nexport const slot: Slot = 0;',
      "layer-buddy",
    ],
    [
      "a folder that has no place",
      `${src}/misc/x.ts`,
      'export { log2 } from "../bits/log2.ts";',
      "layer-unknown",
    ],
    [
      "Node in the library",
      `${src}/heap/io.ts`,
      'export { readFileSync } from "node:fs";',
      "library-stands-alone",
    ],
    [
      "a relative import from the lab",
      "packages/lab/src/x.ts",
      'export { log2 } from "../../kmem/src/bits/log2.ts";',
      "lab-uses-the-published-face",
    ],
    ["an import of nothing", `${src}/heap/gone.ts`, 'export * from "./nowhere.ts";', "not-resolvable"],
  ])("%s fails", (_, file, text, rule) => {
    write(file, text);
    const { status, output } = cruise();
    expect(output).toContain(rule);
    expect(status).not.toBe(0);
  });

  test("a cycle fails", () => {
    write(`${src}/heap/a.ts`, 'import { b } from "./b.ts";\nexport const a = (): number => b();\n');
    write(`${src}/heap/b.ts`, 'import { a } from "./a.ts";\nexport const b = (): number => a();\n');
    const { status, output } = cruise();
    expect(output).toContain("no-cycle");
    expect(status).not.toBe(0);
  });
});

test("undocumented names are listed, private ones are not", () => {
  const lines = [
    "/** Documented. */",
    "export class Shelf {",
    "  #secret = 1;",
    "  private hidden = this.#secret;",
    "  /** Documented. */",
    "  fine(): number {",
    "    return this.hidden;",
    "  }",
    "  bare(): void {}",
    "  static make(): void {}",
    "}",
    "export const bareConst = 1;",
    "/** Documented. */",
    "export interface Options {",
    "  bareOption: number;",
    "}",
  ];
  write("packages/kmem/src/shelf.ts", lines.join("\n"));
  write("packages/kmem/src/index.ts", 'export * from "./shelf.ts";\n');
  const manifest = { name: "kmem", type: "module", exports: { ".": { default: "./dist/index.js" } } };
  write("packages/kmem/package.json", JSON.stringify(manifest));
  const { status, output } = run(join(root, "scripts/check-docs.ts"), "packages/kmem");
  expect(output.match(/(?<=:\d+ {2})\S+/g)).toEqual([
    "Shelf.bare",
    "Shelf.make",
    "bareConst",
    "Options.bareOption",
  ]);
  expect(status).toBe(1);
});
