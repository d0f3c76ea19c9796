// What examples there are: every folder here that has a README.md. Its first line is `# NAME: what it shows`.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dirname;

/** Names of all examples, in the order of the alphabet. */
export function exampleNames(): string[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "README.md")))
    .sort();
}

/** The program that an example runs. */
export function programOf(name: string): string {
  return join(folder, name, "main.ts");
}

/** The text of an example's README. */
export function readmeOf(name: string): string {
  return readFileSync(join(folder, name, "README.md"), "utf8");
}

/** What an example shows, in a few words: the rest of its README's first line. Throws when that line has another form. */
export function titleOf(name: string): string {
  const [line] = readmeOf(name).split("\n");
  const start = `# ${name}: `;
  if (!line?.startsWith(start)) {
    throw new Error(`examples/${name}/README.md must begin with "${start}…", got "${line}"`);
  }
  return line.slice(start.length);
}
