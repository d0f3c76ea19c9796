/**
 * Random operations on a `DebugHeap` with random options: what it hands out is held against a plain model, and each byte that
 * is written where it must not be, against the error that is to tell so.
 */
import { DebugHeap, type DebugHeapOptions, type DebugOptions } from "../../src/debug/index.ts";
import { type AllocErrorCode, NONE, OutOfMemoryError } from "../../src/index.ts";
import {
  type Driver,
  expectArgumentError,
  expectRefusal,
  fail,
  NOT_INTEGERS,
  same,
  checkSome,
} from "./driver.ts";
import { fillPayload, verifyPayload, verifyZero } from "./payload.ts";
import type { Random } from "./random.ts";
import { SpaceModel } from "./space-model.ts";

interface DebugObject {
  readonly id: number;
  offset: number;
  usable: number;
  /** True while its place is no larger than its bytes need: it was aligned to 16, and not made smaller where it is. */
  isSnug: boolean;
}

const STEPS = { allocate: 50, free: 36, realloc: 8, spoil: 4, misuse: 2, shrink: 1, reset: 0.2 };

function randomDebugOptions(random: Random): DebugOptions {
  return {
    sample: random.pick([0, 1, 1, 1, 2, 7]),
    redZone: random.pick([0, 16, 16, 48]),
    fill: random.chance(0.7),
    quarantine: { objects: random.chance(0.3) ? 0 : random.upTo(64), bytes: random.upTo(2 ** 16) },
    remember: random.upTo(64),
    track: random.chance(0.1) ? 8 : 0,
    randomSlots: random.chance(0.3),
    seed: random.below(1000),
    ...(random.chance(0.2) ? { fail: { probability: 0.05, seed: random.below(1000) } } : {}),
    ...(random.chance(0.2) ? { limitBytes: random.upTo(2 ** 16) } : {}),
  };
}

export class DebugDriver implements Driver {
  readonly description: string;
  readonly code: readonly string[];
  readonly names: Readonly<Record<string, object>>;
  readonly #random: Random;
  readonly #heap: DebugHeap;
  readonly #options: DebugHeapOptions;
  readonly #debug: DebugOptions;
  readonly #bytes: Uint8Array;
  readonly #space: SpaceModel;
  readonly #objects: DebugObject[] = [];
  readonly #checkInterval: number;
  #operation = 0;
  #lastId = 0;
  #pressure = 0.6;

