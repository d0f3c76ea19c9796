// Runs every check that is not a test, one after the other, and ends with a summary.
//
//   npm run check                    all of them
//   npm run check -- layers docs     only the named ones
//
// The checks are the "check:…" scripts of package.json, in their order: "types" comes first because it
// also builds what "layers", "face" and "size" look at. Ends non-zero when any check failed.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PREFIX = "check:";

const root = new URL("..", import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  scripts: Record<string, string>;
};
const commands = new Map(
  Object.entries(scripts)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, command]) => [name.slice(PREFIX.length), command]),
);

const names = process.argv.length > 2 ? process.argv.slice(2) : [...commands.keys()];
const unknown = names.filter((name) => !commands.has(name));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(", ")} (there are ${[...commands.keys()].join(", ")})`);
  process.exit(2);
}

const results = names.map((name) => {
  const command = commands.get(name)!;
  console.log(`\n== ${name}\n   $ ${command}`);
  const startedMs = performance.now();
  const { status } = spawnSync(command, { cwd: fileURLToPath(root), shell: true, stdio: "inherit" });
  return { name, passed: status === 0, seconds: (performance.now() - startedMs) / 1000 };
});

console.log("");
for (const { name, passed, seconds } of results) {
  console.log(`${passed ? "ok    " : "FAILED"}  ${name.padEnd(10)} ${seconds.toFixed(1).padStart(5)} s`);
}
const failedCount = results.filter(({ passed }) => !passed).length;
console.log(`checks: ${results.length - failedCount} passed, ${failedCount} failed`);
process.exit(failedCount === 0 ? 0 : 1);
