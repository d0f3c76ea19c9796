/**
 * Random operations on a `SharedHeap` or `DebugSharedHeap` by several attachments in turn, in one isolate: what one makes,
 * another frees. Now and then one leaves, or is declared dead and recovered, and its number goes to another. In a heap for
 * debugging, one writes where it must not, and the error that is to tell so is looked for.
 */
import { DebugSharedHeap, type SharedDebugOptions } from "../../src/debug/index.ts";
import {
  type AllocErrorCode,
  NONE,
  OutOfMemoryError,
  SharedHeap,
  type SharedHeapHandle,
  type SharedHeapOptions,
} from "../../src/index.ts";
import { type Driver, expectRefusal, fail, same, checkSome } from "./driver.ts";
import { fillPayload, verifyPayload, verifyZero } from "./payload.ts";
import type { Random } from "./random.ts";
import { SpaceModel } from "./space-model.ts";
import { wasmMemory } from "./backings.ts";

const ATTACHMENT_COUNT = 3;
const WASM_PAGE = 65536;

/** Something allocated. */
interface SharedObject {
  readonly id: number;
  offset: number;
  usable: number;
  /** The number of the thread that made it; NONE once that one has left. */
  maker: number;
}

/** What the heap for debugging does: nothing that hides what a model of its offsets knows. */
function randomDebugOptions(random: Random): SharedDebugOptions {
  return {
    sample: random.pick([0, 1, 1, 1, 2, 7]),
    redZone: random.pick([16, 16, 48]),
    fill: random.chance(0.8),
    quarantine: { objects: random.chance(0.2) ? 0 : random.upTo(64), bytes: random.upTo(2 ** 16) },
    track: random.chance(0.1) ? 8 : 0,
    seed: random.below(1000),
    ...(random.chance(0.2) && { fail: { probability: 0.05, seed: random.below(1000) } }),
  };
}

export class SharedDriver implements Driver {
  readonly description: string;
  readonly code: readonly string[];
  readonly names: Readonly<Record<string, object>>;
  readonly #random: Random;
  readonly #options: SharedHeapOptions;
  /** Of a heap for debugging; undefined for any other. */
  readonly #debug: SharedDebugOptions | undefined;
  readonly #heaps: SharedHeap[];
  readonly #objects: SharedObject[] = [];
  readonly #space: SpaceModel;
  readonly #checkInterval: number;
  #operation = 0;
  #lastId = 0;
  #pressure = 0.6;
  /** In a phase in which one allocates what another frees, of one size: who, and how many bytes; else undefined. */
  #flow: { maker: number; freer: number; byteLength: number } | undefined;

