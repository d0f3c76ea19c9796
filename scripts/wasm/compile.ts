// Compiles C and Rust to WebAssembly for tests and benchmarks, into a cache: what was made from the same command, the
// same sources and the same compiler is not made again.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const cacheFolder = join(import.meta.dirname, "..", "..", ".cache", "wasm");

/** One call of a compiler. */
export interface Compilation {
  /** What the folder in the cache is called, before its digest. */
  readonly name: string;
  /** The compiler, and its arguments; it runs in the folder of its outputs. */
  readonly command: readonly string[];
  /** Files whose contents decide what comes out, by absolute path. */
  readonly inputs: readonly string[];
}

/** Debian's Emscripten looks for its JavaScript packages where only Debian's own Node does. */
const env = { ...process.env, NODE_PATH: "/usr/share/nodejs" };

/** What a compiler says of itself; undefined when it is not installed. */
function versionOf(compiler: string): string | undefined {
  const { status, stdout } = spawnSync(compiler, ["--version"], { encoding: "utf8", env });
  return status === 0 ? stdout : undefined;
}

/** Runs a compiler, or finds what it made before. Returns the folder of its outputs. Throws with what it complained of. */
export function compiled({ name, command, inputs }: Compilation): string {
  const [compiler, ...args] = command as [string, ...string[]];
  const hash = createHash("sha256").update(JSON.stringify([versionOf(compiler), command]));
  for (const input of inputs) hash.update(readFileSync(input));
  const folder = join(cacheFolder, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheFolder, { recursive: true });
  // The JavaScript that Emscripten makes is none of this repository's modules.
  writeFileSync(join(cacheFolder, "package.json"), '{ "type": "commonjs" }\n');
  // Made beside its place and moved there whole: nobody finds half of it.
  const scratch = mkdtempSync(`${folder}-`);
  try {
    execFileSync(compiler, args, {
      cwd: scratch,
      env,
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (!existsSync(folder)) renameSync(scratch, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

/** Why nothing can be compiled with these programs and files, or undefined when all are installed. */
export function missingTools(
  setupPart: string,
  programs: readonly string[],
  files: readonly string[] = [],
): string | undefined {
  const missing = [
    ...programs.filter((program) => versionOf(program) === undefined),
    ...files.filter((file) => !existsSync(file)),
  ];
  if (missing.length === 0) return undefined;
  return `${missing.join(", ")} missing: run \`npm run setup -- ${setupPart}\``;
}

/**
 * Whether tests that need what is `missing` can run. Where they cannot, says so loudly; under CI, where everything is to
 * be installed, throws.
 */
export function canTest(what: string, missing: string | undefined): boolean {
  if (missing === undefined) return true;
  if (process.env["CI"] !== undefined) throw new Error(`${what}: ${missing}`);
  console.warn(`\n!!! NOT TESTED: ${what}: ${missing}\n`);
  return false;
}
