/** What a row of the safety table is: a misuse, and what becomes of it by default and in debug mode. */
import { Heap } from "kmem";
import { DebugHeap, DebugSharedHeap } from "kmem/debug";
import { wasmMemory } from "../model/backings.ts";

export const PAGE = 4096;

/** What becomes of a misuse. */
export type Outcome =
  /** An error is thrown: an `AllocError` by its code, another by its name; and the first line of its message. */
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  /** Nothing is thrown, but what the misuse returns shows it at a look. */
  | { readonly kind: "seen"; readonly value: unknown; readonly what: string }
  /** It is no misuse: what it does is defined. */
  | { readonly kind: "allowed"; readonly what: string }
  /** Nothing tells of it; why. */
  | { readonly kind: "not"; readonly why: string };

/** The outcome of an error. */
export const throws = (code: string, message: string): Outcome => ({ kind: "error", code, message });
/** The outcome of a value that shows the misuse. */
export const sees = (value: unknown, what: string): Outcome => ({ kind: "seen", value, what });
/** The outcome of what may be done. */
export const allowed = (what: string): Outcome => ({ kind: "allowed", what });
/** The outcome of what is not caught. */
export const not = (why: string): Outcome => ({ kind: "not", why });

/** One misuse. */
export interface Row {
  readonly group: string;
  readonly name: string;
  /** Does it. What it returns is what can be seen of it. */
  readonly misuse: (scene: Scene) => unknown;
  readonly byDefault: Outcome;
  readonly inDebug: Outcome;
  /** In a shared heap for debugging, where that is not the same. */
  readonly inSharedDebug?: Outcome;
  /** True where the heap is to be in a WebAssembly memory. */
  readonly hasMemory?: boolean;
  /** True where the heap has lost its bytes after the misuse, and can only be asked. */
  readonly endsBytes?: boolean;
}

/** The heaps that rows are tried on. */
export type SceneKind = "plain" | "debug" | "shared";

/** A heap to misuse, with bytes, and letters for the offsets that messages name. */
export class Scene {
  readonly kind: SceneKind;
  readonly heap: Heap;
  readonly #letters = new Map<number, string>();

  constructor(kind: SceneKind, hasMemory: boolean) {
    this.kind = kind;
    this.heap = heapOf(kind, hasMemory);
  }

  /** Whether the heap is for debugging. */
  get isDebug(): boolean {
    return this.kind !== "plain";
  }

  /** The heap's bytes as they are now. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.heap.buffer as ArrayBuffer);
  }

  /** The heap, where it is one for debugging. */
  get debugHeap(): DebugHeap {
    return this.heap as DebugHeap;
  }

  /** Checks the heap, which no other thread uses. */
  check(): void {
    if (this.heap instanceof DebugSharedHeap) this.heap.check({ quiet: true });
    else this.heap.check();
  }

  /** Gives `offset` a letter, by which messages are compared and shown; returns it. */
  mark(letter: string, offset: number): number {
    this.#letters.set(offset, letter);
    return offset;
  }

  /** As `malloc`, in a slot that does not begin a page: what is wrong with an offset there is told otherwise. */
  mallocInPage(letter: string, byteLength: number): number {
    const first = this.heap.malloc(byteLength);
    const offset = this.malloc(letter, byteLength);
    this.heap.free(first);
    return offset;
  }

  /** `malloc`, marked. */
  malloc(letter: string, byteLength: number): number {
    return this.mark(letter, this.heap.malloc(byteLength));
  }

  /** Allocates and frees, elsewhere, so often that what is in quarantine leaves it. */
  churn(byteLength = 2000): void {
    for (let count = 0; count < 300; count++) this.heap.free(this.heap.malloc(byteLength));
  }

  /** Allocates where what was freed last lay, and has left the quarantine; marked. */
  mallocAgain(letter: string, byteLength: number, place: number): number {
    this.churn();
    const offset = this.malloc(letter, byteLength);
    if (Math.abs(offset - place) > 16) throw new Error(`${offset} is not where ${place} was`);
    return offset;
  }

  /** The first line of a message, with letters in place of offsets. */
  lettered(message: string): string {
    const line = message.split("\n")[0]!;
    // Not the bounds of the heap, which are some allocation's offset too.
    return line.replace(/(from |to )?\d+/g, (number) => this.#letters.get(Number(number)) ?? number);
  }
}

function heapOf(kind: SceneKind, hasMemory: boolean): Heap {
  // Not at 0, so that no small number in a message is an offset by chance.
  const base = 16 * PAGE;
  const maxSize = 160 * PAGE;
  if (kind === "shared") {
    const shared = { base, maxSize, maxThreads: 1 };
    return hasMemory
      ? DebugSharedHeap.create({ ...shared, memory: wasmMemory({ initial: 10, maximum: 20, shared: true }) })
      : DebugSharedHeap.create({ ...shared, buffer: new SharedArrayBuffer(maxSize) });
  }
  const place = hasMemory
    ? { base, memory: wasmMemory({ initial: 10, maximum: 20 }), maxSize }
    : { base, buffer: new ArrayBuffer(maxSize) };
  return kind === "debug" ? DebugHeap.create(place) : new Heap(place);
}
