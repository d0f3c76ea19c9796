// The programs of docs/wasm.md in the order in which a reader meets them: what is shown in C and Rust is compiled by the
// commands shown, and the JavaScript after it prints what it says.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { canTest, missingTools } from "../../scripts/wasm/compile.ts";
import { codeBlocks, promisedOutput, shellCommands } from "./markdown.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const missing =
  missingTools("wasm", ["clang", "wasm-ld", "emcc"], ["/usr/lib/wasm32-wasi/libc.a"]) ??
  missingTools("rust", ["/usr/bin/rustc"], ["/usr/lib/rustlib/wasm32-unknown-unknown/lib"]);

/** Debian's compilers come first, and Emscripten finds Debian's packages of JavaScript. */
const env = { ...process.env, PATH: `/usr/bin:${process.env["PATH"]}`, NODE_PATH: "/usr/share/nodejs" };

test.runIf(canTest("the programs of docs/wasm.md", missing))("docs/wasm.md does what it says", () => {
  const cache = join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "wasm-page-"));
  const run = (program: string, args: readonly string[]): string =>
    execFileSync(program, args, { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const done: string[] = [];
  try {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const { language, text } of codeBlocks(readFileSync(join(root, "docs", "wasm.md"), "utf8"))) {
      done.push(language);
      if (language === "c") writeFileSync(join(folder, "program.c"), text);
      else if (language === "rust") writeFileSync(join(folder, "program.rs"), text);
      else if (language === "sh") for (const command of shellCommands(text)) run("bash", ["-c", command]);
      else {
        expect(language).toBe("ts");
        writeFileSync(join(folder, "main.mts"), text);
        expect(run(process.execPath, ["main.mts"]).trimEnd().split("\n")).toEqual(promisedOutput(text));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(done).toEqual(["c", "sh", "ts", "sh", "rust", "sh", "ts"]);
});
