// The README cannot lie: every program in it runs and prints exactly what its `// →` comments say, and every
// shell command in it exists. The programs of the lab's page for developers and of the page on images are held to the same.
//
// - A `ts` or `js` block is one module, run by the pinned Node from the repository's root, so that
//   `import … from "kmem"` finds the built package. Each line it prints stands behind a `// →` in the block,
//   in order; `…` there stands for any text.
// - In a `sh` block, npm's own commands must name a script that exists (running them here would start the
//   tests inside the tests); `git clone` and `cd` are taken as read; anything else is run.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type CodeBlock, codeBlocks, keepsPromise, promisedOutput, shellCommands } from "./markdown.ts";

const PROGRAMS = ["ts", "typescript", "js", "javascript", "mjs"];
const SHELLS = ["sh", "bash", "shell", "console"];
/** Blocks that are pictures or output: nothing to run. */
const PICTURES = ["", "text", "txt", "mermaid", "json"];

const root = fileURLToPath(new URL("../..", import.meta.url));
const scratch = join(root, ".cache", "readme");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const blocks = codeBlocks(readFileSync(join(root, "README.md"), "utf8"));
/** Programs of other pages that are run just so. */
const OTHER_PAGES = [
  "packages/lab/src/README.md",
  "docs/allocation.md",
  "docs/corruption.md",
  "docs/image-format.md",
  "docs/safety.md",
];
const PROGRAM_BLOCKS = ["README.md", ...OTHER_PAGES].flatMap((page) =>
  codeBlocks(readFileSync(join(root, page), "utf8"))
    .filter(({ language }) => PROGRAMS.includes(language))
    .map((block) => ({ page, ...block })),
);
const withLanguage = (languages: string[]): CodeBlock[] =>
  blocks.filter(({ language }) => languages.includes(language));

/** Environment in which the repository's own commands are found first, as in an npm script. */
const env = {
  ...process.env,
  PATH: [join(root, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
  NO_COLOR: "1",
};

/** The script that an npm command runs, or undefined where it runs none. */
function scriptOf(command: string): string | undefined {
  const [, verb, name] = command.match(/^npm (?:-s |--silent )?(\S+)(?: (?:-s |--silent )?(\S+))?/) ?? [];
  if (verb === "run" || verb === "run-script") return name;
  return verb === "start" || verb === "test" ? verb : undefined;
}

function checkShellCommand(command: string): void {
  if (/^(git clone|cd) /.test(command) || /^npm (ci|install|i)\b/.test(command)) return;
  if (command.startsWith("npm ")) {
    expect(Object.keys(scripts), command).toContain(scriptOf(command));
    return;
  }
  execFileSync("bash", ["-c", command], {
    cwd: root,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

test("the README names the two commands that a newcomer needs", () => {
  const commands = withLanguage(SHELLS).flatMap(({ text }) => shellCommands(text));
  expect(commands).toEqual(expect.arrayContaining(["npm ci", "npm start", "npm test"]));
});

test("the README has a first program, and no block in a language that nobody checks", () => {
  expect(withLanguage(PROGRAMS)).not.toEqual([]);
  const languages = blocks.map(({ language }) => language);
  expect(languages.filter((language) => ![...PROGRAMS, ...SHELLS, ...PICTURES].includes(language))).toEqual(
    [],
  );
});

describe("programs", () => {
  test.each(PROGRAM_BLOCKS)("$page:$line prints what it says", ({ page, language, line, text }) => {
    mkdirSync(scratch, { recursive: true });
    const name = `${page.replaceAll("/", "-")}-${line}.${language.startsWith("t") ? "ts" : "mjs"}`;
    const file = join(scratch, name);
    writeFileSync(file, text);
    const output = execFileSync(process.execPath, [file], { cwd: root, env, encoding: "utf8" });
    const printed = output === "" ? [] : output.replace(/\n$/, "").split("\n");
    const promised = promisedOutput(text);
    // A kept promise is replaced by what kept it, so that a difference shows both texts in full.
    expect(
      promised.map((promise, index) =>
        keepsPromise(printed[index] ?? "", promise) ? printed[index] : promise,
      ),
    ).toEqual(printed);
  });
});

describe("commands", () => {
  test.each(withLanguage(SHELLS))("README.md:$line holds commands that exist", ({ text }) => {
    for (const command of shellCommands(text)) checkShellCommand(command);
  });
});
