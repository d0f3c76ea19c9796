/**
 * Kills at every step, without killing anybody.
 *
 * What a killed thread leaves is the shared memory as it was at that moment. So the victim runs a copy of the library
 * that calls back before each statement, and whenever the tables have changed since the last call, they are copied: each
 * copy is what a kill there would have left. A survivor attaches to the copy, recovers the victim, and everything must be
 * as it should: no table wrong, no live object lost or changed, no slot lost or there twice.
 */
import { type Random } from "../model/random.ts";
import { fail, same } from "../model/driver.ts";
import { fillPayload, verifyPayload } from "../model/payload.ts";
import { DebugSharedHeap, type DebugSharedHeapHandle } from "../../src/debug/index.ts";
import type * as DebugLibrary from "../../src/debug/index.ts";
import type * as Library from "../../src/index.ts";
import { type AllocError, NONE, SharedHeap, type SharedHeapHandle, type SlabCache } from "../../src/index.ts";
import type { SteppedLibrary } from "./steps/instrument.ts";

/** The copy, loaded. */
export interface Stepped {
  /** The library's face, as the copy has it. */
  readonly library: typeof Library;
  /** `kmem/debug`, likewise. */
  readonly debug: typeof DebugLibrary;
  readonly hook: { onStep(number: number): void };
  readonly places: SteppedLibrary["places"];
}

/** Loads the copy. */
export async function loadStepped({ indexUrl, stepUrl, places }: SteppedLibrary): Promise<Stepped> {
  const library = (await import(indexUrl)) as typeof Library;
  const debug = (await import(indexUrl.replace(/index\.js$/, "debug/index.js"))) as typeof DebugLibrary;
  const { hook } = (await import(stepUrl)) as { hook: Stepped["hook"] };
  return { library, debug, hook, places };
}

/** An object that somebody holds. */
export interface Held {
  offset: number;
  byteLength: number;
  readonly id: number;
}

/** The state of a heap at one step. */
export interface Image {
  readonly handle: SharedHeapHandle;
  /** The step before which it was taken. */
  readonly step: number;
}

/** The buffers of a heap that are no bytes of its users. */
function tablesOf(handle: SharedHeapHandle): SharedArrayBuffer[] {
  const { guard } = handle as Partial<DebugSharedHeapHandle>;
  return guard === undefined ? [handle.tables] : [handle.tables, guard];
}

/** A copy of a heap's tables and bytes. */
function copyHeap(handle: SharedHeapHandle): SharedHeapHandle {
  const { byteLength, maxByteLength } = handle.buffer as SharedArrayBuffer & { maxByteLength: number };
  const buffer = new SharedArrayBuffer(byteLength, { maxByteLength });
  new Uint8Array(buffer).set(new Uint8Array(handle.buffer!));
  const [tables, guard] = tablesOf(handle).map((from) => {
    const to = new SharedArrayBuffer(from.byteLength);
    new Uint8Array(to).set(new Uint8Array(from));
    return to;
  });
  return { format: handle.format, tables: tables!, buffer, ...(guard !== undefined && { guard }) };
}

/** Another copy of an image, to do something with. */
export function copyImage({ handle, step }: Image): Image {
  return { handle: copyHeap(handle), step };
}

/** Steps that were passed, and how often each gave an image. */
export class Coverage {
  readonly passed = new Set<number>();
  readonly images = new Map<number, number>();
}

/**
 * Runs `action`, which does something with the stepped library on the heap of `handle`, and calls `onImage` with each
 * state it goes through. Of a step that comes again and again within one action, the first images are taken and then
 * one in a while, as `random` says.
 */
