/**
 * What a run reaches of the library: its blocks, as V8 counts them.
 *
 * V8 tells of each function that ran, and of each block in it that did not. A block is something to be reached when it was
 * left out by any run so far; a run reaches it when the function ran and no block around it was left out.
 */
import { Session } from "node:inspector";

/** A stretch of a file, which is a block of one function. */
interface Block {
  readonly functionId: string;
  readonly start: number;
  readonly end: number;
}

/** What one run executed. */
export interface Footprint {
  /** The functions that ran, and the blocks in each that did not. */
  readonly functions: ReadonlyMap<string, readonly Block[]>;
}

interface FunctionCoverage {
  readonly functionName: string;
  readonly ranges: readonly {
    readonly startOffset: number;
    readonly endOffset: number;
    readonly count: number;
  }[];
}

/** Watches the library's files. */
export class Reach {
  readonly #session = new Session();
  readonly #folder: string;

  /** Watches the files below `folder`, an URL. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** What `run` executes. */
  watch(run: () => void): Footprint {
    this.#take();
    run();
    return { functions: this.#take() };
  }

  /** What was executed since the last call. */
  #take(): Map<string, Block[]> {
    const functions = new Map<string, Block[]>();
    this.#session.post("Profiler.takePreciseCoverage", (error, found) => {
      if (error !== null) throw error;
      for (const { url, functions: each } of found.result) {
        if (url.startsWith(this.#folder)) this.#add(functions, url.slice(this.#folder.length), each);
      }
    });
    return functions;
  }

  #add(functions: Map<string, Block[]>, file: string, found: readonly FunctionCoverage[]): void {
    for (const { functionName, ranges } of found) {
      const [whole, ...blocks] = ranges;
      if (whole === undefined || whole.count === 0) continue;
      const functionId = `${file}:${whole.startOffset}:${functionName}`;
      const left = blocks.filter(({ count }) => count === 0);
      functions.set(
        functionId,
        left.map(({ startOffset, endOffset }) => ({ functionId, start: startOffset, end: endOffset })),
      );
    }
  }
}

/** The names of everything that some of `footprints` leaves out: functions and blocks. */
export class Places {
  readonly #blocks = new Map<string, Block[]>();

  /** What there is to be reached by any of these runs. */
  constructor(footprints: readonly Footprint[]) {
    const seen = new Set<string>();
    for (const { functions } of footprints) {
      for (const [functionId, left] of functions) {
        const blocks = this.#blocks.get(functionId) ?? [];
        this.#blocks.set(functionId, blocks);
        for (const block of left) {
          const name = nameOf(block);
          if (!seen.has(name)) blocks.push(block);
          seen.add(name);
        }
      }
    }
  }

  /** The names of what a run reached. */
  reachedBy({ functions }: Footprint): Set<string> {
    const reached = new Set<string>();
    for (const [functionId, left] of functions) {
      reached.add(functionId);
      for (const block of this.#blocks.get(functionId) ?? []) {
        const isLeft = left.some(({ start, end }) => start <= block.start && block.end <= end);
        if (!isLeft) reached.add(nameOf(block));
      }
    }
    return reached;
  }
}

function nameOf({ functionId, start, end }: Block): string {
  return `${functionId}:${start}-${end}`;
}