  /** check() and the figures come once in `checkInterval` operations. */
  constructor(random: Random, byteLimit: number, checkInterval: number, isDebug = false) {
    this.#random = random;
    this.#checkInterval = checkInterval;
    const { options, code } = randomOptions(random, byteLimit);
    this.#options = options;
    this.#debug = isDebug ? randomDebugOptions(random) : undefined;
    const first = this.#create();
    this.#heaps = [first];
    while (this.#heaps.length < ATTACHMENT_COUNT) {
      this.#heaps.push(this.#attach(structuredClone(first.handle)));
    }
    const { base, size, maxSize, pageSize } = first;
    this.#space = new SpaceModel(base, maxSize, 16);
    const [heap1, heap2, heap3] = this.#heaps as [SharedHeap, SharedHeap, SharedHeap];
    this.names = { heap1, heap2, heap3 };
    const face = isDebug ? "DebugSharedHeap" : "SharedHeap";
    const debug = isDebug ? `, debug: ${JSON.stringify(this.#debug)}` : "";
    const attach = (number: number): string => `const heap${number} = ${face}.attach(heap1.handle);`;
    this.code = [`const heap1 = ${face}.create({ ...${code}${debug} });`, attach(2), attach(3)];
    const { zero, trackOwners } = options;
    const kind = options.memory === undefined ? "buffer" : "memory";
    const facts = { base, size, maxSize, pageSize, zero, trackOwners, debug: this.#debug };
    this.description = `${face} on a ${kind} ${JSON.stringify(facts)}`;
  }

  #create(): SharedHeap {
    const debug = this.#debug;
    return debug === undefined
      ? SharedHeap.create(this.#options)
      : DebugSharedHeap.create({ ...this.#options, debug });
  }

  #attach(handle: SharedHeapHandle): SharedHeap {
    return this.#debug === undefined ? SharedHeap.attach(handle) : DebugSharedHeap.attach(handle);
  }

  step(): void {
    const random = this.#random;
    if (this.#operation++ % 256 === 0) this.#changePhase();
    const heap = random.pick(this.#heaps);
    const isThorough = this.#operation % this.#checkInterval === 0;
    if (random.chance(0.02)) this.#misuse(heap, isThorough);
    else if (random.chance(0.03)) this.#changeHeap(heap);
    else if (this.#debug?.sample === 1 && random.chance(0.04) && this.#objects.length > 0) this.#spoil(heap);
    else if (random.chance(0.01)) this.#replace();
    else if (random.chance(this.#pressure)) this.#allocate(this.#heaps[this.#flow?.maker ?? NONE] ?? heap);
    else if (this.#objects.length > 0) this.#change(this.#heaps[this.#flow?.freer ?? NONE] ?? heap);
    checkSome(this.#operation, (step) => {
      const checker = this.#heaps[this.#operation % ATTACHMENT_COUNT]!;
      checker.check({ ...step, quiet: this.#operation % 3 === 0 });
    });
    if (isThorough) this.#compare();
  }

  finish(): void {
    while (this.#objects.length > 0) this.#free(this.#random.pick(this.#heaps), 0);
    // What leaves one's quarantine may go home to another, who has shrunk already.
    for (const heap of [...this.#heaps, ...this.#heaps]) heap.shrink();
    this.#compare();
    same("heldBytes after freeing all", this.#heaps[0]!.stats().heldBytes, 0);
  }

  #changePhase(): void {
    const random = this.#random;
    this.#pressure = random.pick([0.3, 0.5, 0.6, 0.8]);
    const maker = random.below(ATTACHMENT_COUNT);
    const freer = (maker + 1) % ATTACHMENT_COUNT;
    this.#flow = random.chance(0.4) ? { maker, freer, byteLength: random.upTo(500) } : undefined;
  }

  #randomLength(heap: SharedHeap): number {
    if (this.#flow !== undefined) return this.#flow.byteLength;
    const limit = this.#random.pick([64, 512, 512, 8200, 8200, heap.maxSize >> 3]);
    return this.#random.upTo(Math.max(1, limit));
  }

  #allocate(heap: SharedHeap): void {
    const byteLength = this.#randomLength(heap);
    const align = this.#random.chance(0.15) ? 2 ** this.#random.below(15) : 16;
    const offset = this.#random.chance(0.1)
      ? orNone(() => heap.calloc(1, byteLength))
      : heap.tryMalloc(byteLength, align === 16 ? undefined : align);
    if (offset === NONE) return;
    if (this.#options.zero === true) verifyZero(heap.buffer, offset, byteLength);
    const id = ++this.#lastId;
    this.#take(heap, { id, offset, usable: heap.usableSize(offset), maker: heap.threadId }, byteLength);
  }

  #take(heap: SharedHeap, object: SharedObject, byteLength: number): void {
    if (object.usable < byteLength) fail(`${object.usable} bytes are usable, ${byteLength} were asked for`);
    this.#space.claim(object.offset, object.usable, object.id);
    fillPayload(heap.buffer, object.offset, object.usable, object.id);
    this.#objects.push(object);
  }

  #change(heap: SharedHeap): void {
    const index = this.#random.below(this.#objects.length);
    if (this.#random.chance(0.15)) this.#realloc(heap, index);
    else this.#free(heap, index);
  }

  #realloc(heap: SharedHeap, index: number): void {
    const object = this.#objects[index]!;
    const byteLength = this.#randomLength(heap);
    const before = object.offset;
    const offset = orNone(() => heap.realloc(before, byteLength));
    if (offset === NONE) return verifyPayload(heap.buffer, before, object.usable, object.id);
    verifyPayload(heap.buffer, offset, Math.min(object.usable, byteLength), object.id);
    this.#remove(index);
    const usable = heap.usableSize(offset);
    const maker = offset === before ? object.maker : heap.threadId;
    this.#take(heap, { id: object.id, offset, usable, maker }, byteLength);
  }

  /** Forgets an object that was freed or moved. */
  #remove(index: number): void {
    const { offset, usable } = this.#objects[index]!;
    this.#space.release(offset, usable);
    this.#objects[index] = this.#objects.at(-1)!;
    this.#objects.pop();
  }

  #free(heap: SharedHeap, index: number): void {
    const { offset, usable, id } = this.#objects[index]!;
    verifyPayload(heap.buffer, offset, usable, id);
    heap.free(offset);
    this.#remove(index);
    for (const each of this.#heaps) same("owns, after free", each.owns(offset), false);
  }

  #misuse(heap: SharedHeap, isThorough: boolean): void {
    const figures = (): unknown => {
      const { objects, usedBytes, heldBytes, largeObjects, buddy } = heap.stats();
      return [objects, usedBytes, heldBytes, largeObjects, buddy.freeBlocks];
    };
    const state = (): string => JSON.stringify(isThorough ? [heap.stats(), heap.snapshot()] : figures());
    const other = this.#random.pick(this.#heaps);
    const offset = other.tryMalloc(this.#random.pick([1, 100, 3000, 20_000]));
    if (offset === NONE) return;
    const inside = offset + 16 * this.#random.between(0, 1) + 1;
    expectRefusal(`free(${inside}), inside an object`, ["INVALID_FREE"], () => heap.free(inside), state);
    other.free(offset);
    const codes = ["DOUBLE_FREE", "INVALID_FREE"] as const;
    expectRefusal("a double free", codes, () => heap.free(offset), state);
  }

  /** Writes a byte behind, before, or into an object that was freed; it is told, and all is well when it is put back. */
  #spoil(heap: SharedHeap): void {
    const random = this.#random;
    const index = random.below(this.#objects.length);
    const { offset, usable } = this.#objects[index]!;
    const { redZone = 16, fill = true, quarantine } = this.#debug!;
    if (random.chance(0.6)) {
      const place = random.chance(0.5) ? offset + usable : offset - 1;
      const bytes = new Uint8Array(heap.buffer);
      const call = random.chance(0.5) ? () => heap.free(offset) : () => void heap.check({ quiet: true });
      this.#expectTold(bytes, place, "OVERFLOW", call);
      return;
    }
    // A quarantine does not take what is larger than all of it: see `debug-driver.ts`. An alignment makes a place larger.
    const mostBytes = 1.25 * (usable + 2 * redZone + 64) + 2 ** 15 + heap.pageSize;
    const isKept = mostBytes < (quarantine?.bytes ?? 0) && (quarantine?.objects ?? 0) > 0;
    if (!fill || !isKept || usable === 0) return;
    this.#free(heap, index);
    const bytes = new Uint8Array(heap.buffer);
    const place = offset + random.below(usable);
    this.#expectTold(bytes, place, "USE_AFTER_FREE", () => void heap.check({ quiet: true }));
  }

  #expectTold(bytes: Uint8Array, place: number, code: AllocErrorCode, call: () => void): void {
    const before = bytes[place]!;
    const state = (): string => JSON.stringify(this.#heaps.map((heap) => heap.stats()));
    bytes[place] = before ^ 1;
    expectRefusal(`byte ${place} was written`, [code], call, state);
    same(`byte ${place}, put right`, bytes[place], before);
  }

  #changeHeap(heap: SharedHeap): void {
    if (this.#random.chance(0.6)) return heap.shrink();
    const size = this.#random.between(heap.size, heap.maxSize);
    orNone(() => {
      heap.grow(size);
      return 0;
    });
    for (const each of this.#heaps) same("size", each.size, heap.size);
  }

  /** Lets one attachment leave or die, and another take its place. */
  #replace(): void {
    const index = this.#random.below(ATTACHMENT_COUNT);
    const leaver = this.#heaps[index]!;
    const { threadId } = leaver;
    const rest = this.#heaps.filter((heap) => heap !== leaver);
    if (this.#random.chance(0.5)) leaver.detach();
    else {
      const heir = this.#random.pick(rest);
      const { owned } = heir.recover(threadId);
      if (this.#options.trackOwners === true) this.#inherit(heir, threadId, owned);
    }
    for (const object of this.#objects) if (object.maker === threadId) object.maker = NONE;
    this.#heaps[index] = this.#attach(rest[0]!.handle);
    same("the number of who comes next", this.#heaps[index].threadId, threadId);
  }

  /** Holds what a dead thread owned against the model, and frees it. */
  #inherit(heir: SharedHeap, threadId: number, owned: { objects: number; bytes: number } | undefined): void {
    const theirs = this.#objects.filter(({ maker }) => maker === threadId);
    same("objects of the dead", owned?.objects, theirs.length);
    same(
      "bytes of the dead",
      owned?.bytes,
      theirs.reduce((sum, { usable }) => sum + usable, 0),
    );
    for (const { offset, usable, id } of theirs) verifyPayload(heir.buffer, offset, usable, id);
    same("objects freed", heir.freeOwnedBy(threadId), theirs.length);
    for (const object of theirs) this.#remove(this.#objects.indexOf(object));
  }

  #compare(): void {
    const heap = this.#heaps[this.#operation % ATTACHMENT_COUNT]!;
    heap.check({ quiet: true });
    const { objects, usedBytes, heldBytes } = heap.stats();
    same("objects", objects, this.#objects.length);
    const used = this.#objects.reduce((sum, { usable }) => sum + usable, 0);
    if (this.#debug === undefined) same("usedBytes", usedBytes, used);
    else if (usedBytes < used) fail(`usedBytes is ${usedBytes}, and ${used} are`);
    if (heap instanceof DebugSharedHeap && this.#debug?.sample === 1) {
      same(
        "guarded allocations that live",
        [...heap.leaks()].reduce((sum, leak) => sum + leak.objects, 0),
        objects,
      );
    }
    if (heldBytes < used || heldBytes > heap.size) fail(`heldBytes is ${heldBytes}`);
  }
}

/** Options, and how they are written in a program. */
function randomOptions(random: Random, byteLimit: number): { options: SharedHeapOptions; code: string } {
  const pageSize = 2 ** random.between(9, 13);
  const rest = {
    pageSize,
    maxThreads: ATTACHMENT_COUNT,
    maxCaches: 1,
    zero: random.chance(0.2),
    trackOwners: random.chance(0.5),
  };
  if (random.chance(0.3)) {
    const initial = random.between(1, 2);
    const maximum = Math.max(2, byteLimit / WASM_PAGE);
    const maxSize = maximum * WASM_PAGE;
    const options = { ...rest, maxSize };
    const memory = wasmMemory({ initial, maximum, shared: true });
    const code = `memory: new WebAssembly.Memory({ initial: ${initial}, maximum: ${maximum}, shared: true })`;
    return { options: { ...options, memory }, code: `{ ...${JSON.stringify(options)}, ${code} }` };
  }
  const size = random.between(byteLimit / 4, byteLimit);
  const base = random.chance(0.5) ? 0 : random.below(4 * pageSize);
  const options = { ...rest, size, base, maxSize: random.between(size, byteLimit) };
  return { options, code: JSON.stringify(options) };
}

function orNone(call: () => number): number {
  try {
    return call();
  } catch (error) {
    if (error instanceof OutOfMemoryError) return NONE;
    throw error;
  }
}