export function runWithImages(
  stepped: Stepped,
  handle: SharedHeapHandle,
  random: Random,
  coverage: Coverage,
  action: () => void,
  onImage: (image: Image) => void,
): void {
  const words = tablesOf(handle).map((buffer) => new Int32Array(buffer));
  const last = words.map((part) => part.slice());
  const taken = new Map<number, number>();
  const onStep = (step: number): void => {
    coverage.passed.add(step);
    const times = taken.get(step) ?? 0;
    if (times >= 2 && !random.chance(1 / (8 * times))) return;
    const isSame = words.every((part, index) => {
      return Buffer.compare(Buffer.from(part.buffer), Buffer.from(last[index]!.buffer)) === 0;
    });
    if (isSame) return;
    for (const [index, part] of words.entries()) last[index]!.set(part);
    taken.set(step, times + 1);
    coverage.images.set(step, (coverage.images.get(step) ?? 0) + 1);
    stepped.hook.onStep = () => undefined;
    onImage({ handle: copyHeap(handle), step });
    stepped.hook.onStep = onStep;
  };
  stepped.hook.onStep = onStep;
  try {
    action();
  } finally {
    stepped.hook.onStep = () => undefined;
  }
  onImage({ handle: copyHeap(handle), step: NONE });
}

/** What must be found in an image. */
export interface Expectation {
  /** The threads that died, first the one that was killed in the image. */
  readonly dead: readonly number[];
  /** Objects that the operation under way does not touch. */
  readonly untouched: readonly Held[];
  /** Objects of the dead threads among them. */
  readonly deadOwned: number;
  /** The fewest and the most objects that the operation under way may have beyond those, all of them the dead ones'. */
  readonly extra: readonly [fewest: number, most: number];
  /** Threads that live. */
  readonly living: readonly number[];
}

/** Recovers the dead in an image, by the library as it is, and holds it against what must be. */
export function verifyImage({ handle }: Image, expectation: Expectation): void {
  const Face = handle.format === "kmem-shared-heap" ? SharedHeap : DebugSharedHeap;
  const survivor = Face.attach(handle, { threadId: 3 });
  for (const dead of expectation.dead) survivor.recover(dead);
  survivor.check({ quiet: true });
  verifyHeap(survivor, expectation);
}

function verifyHeap(survivor: SharedHeap, { dead, untouched, deadOwned, extra, living }: Expectation): void {
  for (const { offset, byteLength, id } of untouched) {
    if (!survivor.owns(offset)) fail(`object ${id} at ${offset} is lost`);
    verifyPayload(survivor.buffer, offset, byteLength, id);
  }
  const { objects } = survivor.stats();
  const [fewest, most] = extra;
  if (objects < untouched.length + fewest || objects > untouched.length + most) {
    fail(`${objects} objects are alive, not ${untouched.length} and ${fewest} to ${most}`);
  }
  const freed = dead.reduce((sum, thread) => sum + survivor.freeOwnedBy(thread), 0);
  if (freed < deadOwned || freed > deadOwned + most) {
    fail(`the dead owned ${freed} objects, not ${deadOwned} and up to ${most}`);
  }
  survivor.check({ quiet: true });
  // Without owners, what the dead left cannot be told from what others have.
  if (survivor.recover(dead[0]!).owned === undefined) return;
  // When all the others have died as well, nothing may be left that nobody could have again.
  for (const thread of living) survivor.recover(thread);
  for (const thread of living) survivor.freeOwnedBy(thread);
  survivor.shrink();
  survivor.check({ quiet: true });
  const { objects: left, heldBytes } = survivor.stats();
  same("objects after freeing all", left, 0);
  same("heldBytes after freeing all", heldBytes, 0);
}

const SIZES = [1, 16, 40, 100, 200, 500, 1000, 2000, 5000, 8192, 9000, 20_000, 50_000];

/** One thread that a script lets do things: a heap object, what it holds, and its caches. */
export class Actor {
  readonly heap: SharedHeap;
  readonly held: Held[] = [];
  cache: SlabCache | undefined;

  constructor(heap: SharedHeap) {
    this.heap = heap;
  }
}

let lastId = 0;

/** Fills a new object with bytes of its own, and notes it. */
export function take(actor: Actor, offset: number, byteLength: number): void {
  if (offset === NONE) return;
  const id = ++lastId;
  fillPayload(actor.heap.buffer, offset, byteLength, id);
  actor.held.push({ offset, byteLength, id });
}

/** Takes an object out of what `actor` holds. */
function drop(actor: Actor, random: Random): Held | undefined {
  const index = random.below(actor.held.length);
  return actor.held.splice(index, 1)[0];
}

