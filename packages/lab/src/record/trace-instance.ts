/**
 * A set of trace buffers of our own: a folder under `instances/` of the tracing file system.
 *
 * Everything a recording sets (events, clock, buffer sizes, what is left out) is set inside it, and vanishes with it;
 * the machine's own tracing is never touched. The folder's name tells which process made it, so that one whose process
 * was killed without warning is found and removed by the next.
 */
import { mkdirSync, openSync, constants, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RecordError } from "./record-error.ts";

const NAME = /^kmem-(\d+)-(\d+)$/;
const SUB_BUFFER_FILE = "buffer_subbuf_size_kb";
/** The 22nd field of `/proc/PID/stat`, counted from the first behind the command's closing bracket. */
const START_TIME_FIELD = 22 - 3;

/** How the buffers are made. */
export interface InstanceOptions {
  /** Of each processor. */
  readonly bufferKib: number;
  /** Of the pieces that are read at once. */
  readonly subBufferKib: number;
}

/** What the kernel counted in one processor's buffer. */
export interface ProcessorStats {
  readonly processor: number;
  /** Events overwritten or dropped, because nobody read them in time. */
  readonly lostEvents: number;
  /** Events that were read. */
  readonly readEvents: number;
}

/** When a process began, in the kernel's ticks; null when there is none of this number. */
function startTimeOf(pid: string): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[START_TIME_FIELD] ?? null;
  } catch {
    return null;
  }
}

/** Removes what recordings left behind whose process is gone. Returns how many there were. */
export function removeStaleInstances(tracefs: string): number {
  const folder = join(tracefs, "instances");
  let removed = 0;
  for (const name of readdirSync(folder)) {
    const match = NAME.exec(name);
    if (match === null || startTimeOf(match[1]!) === match[2]) continue;
    try {
      rmdirSync(join(folder, name));
      removed++;
    } catch (error) {
      // Somebody else has a file of it open, or was quicker.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EBUSY" && code !== "ENOENT") throw error;
    }
  }
  return removed;
}

/** A trace instance, from `create` to `remove`. */
export class TraceInstance {
  /** Its folder. */
  readonly path: string;
  /** The numbers of the processors that have a buffer. */
  readonly processors: readonly number[];

  private constructor(path: string) {
    this.path = path;
    this.processors = readdirSync(join(path, "per_cpu"))
      .flatMap((name) => (/^cpu\d+$/.test(name) ? [Number(name.slice(3))] : []))
      .sort((one, other) => one - other);
  }

  /** Makes an instance that records nothing yet. Throws a RecordError when the kernel refuses. */
  static create(tracefs: string, options: InstanceOptions): TraceInstance {
    const path = join(tracefs, "instances", `kmem-${process.pid}-${startTimeOf("self")}`);
    try {
      mkdirSync(path);
    } catch (error) {
      throw refused(`a folder of its own in ${tracefs}/instances`, error);
    }
    const instance = new TraceInstance(path);
    try {
      instance.write("tracing_on", "0");
      // The clock of process.hrtime, so that what kmem reads and what the kernel records have one time.
      instance.write("trace_clock", "mono");
      if (instance.has(SUB_BUFFER_FILE)) instance.write(SUB_BUFFER_FILE, `${options.subBufferKib}`);
      instance.write("buffer_size_kb", `${options.bufferKib}`);
      return instance;
    } catch (error) {
      instance.remove();
      throw error;
    }
  }

  /** The length of a piece; null on kernels before 6.8, which have one size only. */
  get subBufferBytes(): number | null {
    return this.has(SUB_BUFFER_FILE) ? Number(this.read(SUB_BUFFER_FILE)) * 1024 : null;
  }

  /** Does this kernel give an instance such a file? */
  has(file: string): boolean {
    return readdirSync(this.path).includes(file);
  }

  /** The text of one of the instance's files. */
  read(file: string): string {
    return readFileSync(join(this.path, file), "utf8");
  }

  /** Writes a setting. Throws a RecordError when the kernel refuses it. */
  write(file: string, text: string): void {
    try {
      writeFileSync(join(this.path, file), text);
    } catch (error) {
      throw refused(`"${text}" in ${file}`, error);
    }
  }

  /** Opens the binary buffer of a processor; a read never waits. */
  openBuffer(processor: number): number {
    const file = join(this.path, "per_cpu", `cpu${processor}`, "trace_pipe_raw");
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** What the kernel counted for each processor. */
  stats(): ProcessorStats[] {
    return this.processors.map((processor) => {
      const text = this.read(join("per_cpu", `cpu${processor}`, "stats"));
      const count = (name: string): number =>
        Number(new RegExp(`^${name}: (\\d+)`, "m").exec(text)?.[1] ?? 0);
      return {
        processor,
        lostEvents: count("overrun") + count("commit overrun") + count("dropped events"),
        readEvents: count("read events"),
      };
    });
  }

  /** Ends all tracing in the instance and removes it. Its files must be closed. */
  remove(): void {
    rmdirSync(this.path);
  }
}

function refused(what: string, cause: unknown): RecordError {
  const { message } = cause as Error;
  return new RecordError("REFUSED", `the kernel refused ${what}: ${message}`, { cause });
}
