/**
 * Records the programs' streams anew: `node bench/recordings/record.ts [NAME…]`, all of them without a name.
 * Needs Linux with Debian's packages of `npm run setup -- programs`, and for each program its own.
 *
 * Each program runs once with heaptrack's library in front of the C library, and with `marks.c` in front of that.
 * heaptrack's own program is left out: it would throw the order of calls away.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { recordingPath, storeRecording } from "../src/recordings/catalogue.ts";
import { countKinds } from "../src/recordings/codec.ts";
import { readHeaptrack } from "../src/recordings/heaptrack.ts";

const HEAPTRACK_LIBRARY = "/usr/lib/heaptrack/libheaptrack_preload.so";
/** A text that every Debian system has. */
const TEXT = "/usr/share/common-licenses/GPL-3";
const REPOSITORY = recordingPath("../../");

/** A program to record. */
interface Program {
  readonly name: string;
  readonly description: string;
  /** Words of the command; `WORK` stands for a folder that is removed afterwards. */
  readonly command: readonly string[];
  /** Variables to set for it. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command that makes files in `WORK` first. */
  readonly prepare?: readonly string[];
  /** Words of a command whose first line of output says which version it is. */
  readonly version: readonly string[];
}

const input = (name: string): string => recordingPath(`inputs/${name}`);
const compilerPath = (compiler: string): string =>
  execFileSync("gcc", [`-print-prog-name=${compiler}`], { encoding: "utf8" }).trim();

const PROGRAMS: readonly Program[] = [
  {
    name: "sqlite3",
    description: "sqlite3 fills a database in memory, and joins, searches, updates and compacts it",
    command: ["sqlite3", "-batch", ":memory:", `.read ${input("items.sql")}`],
    version: ["sqlite3", "--version"],
  },
  {
    name: "python3",
    description:
      "python3 counts words, sends them through JSON and builds a tree of dictionaries, each object by malloc",
    command: ["/usr/bin/python3", input("words.py"), TEXT],
    env: { PYTHONMALLOC: "malloc", PYTHONHASHSEED: "1" },
    version: ["/usr/bin/python3", "--version"],
  },
  {
    name: "git",
    description: "git log with patches, statistics and a search for copies, over this project's own history",
    command: ["git", "-C", REPOSITORY, "log", "-p", "--stat", "--numstat", "--find-copies-harder"],
    version: ["git", "--version"],
  },
  {
    name: "cc1",
    description: "gcc's C compiler on a program of 200 lines and the C library's headers, optimising",
    prepare: ["gcc", "-E", recordingPath("../native/replay.c"), "-o", "WORK/replay.i"],
    command: [compilerPath("cc1"), "-O2", "-quiet", "WORK/replay.i", "-o", "WORK/replay.s"],
    version: ["gcc", "--version"],
  },
  {
    name: "cc1plus",
    description: "gcc's C++ compiler on a small program that uses maps, strings and vectors",
    prepare: ["g++", "-E", input("words.cc"), "-o", "WORK/words.ii"],
    command: [compilerPath("cc1plus"), "-O1", "-quiet", "WORK/words.ii", "-o", "WORK/words.s"],
    version: ["g++", "--version"],
  },
  {
    name: "bash",
    description: "a shell script counts the words of a text",
    command: ["bash", input("words.sh"), TEXT],
    version: ["bash", "--version"],
  },
  {
    name: "perl",
    description: "a Perl script notes the lines of each word and rewrites a text",
    command: ["perl", input("words.pl"), TEXT],
    env: { PERL_HASH_SEED: "1" },
    version: ["perl", "-e", "print $^V"],
  },
  {
    name: "node",
    description: "node starts up and loads a JSON schema compiler",
    command: ["/usr/bin/node", "-e", `require(${JSON.stringify(join(REPOSITORY, "node_modules/ajv"))})`],
    version: ["/usr/bin/node", "--version"],
  },
  {
    name: "gdb",
    description: "gdb lists the functions of a small C program and runs it to its main",
    prepare: ["gcc", "-g", "-O0", recordingPath("../native/replay.c"), "-o", "WORK/replay", "-ldl"],
    command: [
      "gdb",
      "-batch",
      "-nx",
      "-ex",
      "info functions",
      "-ex",
      "break main",
      "-ex",
      "run",
      "-ex",
      "bt",
      "WORK/replay",
    ],
    version: ["gdb", "--version"],
  },
];

function run(words: readonly string[]): string {
  const [program = "", ...rest] = words;
  return execFileSync(program, rest, { encoding: "utf8", maxBuffer: 2 ** 28 });
}

async function record(program: Program, workPath: string): Promise<void> {
  const raw = join(workPath, "raw");
  const resolve = (word: string): string => word.replace("WORK", workPath);
  if (program.prepare) run(program.prepare.map(resolve));
  const [command = "", ...words] = program.command.map(resolve);
  const { status, stderr } = spawnSync(command, words, {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      ...program.env,
      LC_ALL: "C.UTF-8",
      LD_PRELOAD: `${join(workPath, "marks.so")}:${HEAPTRACK_LIBRARY}`,
      DUMP_HEAPTRACK_OUTPUT: raw,
    },
  });
  if (status !== 0) throw new Error(`${program.name} ended with status ${status}: ${String(stderr)}`);
  const { stream, orphanCount } = await readHeaptrack(raw);
  const shown = [
    ...Object.entries(program.env ?? {}).map(([name, value]) => `${name}=${value}`),
    ...program.command,
  ]
    .join(" ")
    .replace(`-C ${REPOSITORY}`, "-C .")
    .replaceAll(REPOSITORY, "")
    .replaceAll("WORK/", "");
  storeRecording(
    {
      name: program.name,
      target: "heap",
      description: program.description,
      program: run(program.version).split("\n")[0] ?? "",
      command: shown,
      date: new Date().toISOString().slice(0, 10),
      operations: countKinds(stream),
      peakPayloadBytes: stream.peakPayloadBytes,
    },
    stream,
  );
  console.log(`${program.name}: ${stream.roundCount} operations, ${orphanCount} of unknown objects left out`);
}

const command = new Command("record")
  .description("Records what programs allocate, into bench/recordings/.")
  .argument(
    "[name...]",
    `programs to record: ${PROGRAMS.map(({ name }) => name).join(", ")}; all when left out`,
  )
  .parse();
const unknown = command.args.filter((name) => !PROGRAMS.some((program) => program.name === name));
if (unknown.length > 0) command.error(`no program ${unknown.join(", ")}`);

for (const program of PROGRAMS) {
  if (command.args.length > 0 && !command.args.includes(program.name)) continue;
  const workPath = mkdtempSync(join(tmpdir(), "kmem-record-"));
  try {
    run([
      "gcc",
      "-O2",
      "-shared",
      "-fPIC",
      "-o",
      join(workPath, "marks.so"),
      recordingPath("marks.c"),
      "-ldl",
    ]);
    await record(program, workPath);
  } finally {
    rmSync(workPath, { recursive: true });
  }
}