/** An operation: what it does, and, after it, what the model has to hear of it. */
export interface Operation {
  readonly name: string;
  /** The fewest and the most objects of those that it makes and those that it touches that a kill may leave. */
  readonly leaves: readonly [fewest: number, most: number];
  run(): void;
  settle(): void;
}

function nothing(name: string, run: () => void): Operation {
  return { name, leaves: [0, 0], run, settle: () => undefined };
}

/** An allocation of `actor` by `call`. */
export function allocation(actor: Actor, name: string, byteLength: number, call: () => number): Operation {
  let offset = NONE;
  return {
    name,
    leaves: [0, 1],
    run: () => {
      offset = call();
    },
    settle: () => take(actor, offset, byteLength),
  };
}

/** A free, by `actor`, of something that `owner` holds. */
function freeing(actor: Actor, owner: Actor, random: Random): Operation {
  const object = drop(owner, random);
  if (object === undefined) return nothing("shrink", () => actor.heap.shrink());
  return freeingOf(actor, object);
}

/** A free, by `actor`, of an object that was taken out of what somebody holds. */
export function freeingOf(actor: Actor, object: Held): Operation {
  return {
    name: `free(${object.byteLength})`,
    leaves: [0, 1],
    run: () => actor.heap.free(object.offset),
    settle: () => undefined,
  };
}

function reallocation(actor: Actor, random: Random): Operation {
  const object = drop(actor, random);
  if (object === undefined || object.byteLength < 4096) {
    if (object !== undefined) actor.held.push(object);
    return allocation(actor, "malloc(30000)", 30_000, () => actor.heap.tryMalloc(30_000));
  }
  const byteLength = random.chance(0.5)
    ? random.pick(SIZES)
    : object.byteLength + 4096 * random.between(-1, 2);
  return reallocationOf(actor, object, byteLength);
}

/** A realloc of an object that was taken out of what `actor` holds. */
export function reallocationOf(actor: Actor, object: Held, byteLength: number): Operation {
  let offset = object.offset;
  return {
    name: `realloc(${object.byteLength} to ${byteLength})`,
    // The old place is kept until the new one has the bytes.
    leaves: [1, 2],
    run: () => {
      try {
        offset = actor.heap.realloc(object.offset, byteLength);
      } catch (error) {
        if (!(error instanceof Error) || (error as AllocError).code !== "OUT_OF_MEMORY") throw error;
        offset = NONE;
      }
    },
    settle: () => {
      if (offset === NONE) actor.held.push(object);
      else take(actor, offset, byteLength);
    },
  };
}

function cacheOperation(actor: Actor, random: Random): Operation {
  const { heap, cache } = actor;
  if (cache === undefined) {
    const name = `cache-${++lastId}`;
    return nothing("createCache", () => {
      actor.cache = heap.createCache({ name, objectSize: random.pick([24, 300, 3000]) });
    });
  }
  if (random.chance(0.7))
    return allocation(actor, "cache.allocate", cache.objectSize, () => cache.tryAllocate());
  return nothing("destroy", () => {
    try {
      cache.destroy();
      actor.cache = undefined;
    } catch (error) {
      if ((error as AllocError).code !== "IN_USE") throw error;
    }
  });
}

/** A random operation of `actor`, beside `other`, whose objects it may free. */
export function randomOperation(actor: Actor, other: Actor, random: Random, pressure: number): Operation {
  const { heap } = actor;
  if (random.chance(0.04)) return nothing("shrink", () => heap.shrink());
  if (random.chance(0.03))
    return nothing("grow", () => heap.grow(Math.min(heap.maxSize, heap.size + heap.pageSize)));
  if (random.chance(0.1)) return cacheOperation(actor, random);
  if (random.chance(0.12)) return reallocation(actor, random);
  if (!random.chance(pressure)) return freeing(actor, random.chance(0.3) ? other : actor, random);
  const byteLength = random.pick(SIZES);
  if (random.chance(0.15)) {
    const align = 2 ** random.between(5, 14);
    return allocation(actor, `malloc(${byteLength}, ${align})`, byteLength, () =>
      heap.tryMalloc(byteLength, align),
    );
  }
  return allocation(actor, `malloc(${byteLength})`, byteLength, () => heap.tryMalloc(byteLength));
}
