// Lists the examples, or runs one.
//
//   npm run example                    the list
//   npm run example -- NAME            runs examples/NAME/main.ts
//   npm run example -- NAME ARGUMENT…  the same, with arguments of its own

import { spawnSync } from "node:child_process";
import { exampleNames, programOf, titleOf } from "./catalogue.ts";

const [name, ...args] = process.argv.slice(2);
const names = exampleNames();

if (name === undefined) {
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) console.log(`${name.padEnd(width)}  ${titleOf(name)}`);
  console.log("\nrun one: npm run example -- NAME");
} else if (names.includes(name)) {
  const { status } = spawnSync(process.execPath, [programOf(name), ...args], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} else {
  console.error(`no example "${name}" (there are: ${names.join(", ")})`);
  process.exitCode = 2;
}
