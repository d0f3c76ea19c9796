import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { canTest, missingTools } from "../../scripts/wasm/compile.ts";
import { programOf } from "../catalogue.ts";
import { readmeOutput, runExample, shapeOf } from "../shared/readme-output.ts";

const ready = canTest(
  "the example of a C program",
  missingTools("wasm", ["clang", "wasm-ld"], ["/usr/lib/wasm32-wasi/libc.a"]),
);

test.runIf(ready)("gives the same answers on both allocators, and prints what its README shows", () => {
  expect(shapeOf(runExample("c-program", "100000"))).toEqual(shapeOf(readmeOutput("c-program")));
});

test("refuses what is no number of requests", () => {
  const { status, stderr } = spawnSync(process.execPath, [programOf("c-program"), "many"], {
    encoding: "utf8",
  });
  expect(stderr).toBe("requests must be a positive integer, got many\n");
  expect(status).toBe(2);
});

test("says in one line what is missing where there is no compiler", () => {
  const env = { ...process.env, PATH: "/nowhere" };
  const { status, stderr } = spawnSync(process.execPath, [programOf("c-program"), "1"], {
    encoding: "utf8",
    env,
  });
  expect(stderr).toMatch(/^cannot compile C for wasm32-wasi \(npm run setup -- wasm\): .*\n$/);
  expect(status).toBe(1);
});