  /** check() and the figures come once in `checkInterval` operations. */
  constructor(random: Random, byteLimit: number, checkInterval: number) {
    this.#random = random;
    this.#checkInterval = checkInterval;
    const buffer = new ArrayBuffer(byteLimit / 4 + random.below(byteLimit));
    const pageSize = 2 ** random.between(10, 13);
    const base = random.chance(0.5) ? 0 : pageSize;
    const debug = randomDebugOptions(random);
    const rest = { pageSize, base, zero: random.chance(0.2), debug };
    this.#debug = debug;
    this.#options = { buffer, ...rest };
    this.#heap = DebugHeap.create(this.#options);
    this.#bytes = new Uint8Array(buffer);
    this.#space = new SpaceModel(this.#heap.base, this.#heap.maxSize, 16);
    const text = JSON.stringify(rest);
    this.description = `DebugHeap on ${buffer.byteLength} bytes ${text}`;
    this.code = [
      `const heap = DebugHeap.create({ buffer: new ArrayBuffer(${buffer.byteLength}), ...${text} });`,
    ];
    this.names = { heap: this.#heap };
  }

  step(): void {
    const random = this.#random;
    if (this.#operation++ % 256 === 0) this.#pressure = random.pick([0.3, 0.5, 0.6, 0.8]);
    const kind = random.weighted(STEPS);
    if (kind === "shrink") this.#heap.shrink();
    else if (kind === "reset") this.#reset();
    else if (kind === "misuse") this.#misuse();
    else if (random.chance(this.#pressure) || this.#objects.length === 0) this.#allocate();
    else if (kind === "realloc") this.#realloc(random.pick(this.#objects));
    else if (kind === "spoil") this.#spoil(random.pick(this.#objects));
    else this.#free(random.pick(this.#objects));
    checkSome(this.#operation, (step) => this.#heap.check(step));
    if (this.#operation % this.#checkInterval === 0) this.#compare();
  }

  finish(): void {
    while (this.#objects.length > 0) this.#free(this.#objects.at(-1)!);
    same("leaks", this.#heap.leaks().length, 0);
    this.#heap.shrink();
    this.#compare();
    same("heldBytes after freeing all", this.#heap.stats().heldBytes, 0);
  }

  #randomLength(): number {
    const random = this.#random;
    const limit = random.pick([64, 512, 512, 8200, 8200, this.#heap.maxSize >> 2]);
    return random.chance(0.02) ? 0 : random.upTo(Math.max(1, limit));
  }

  #allocate(): void {
    const random = this.#random;
    const byteLength = this.#randomLength();
    const align = random.chance(0.15) ? 2 ** random.below(13) : 16;
    const isCleared = random.chance(0.1);
    let offset: number = NONE;
    try {
      if (isCleared) offset = this.#heap.calloc(1, byteLength);
      else if (random.chance(0.5)) offset = this.#heap.malloc(byteLength, align === 16 ? undefined : align);
      else offset = this.#heap.tryMalloc(byteLength, align === 16 ? undefined : align);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
    }
    if (offset === NONE) return;
    if (isCleared || this.#options.zero === true) verifyZero(this.#bytes.buffer, offset, byteLength);
    this.#take(
      { id: ++this.#lastId, offset, usable: 0, isSnug: true },
      byteLength,
      isCleared ? 16 : Math.max(16, align),
    );
  }

  #take(object: DebugObject, byteLength: number, align: number): void {
    object.usable = this.#heap.usableSize(object.offset);
    if (object.offset % align !== 0) fail(`offset ${object.offset} is not aligned to ${align}`);
    if (object.usable < byteLength) fail(`${object.usable} bytes are usable, ${byteLength} were asked for`);
    if (this.#isWhole && object.usable !== byteLength)
      fail(`${object.usable} bytes of a guarded ${byteLength}`);
    same("owns", this.#heap.owns(object.offset), true);
    object.isSnug = align === 16;
    this.#space.claim(object.offset, Math.max(1, object.usable), object.id);
    fillPayload(this.#bytes.buffer, object.offset, object.usable, object.id);
    this.#objects.push(object);
  }

  get #isWhole(): boolean {
    return this.#debug.sample === 1;
  }

  #remove(object: DebugObject): void {
    this.#space.release(object.offset, Math.max(1, object.usable));
    const index = this.#objects.indexOf(object);
    this.#objects[index] = this.#objects.at(-1)!;
    this.#objects.pop();
  }

  #realloc(object: DebugObject): void {
    const byteLength = this.#randomLength();
    const { offset, usable, id } = object;
    let moved: number;
    try {
      moved = this.#heap.realloc(offset, byteLength);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      verifyPayload(this.#bytes.buffer, offset, usable, id);
      same("owns, after a realloc that failed", this.#heap.owns(offset), true);
      return;
    }
    verifyPayload(this.#bytes.buffer, moved, Math.min(usable, byteLength), id);
    this.#remove(object);
    object.offset = moved;
    this.#take(object, byteLength, moved === offset ? 1 : 16);
  }

  #free(object: DebugObject): void {
    const { offset, usable, id } = object;
    verifyPayload(this.#bytes.buffer, offset, usable, id);
    this.#heap.free(offset);
    this.#remove(object);
    same("owns, after free", this.#heap.owns(offset), false);
    if (this.#random.chance(0.05)) {
      const codes = ["DOUBLE_FREE", "INVALID_FREE"] as const;
      expectRefusal("a double free", codes, () => this.#heap.free(offset), this.#state);
    }
  }

  /** Writes a byte behind, before, or into an object that was freed; it is told, and all is well when it is put back. */
  #spoil(object: DebugObject): void {
    const { redZone = 16, fill = true, quarantine } = this.#debug;
    if (!this.#isWhole) return;
    const random = this.#random;
    const { offset, usable } = object;
    if (redZone > 0 && random.chance(0.6)) {
      const place = random.chance(0.5) ? offset + usable : offset - 1;
      this.#expectTold(place, "OVERFLOW", () => this.#heap.free(offset));
      this.#expectTold(place, "OVERFLOW", () => this.#heap.check());
      return;
    }
    // A quarantine does not take what is larger than all of it: with its red zones, and rounded up to a slot, by a quarter
    // at most, or to pages; a few bytes may lie in a larger place still.
    const mostBytes = 1.25 * (usable + 2 * redZone + 64) + this.#heap.pageSize;
    const isKept = mostBytes < (quarantine?.bytes ?? 0) && (quarantine?.objects ?? 0) > 0;
    if (!fill || !isKept || usable === 0 || !object.isSnug) return;
    this.#free(object);
    this.#expectTold(offset + random.below(usable), "USE_AFTER_FREE", () => this.#heap.check());
  }

  #expectTold(place: number, code: AllocErrorCode, call: () => void): void {
    const before = this.#bytes[place]!;
    this.#bytes[place] = before ^ 1;
    expectRefusal(`byte ${place} was written`, [code], call, this.#state);
    this.#bytes[place] = before;
  }

  #reset(): void {
    this.#heap.reset();
    this.#objects.length = 0;
    this.#space.cells.fill(0);
    same("leaks after a reset", this.#heap.leaks().length, 0);
  }

  #misuse(): void {
    const random = this.#random;
    const wrong = random.pick(NOT_INTEGERS);
    expectArgumentError("byteLength", () => this.#heap.malloc(wrong), this.#state);
    expectRefusal(`free(${wrong})`, ["INVALID_FREE"], () => this.#heap.free(wrong), this.#state);
    if (this.#objects.length === 0) return;
    const { offset, usable } = random.pick(this.#objects);
    if (usable < 2) return;
    const inside = offset + random.between(1, usable - 1);
    // Something that is remembered may have begun there.
    const codes = ["INVALID_FREE", "DOUBLE_FREE"] as const;
    expectRefusal(`free(${inside})`, codes, () => this.#heap.free(inside), this.#state);
    expectRefusal(`realloc(${inside})`, ["NOT_ALLOCATED"], () => this.#heap.realloc(inside, 1), this.#state);
  }

  #compare(): void {
    this.#heap.check();
    same("objects", this.#heap.stats().objects, this.#objects.length);
    if (this.#isWhole)
      same(
        "guarded allocations that live",
        this.#heap.leaks().reduce((sum, { objects }) => sum + objects, 0),
        this.#objects.length,
      );
  }

  readonly #state = (): string => {
    const { objects, usedBytes, heldBytes, quarantinedObjects, buddy } = this.#heap.stats();
    return JSON.stringify([objects, usedBytes, heldBytes, quarantinedObjects, buddy.freeBlocks]);
  };
}
