// The programs in docs/webgpu.md run and print what their `// →` comments say, as those of the README do. In those that
// name it, `device` is a real one: Dawn's, on Chromium's software GPU.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { codeBlocks, keepsPromise, promisedOutput } from "./markdown.ts";

const DRIVER = "/usr/lib/chromium/vk_swiftshader_icd.json";
const hasDriver = existsSync(DRIVER);
if (!hasDriver) {
  console.warn(
    `\n!!! NOT TESTED: programs in docs/webgpu.md, for want of ${DRIVER}: npm run setup -- browser\n`,
  );
}

const DEVICE = `
import { create, globals } from "webgpu";
Object.assign(globalThis, globals);
const gpu = create([]);
const device = await (await gpu.requestAdapter()).requestDevice();
`;

const root = fileURLToPath(new URL("../..", import.meta.url));
const scratch = join(root, ".cache", "docs");
const programs = codeBlocks(readFileSync(join(root, "docs", "webgpu.md"), "utf8")).filter(
  ({ language }) => language === "ts",
);

test("there are programs, with a device and without", () => {
  expect(new Set(programs.map(({ text }) => text.includes("device")))).toEqual(new Set([true, false]));
});

test.each(programs)("docs/webgpu.md:$line prints what it says", ({ line, text }) => {
  const needsDevice = text.includes("device");
  if (needsDevice && !hasDriver && process.env["CI"] === undefined) return;
  mkdirSync(scratch, { recursive: true });
  const file = join(scratch, `webgpu-line-${line}.ts`);
  // Dawn's own threads would keep the process.
  writeFileSync(file, needsDevice ? `${DEVICE}${text}\nprocess.exit(0);\n` : text);
  const env = { ...process.env, VK_DRIVER_FILES: DRIVER, NO_COLOR: "1" };
  const output = execFileSync(process.execPath, [file], { cwd: root, env, encoding: "utf8" });
  const printed = output.replace(/\n$/, "").split("\n");
  const promised = promisedOutput(text);
  expect(
    promised.map((promise, index) =>
      keepsPromise(printed[index] ?? "", promise) ? printed[index] : promise,
    ),
  ).toEqual(printed);
});
