/** Random operations on two `SlabCache`s and raw pages of one `BuddyAllocator`, with bytes of the driver's own. */
import { BuddyAllocator, NONE, OutOfMemoryError, SlabCache } from "../../src/index.ts";
import {
  type Driver,
  expectArgumentError,
  expectRefusal,
  fail,
  NOT_INTEGERS,
  same,
  checkSome,
} from "./driver.ts";
import { fillPayload, verifyPayload } from "./payload.ts";
import type { Random } from "./random.ts";
import { SpaceModel } from "./space-model.ts";

interface SlabObject {
  id: number;
  offset: number;
}

/** A cache and what the driver knows of it. */
interface Subject {
  cache: SlabCache;
  align: number;
  objects: SlabObject[];
  /** Slots that `construct` was called for, of slabs that are still there; undefined without `construct`. */
  constructed: Set<number> | undefined;
  magazineSize: number;
}

const ALLOCATIONS = { plain: 40, trying: 50, bulk: 10 };
const MISUSES = { inside: 4, foreign: 3, raw: 2, number: 3, bulk: 3, destroy: 1, count: 1 };
/** Higher bases are the business of other tests: the time that check() takes grows with the end of the space. */
const BASE_LIMIT = 2 ** 18;

export class SlabDriver implements Driver {
  readonly description: string;
  readonly code: readonly string[];
  readonly names: Readonly<Record<string, object>>;
  readonly #random: Random;
  readonly #buddy: BuddyAllocator;
  readonly #bytes: ArrayBuffer;
  readonly #space: SpaceModel;
  readonly #subjects: Subject[] = [];
  readonly #rawBlocks: number[] = [];
  readonly #checkInterval: number;
  #operation = 0;
  #lastId = 0;
  #pressure = 0.6;

