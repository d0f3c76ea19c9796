// The programs that run on each allocator: what they are built from and how they are run. None was written here, but
// for the loop around cJSON and the script for Lua.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianSource } from "../../scripts/wasm/debian-source.ts";

/** What the compiler is given for one program. */
interface Sources {
  /** C files, by absolute path. */
  readonly files: readonly string[];
  /** Flags of the compiler for all of them. */
  readonly flags: readonly string[];
}

/** A program and one way to run it. */
export interface Program {
  readonly name: string;
  /** What it is and does, in a few words. */
  readonly title: string;
  /** Finds the sources, fetching them if need be. */
  sources(): Sources;
  /** Its arguments. `scale` is 1 in tests; a larger one makes the work so many times as much, about. */
  args(scale: number): readonly string[];
  /** Puts the files that it reads into the empty folder in which it is run. */
  prepare?(folder: string, scale: number): void;
  /** What two runs never have in common in what it prints: times. */
  readonly times?: RegExp;
}

const here = import.meta.dirname;

/** C files of a folder, but for those named. */
function cFiles(folder: string, ...except: string[]): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".c") && !except.includes(name));
  return names.sort().map((name) => join(folder, name));
}

const luaFolder = (): string => join(debianSource("lua5.4"), "src");

/** Lua with one of the scripts here, which take the logarithm of how much there is to do. */
function lua(name: string, title: string, script: string, logSize: number): Program {
  return {
    name,
    title,
    // The seed of its hashes comes from an address and the time otherwise, and decides the order of its tables.
    sources: () => ({ files: cFiles(luaFolder(), "luac.c"), flags: ["-Dluai_makeseed(L)=1u"] }),
    args: (scale) => [join(here, "lua", script), String(Math.round(logSize + Math.log2(scale)))],
  };
}

const sqlite: Program = {
  name: "sqlite",
  title: "SQLite 3 runs its own speed test, in memory",
  sources() {
    const folder = debianSource("sqlite3");
    const flags = [`-I${join(folder, "bld")}`, "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION"];
    return { files: [amalgamation(folder), join(folder, "test", "speedtest1.c")], flags };
  },
  args: (scale) => ["--memdb", "--verify", "--size", String(scale)],
  times: /\d+[.]\d+s/g,
};

/** SQLite as one C file, which its own build puts together. */
function amalgamation(folder: string): string {
  const build = join(folder, "bld");
  const file = join(build, "sqlite3.c");
  if (!existsSync(file)) {
    mkdirSync(build, { recursive: true });
    const options = { cwd: build, env: { ...process.env, CC: "clang" }, stdio: "pipe" } as const;
    execFileSync(join(folder, "configure"), ["--disable-tcl", "--disable-readline"], options);
    execFileSync("make", ["sqlite3.c"], options);
  }
  return file;
}

/** zlib with one of its test programs. */
function zlib(test: string): () => Sources {
  return () => {
    const folder = debianSource("zlib");
    return {
      files: [...cFiles(folder), join(folder, "test", test)],
      flags: [`-I${folder}`, "-DHAVE_UNISTD_H"],
    };
  };
}

const zlibTest: Program = {
  name: "zlib-test",
  title: "zlib runs its own test",
  sources: zlib("example.c"),
  args: () => [],
};

const minigzip: Program = {
  name: "minigzip",
  title: "zlib's minigzip packs a file of C and unpacks it",
  sources: zlib("minigzip.c"),
  args: () => ["text"],
  prepare(folder, scale) {
    const text = cFiles(luaFolder()).map((file) => readFileSync(file, "utf8"));
    writeFileSync(join(folder, "text"), text.join("").repeat(scale));
  },
};

const cjsonTests = (): string => join(debianSource("cjson"), "tests");

/** One of cJSON's test programs, which holds the library itself and needs the folder of its inputs. */
function cjsonTest(test: string): Program {
  return {
    name: `cjson-${test.replaceAll("_", "-")}`,
    title: `cJSON runs its own test ${test}`,
    sources: () => ({
      files: [join(cjsonTests(), "unity", "src", "unity.c"), join(cjsonTests(), `${test}.c`)],
      flags: [`-I${cjsonTests()}`],
    }),
    args: () => [],
    prepare(folder) {
      const inputs = join(cjsonTests(), "inputs");
      mkdirSync(join(folder, "inputs"));
      for (const name of readdirSync(inputs))
        writeFileSync(join(folder, "inputs", name), readFileSync(join(inputs, name)));
    },
  };
}

const cjsonLoop: Program = {
  name: "cjson",
  title: "cJSON parses, prints and deletes a text of 1.4 MB",
  sources() {
    const folder = debianSource("cjson");
    return { files: [join(folder, "cJSON.c"), join(here, "c", "json-loop.c")], flags: [`-I${folder}`] };
  },
  args: (scale) => [String(scale)],
};

/** All programs. */
export const PROGRAMS: readonly Program[] = [
  cjsonLoop,
  lua("lua", "Lua 5.4 runs a script of trees, closures, strings and tables", "churn.lua", 10),
  lua("lua-cache", "Lua 5.4 runs a script of a cache that replaces entries", "cache.lua", 12),
  sqlite,
  minigzip,
  zlibTest,
  cjsonTest("parse_examples"),
  cjsonTest("misc_tests"),
];
