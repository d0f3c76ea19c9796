/**
 * Reads heaptrack's raw recording of a program and turns it into operations on slots.
 *
 * Of its lines two count: `+ size trace pointer` is an allocation, `- pointer` a free; all numbers are
 * hexadecimal. `recordings/marks.c` adds frees of a pointer that has one of its low bits set: they say that the
 * allocation before came from calloc or realloc.
 */

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { StreamBuilder } from "../stream/builder.ts";
import type { OperationStream } from "../stream/layout.ts";

/** Low bits of a pointer that `recordings/marks.c` sets. */
const MARK_MASK = 0xfn;
const MARK_CALLOC = 1n;
const MARK_REALLOC = 2n;

/**
 * The C++ library's emergency pool, allocated before anything else: heaptrack's own library brings it into
 * every program, so it is left out.
 */
const EMERGENCY_POOL_BYTES = 72_704;

/** What the program did, one entry an operation. */
interface Recorded {
  kind: "malloc" | "calloc" | "realloc" | "free";
  /** Serial number of the object that the operation makes, or frees. */
  object: number;
  sizeBytes: number;
  /** Of a realloc: the object that it replaces. */
  replaced: number;
}

/** Collects the operations line by line. */
class Reader {
  readonly operations: Recorded[] = [];
  /** Frees of what was allocated before the recording began. */
  orphanCount = 0;
  readonly #objectAt = new Map<bigint, number>();
  /** Index of the operation that made each object. */
  readonly #madeBy: number[] = [];
  /** For each object: index of the free on the line before its own, or -1. */
  readonly #freeBefore: number[] = [];
  /** Index of the free on the line before, or -1 when that was no free that counts. */
  #lastFree = -1;

  allocate(sizeBytes: number, pointer: bigint): void {
    if (this.operations.length === 0 && sizeBytes === EMERGENCY_POOL_BYTES) return;
    const object = this.#madeBy.push(this.operations.length) - 1;
    this.operations.push({ kind: "malloc", object, sizeBytes, replaced: -1 });
    this.#objectAt.set(pointer, object);
    this.#freeBefore.push(this.#lastFree);
    this.#lastFree = -1;
  }

  free(pointer: bigint): void {
    const mark = pointer & MARK_MASK;
    if (mark !== 0n) {
      this.#mark(pointer - mark, mark);
      return;
    }
    this.#lastFree = -1;
    const object = this.#objectAt.get(pointer);
    if (object === undefined) {
      this.orphanCount++;
      return;
    }
    this.#objectAt.delete(pointer);
    this.#lastFree = this.operations.length;
    this.operations.push({ kind: "free", object, sizeBytes: 0, replaced: -1 });
  }

  #mark(pointer: bigint, mark: bigint): void {
    const object = this.#objectAt.get(pointer);
    if (object === undefined)
      throw new Error(`a mark on ${pointer.toString(16)}, where nothing is allocated`);
    const made = this.operations[this.#madeBy[object]!]!;
    if (mark === MARK_CALLOC) {
      made.kind = "calloc";
    } else if (mark === MARK_REALLOC) {
      const before = this.operations[this.#freeBefore[object]!];
      if (before === undefined) return; // of an object from before the recording: for us, a malloc
      made.kind = "realloc";
      made.replaced = before.object;
      before.object = -1;
    } else {
      throw new Error(`mark ${mark} is not known`);
    }
  }
}

/** A recording as a stream, and what could not be followed in it. */
export interface ReadRecording {
  readonly stream: OperationStream;
  /** Frees of objects that the recording does not know, left out. */
  readonly orphanCount: number;
}

/** Reads the raw recording at `path`. O(lines). Rejects when it holds what no program does. */
export async function readHeaptrack(path: string): Promise<ReadRecording> {
  const reader = new Reader();
  const lines = createInterface({ input: createReadStream(path, "latin1"), crlfDelay: Infinity });
  for await (const line of lines) {
    const [sign, first = "", , third = ""] = line.split(" ");
    if (sign === "+") reader.allocate(Number.parseInt(first, 16), BigInt(`0x${third}`));
    else if (sign === "-") reader.free(BigInt(`0x${first}`));
  }
  const operations = reader.operations.filter(({ object }) => object !== -1);
  return { stream: toStream(operations), orphanCount: reader.orphanCount };
}

/** Gives each object a slot: the one that was vacated last, or a new one. */
function toStream(operations: readonly Recorded[]): OperationStream {
  const builder = new StreamBuilder(undefined, operations.length);
  const vacant: number[] = [];
  const slotOf: number[] = [];
  let slotCount = 0;
  builder.endSetup();
  for (const { kind, object, sizeBytes, replaced } of operations) {
    if (kind === "free") {
      builder.free(slotOf[object]!);
      vacant.push(slotOf[object]!);
    } else if (kind === "realloc") {
      slotOf[object] = slotOf[replaced]!;
      builder.realloc(slotOf[object], sizeBytes);
    } else {
      slotOf[object] = vacant.pop() ?? slotCount++;
      builder[kind](slotOf[object], sizeBytes);
    }
  }
  builder.endRoundAndFreeAll();
  return builder.finish();
}