  /** check() comes once in `checkInterval` operations. */
  constructor(random: Random, byteLimit: number, checkInterval: number) {
    this.#random = random;
    const pageSize = 2 ** random.between(3, Math.log2(byteLimit) - 2);
    // The smallest slab has 32 slots of one byte.
    const pageCount = random.between(Math.ceil(32 / pageSize), byteLimit / pageSize);
    const basePages = random.chance(0.5) ? 0 : random.below(BASE_LIMIT / pageSize);
    const base = basePages * pageSize;
    const maxSize = pageCount * pageSize;
    const size = random.chance(0.5) ? maxSize : random.upTo(pageCount) * pageSize;
    this.#buddy = new BuddyAllocator({ size, base, pageSize, maxSize });
    this.#checkInterval = checkInterval;
    this.#bytes = new ArrayBuffer(maxSize);
    const descriptions = ["first", "second"].map((name) => this.#addCache(name));
    this.#space = new SpaceModel(base, maxSize, this.#commonUnit());
    const space = JSON.stringify({ size, base, pageSize, maxSize });
    this.description = `SlabCaches ${descriptions.join(" and ")} on ${space}`;
    const [cache1, cache2] = this.#subjects.map(({ cache }) => cache) as [SlabCache, SlabCache];
    this.names = { buddy: this.#buddy, cache1, cache2 };
    this.code = [
      `const buddy = new BuddyAllocator(${space});`,
      ...descriptions.map((options, index) => `const cache${index + 1} = new SlabCache(buddy, ${options});`),
    ];
  }

  step(): void {
    const random = this.#random;
    if (this.#operation++ % 256 === 0) this.#pressure = random.pick([0.3, 0.5, 0.6, 0.8]);
    const subject = random.pick(this.#subjects);
    if (random.chance(0.03)) this.#misuse(subject);
    else if (random.chance(0.02)) this.#onPages();
    else if (random.chance(0.005)) subject.cache.shrink();
    else if (random.chance(this.#pressure)) this.#allocateSomehow(subject);
    else if (subject.objects.length > 0) this.#freeSomehow(subject);
    for (const each of this.#subjects) this.#settle(each);
    checkSome(this.#operation, (step) => {
      this.#buddy.check(step);
      subject.cache.check(step);
    });
    if (this.#operation % this.#checkInterval === 0) this.#compare();
  }

  finish(): void {
    for (const subject of this.#subjects) {
      while (subject.objects.length > 0) this.#freeOne(subject, subject.objects.length - 1);
      subject.cache.shrink();
      const { slabs, pages, slots, objects } = subject.cache.stats();
      same(
        "slabs, pages, slots and objects after shrinking",
        `${slabs} ${pages} ${slots} ${objects}`,
        "0 0 0 0",
      );
    }
    for (const offset of this.#rawBlocks) this.#buddy.free(offset);
    this.#buddy.check();
    const { base, pageSize, size, maxSize } = this.#buddy;
    const fresh = new BuddyAllocator({ base, pageSize, size, maxSize });
    same(
      "freeBlocks after freeing all",
      this.#buddy.stats().freeBlocks.join(),
      fresh.stats().freeBlocks.join(),
    );
    for (const { cache } of this.#subjects) {
      cache.destroy();
      expectRefusal(
        "allocate from a destroyed cache",
        ["DETACHED"],
        () => cache.allocate(),
        () => "",
      );
    }
  }

  /** Makes a cache and returns its description. */
  #addCache(name: string): string {
    const random = this.#random;
    const { pageSize, maxOrder } = this.#buddy;
    const maxBytes = pageSize * 2 ** maxOrder;
    const objectSize = random.upTo(random.chance(0.2) ? maxBytes : Math.max(1, Math.min(512, maxBytes >> 3)));
    const align = random.chance(0.5) ? undefined : 2 ** random.below(Math.log2(maxBytes / 2) + 1);
    const magazineSize = random.chance(0.5) ? undefined : random.upTo(8191);
    const constructed = random.chance(0.5) ? new Set<number>() : undefined;
    const options = {
      name,
      objectSize,
      ...(align === undefined ? {} : { align }),
      ...(magazineSize === undefined ? {} : { magazineSize }),
      ...(constructed === undefined ? {} : { construct: this.#constructInto(constructed, objectSize) }),
    };
    let cache: SlabCache;
    try {
      cache = new SlabCache(this.#buddy, options);
    } catch (error) {
      // Size and alignment together may be more than the largest block: then a smaller one is what is wanted.
      if (
        !(error instanceof RangeError) ||
        Math.ceil(objectSize / (align ?? 1)) * (align ?? 1) < maxBytes / 32
      ) {
        throw error;
      }
      return this.#addCache(name);
    }
    const objects: SlabObject[] = [];
    const realAlign = align ?? Math.min(8, 2 ** Math.floor(Math.log2(objectSize)));
    this.#subjects.push({
      cache,
      align: realAlign,
      objects,
      constructed,
      magazineSize: magazineSize ?? 8191,
    });
    const plain = JSON.stringify(options);
    return constructed === undefined ? plain : `{ ...${plain}, construct: () => {} }`;
  }

  /** Writes a pattern of the slot's own, and fails for a slot that has been constructed already. */
  #constructInto(constructed: Set<number>, objectSize: number): (offset: number) => void {
    return (offset) => {
      if (constructed.has(offset)) fail(`construct was called twice for offset ${offset}`);
      constructed.add(offset);
      fillPayload(this.#bytes, offset - this.#buddy.base, objectSize, offset);
    };
  }

  /** The largest power of two that divides every place an object may begin at. */
  #commonUnit(): number {
    const sizes = [this.#buddy.pageSize, ...this.#subjects.map(({ cache }) => cache.slotSize)];
    return Math.min(...sizes.map((size) => size & -size));
  }

  #allocateSomehow(subject: Subject): void {
    const kind = this.#random.weighted(ALLOCATIONS);
    if (kind === "bulk") return this.#allocateBulk(subject);
    const offset = kind === "plain" ? this.#allocatePlain(subject) : subject.cache.tryAllocate();
    if (offset === NONE) this.#expectExhausted(subject);
    else this.#take(subject, offset);
  }

  #allocatePlain({ cache }: Subject): number {
    try {
      return cache.allocate();
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      same("freeBytes", error.freeBytes, this.#buddy.freeBytes);
      return NONE;
    }
  }

  #allocateBulk(subject: Subject): void {
    const count = this.#random.upTo(200);
    const makers = [
      () => new Int32Array(count),
      () => new Uint32Array(count),
      () => new Float64Array(count),
      () => Array.from({ length: count }, () => 0),
    ];
    const out = this.#random.pick(makers)();
    const before = subject.cache.stats().objects;
    try {
      subject.cache.allocateBulk(out, count);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      same("objects after a bulk that did not fit", subject.cache.stats().objects, before);
      return;
    }
    for (const offset of out) this.#take(subject, out instanceof Int32Array ? offset >>> 0 : offset);
  }

  #expectExhausted({ cache, objects }: Subject): void {
    const { slots } = cache.stats();
    same("slots of a cache that has none to give", slots, objects.length);
    const slabBytes = 2 ** Math.ceil(Math.log2(Math.max(cache.slotSize, this.#buddy.pageSize, 32)));
    const { largestFreeBytes } = this.#buddy.stats();
    if (largestFreeBytes >= slabBytes) fail(`NONE, with a free block of ${largestFreeBytes} bytes`);
  }

  #take(subject: Subject, offset: number): void {
    const { cache, constructed, align } = subject;
    if (offset % align !== 0) fail(`offset ${offset} is not aligned to ${align}`);
    const id = ++this.#lastId;
    this.#space.claim(offset, cache.slotSize, id);
    if (constructed === undefined) fillPayload(this.#bytes, offset - this.#buddy.base, cache.objectSize, id);
    else if (!constructed.has(offset)) fail(`offset ${offset} was handed out without being constructed`);
    subject.objects.push({ id, offset });
    this.#verify(subject, subject.objects.at(-1)!);
  }

  #verify({ cache, constructed }: Subject, { id, offset }: SlabObject): void {
    const place = offset - this.#buddy.base;
    verifyPayload(this.#bytes, place, cache.objectSize, constructed === undefined ? id : offset);
  }

  #freeSomehow(subject: Subject): void {
    if (this.#random.chance(0.85)) {
      const offset = this.#freeOne(subject, this.#random.below(subject.objects.length));
      if (this.#random.chance(0.02)) this.#expectDoubleFree(subject, offset);
      return;
    }
    const count = Math.min(subject.objects.length, this.#random.upTo(200));
    const freed = subject.objects.splice(this.#random.below(subject.objects.length - count + 1), count);
    for (const object of freed) {
      this.#verify(subject, object);
      this.#space.release(object.offset, subject.cache.slotSize);
    }
    const offsets = freed.map(({ offset }) => offset);
    subject.cache.freeBulk(this.#random.chance(0.5) ? offsets : Int32Array.from(offsets), count);
  }

  #freeOne(subject: Subject, index: number): number {
    const object = subject.objects[index]!;
    this.#verify(subject, object);
    subject.objects[index] = subject.objects.at(-1)!;
    subject.objects.pop();
    subject.cache.free(object.offset);
    this.#space.release(object.offset, subject.cache.slotSize);
    return object.offset;
  }

  /** A second free is refused; when the first gave the slab back, the offset lies in no slab at all. */
  #expectDoubleFree({ cache }: Subject, offset: number): void {
    const codes = ["DOUBLE_FREE", "INVALID_FREE"] as const;
    expectRefusal("double free", codes, () => cache.free(offset), this.#state);
  }

  /** Raw pages come and go between the slabs, and the space grows. */
  #onPages(): void {
    const random = this.#random;
    const { pageSize, maxSize, size } = this.#buddy;
    if (random.chance(0.2)) {
      this.#buddy.grow(random.between(size / pageSize, maxSize / pageSize) * pageSize);
    } else if (random.chance(0.5)) {
      const offset = this.#buddy.tryAllocate(random.below(Math.min(3, this.#buddy.maxOrder + 1)));
      if (offset === NONE) return;
      this.#space.claim(offset, this.#buddy.sizeOf(offset), ++this.#lastId);
      this.#rawBlocks.push(offset);
    } else if (this.#rawBlocks.length > 0) {
      const offset = this.#rawBlocks.pop()!;
      this.#space.release(offset, this.#buddy.sizeOf(offset));
      this.#buddy.free(offset);
    }
  }

  #misuse(subject: Subject): void {
    const random = this.#random;
    const { cache, objects } = subject;
    const other = this.#subjects.find((each) => each !== subject)!;
    const invalid = ["INVALID_FREE"] as const;
    const kind = random.weighted(MISUSES);
    if (kind === "inside" && objects.length > 0) {
      const offset = random.pick(objects).offset + random.between(1, Math.max(1, cache.slotSize - 1));
      if (cache.slotSize > 1)
        expectRefusal("free inside an object", invalid, () => cache.free(offset), this.#state);
    } else if (kind === "foreign" && other.objects.length > 0) {
      const { offset } = random.pick(other.objects);
      expectRefusal("free in the wrong cache", invalid, () => cache.free(offset), this.#state);
    } else if (kind === "raw" && this.#rawBlocks.length > 0) {
      expectRefusal("free of raw pages", invalid, () => cache.free(this.#rawBlocks[0]!), this.#state);
    } else if (kind === "number") {
      const wrong = random.pick([...NOT_INTEGERS, 2 ** 32, this.#buddy.base - 1, this.#buddy.base + 0.5]);
      expectRefusal(`free(${wrong})`, invalid, () => cache.free(wrong), this.#state);
    } else if (kind === "bulk" && objects.length > 0) {
      const offsets = objects.slice(0, 20).map(({ offset }) => offset);
      offsets.push(random.pick(offsets));
      const codes = ["DOUBLE_FREE"] as const;
      const call = (): void => cache.freeBulk(offsets, offsets.length);
      expectRefusal("freeBulk with an offset twice", codes, call, this.#state);
    } else if (kind === "destroy" && objects.length > 0) {
      expectRefusal("destroy with objects", ["IN_USE"], () => cache.destroy(), this.#state);
    } else if (kind === "count") {
      expectArgumentError(
        "n",
        () => cache.allocateBulk([], random.pick(NOT_INTEGERS.slice(0, 5))),
        this.#state,
      );
    }
  }

  /** Forgets constructed slots whose slab was given back; each of the others was constructed once. */
  #settle(subject: Subject): void {
    const { cache, constructed, objects } = subject;
    const stats = cache.stats();
    same("objects", stats.objects, objects.length);
    if (stats.magazineSlots > subject.magazineSize) fail(`the magazine holds ${stats.magazineSlots} slots`);
    if (constructed === undefined) return;
    if (constructed.size !== stats.slots) {
      for (const { offset, byteLength, free } of this.#buddy.blocks()) {
        if (!free) continue;
        for (const slot of constructed)
          if (slot >= offset && slot < offset + byteLength) constructed.delete(slot);
      }
    }
    same("slots, against those constructed", stats.slots, constructed.size);
  }

  #compare(): void {
    this.#buddy.check();
    let pages = 0;
    for (const { cache } of this.#subjects) {
      cache.check();
      const stats = cache.stats();
      same("slabs", stats.slabs, stats.partialSlabs + stats.fullSlabs + stats.emptySlabs);
      pages += stats.pages;
    }
    for (const offset of this.#rawBlocks) pages += this.#buddy.sizeOf(offset) / this.#buddy.pageSize;
    same("allocatedPages", this.#buddy.stats().allocatedPages, pages);
  }

  readonly #state = (): string => {
    const caches = this.#subjects.map(({ cache }) => cache.stats());
    return JSON.stringify([caches, this.#buddy.stats(), [...this.#buddy.blocks()]]);
  };
}
