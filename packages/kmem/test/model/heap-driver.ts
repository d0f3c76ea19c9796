/** Random operations on a `Heap` over any backing; every object's bytes are its own until it is freed. */
import {
  BuddyAllocator,
  Heap,
  type HeapOptions,
  NONE,
  OutOfMemoryError,
  type SlabCache,
} from "../../src/index.ts";
import { loadHeap, saveHeap } from "../../src/image/index.ts";
import { type BackingKind, randomBacking } from "./backings.ts";
import { type Driver, fail, same, checkSome } from "./driver.ts";
import {
  expectRoomlessness,
  type HeapObject,
  type HeapUnderTest,
  type NamedCache,
  slotSizeFor,
} from "./heap-model.ts";
import { heapMisuse } from "./heap-misuse.ts";
import { fillPayload, verifyPayload, verifyZero } from "./payload.ts";
import type { Random } from "./random.ts";
import { SpaceModel } from "./space-model.ts";

const ARRAY_TYPES = [Uint8Array, Int16Array, Float32Array, Float64Array, BigInt64Array] as const;
const ALLOCATIONS = { malloc: 60, aligned: 10, calloc: 6, array: 6, cache: 18 };
const CHANGES = { shrink: 30, grow: 20, cache: 30, destroy: 15, reset: 5, reopen: 10 };

export class HeapDriver implements Driver, HeapUnderTest {
  readonly description: string;
  readonly code: readonly string[];
  readonly names: Readonly<Record<string, object>>;
  readonly random: Random;
  heap: Heap;
  readonly objects: HeapObject[] = [];
  readonly caches: NamedCache[] = [];
  readonly #options: HeapOptions;
  readonly #space: SpaceModel;
  readonly #hasBytes: boolean;
  readonly #endLimit: number;
  readonly #checkInterval: number;
  #operation = 0;
  #lastId = 0;
  #pressure = 0.6;

  /** check() and the figures come once in `checkInterval` operations. */
  constructor(random: Random, kind: BackingKind, byteLimit: number, checkInterval: number) {
    this.random = random;
    this.#checkInterval = checkInterval;
    const { options, endLimit, code } = randomBacking(random, kind, byteLimit);
    this.#hasBytes = kind !== "size";
    if (this.#hasBytes && random.chance(0.3)) options.zero = true;
    const zeroing = options.zero === true ? ", zero: true" : "";
    this.code = [`const heap = new Heap({ ${code}${zeroing} });`];
    this.#options = options;
    this.#endLimit = endLimit;
    this.heap = new Heap(options);
    this.names = { heap: this.heap };
    const { base, maxSize, size } = this.heap;
    this.#space = new SpaceModel(base, maxSize, Math.min(16, this.heap.pageSize));
    const { pageSize, zero = false } = options;
    this.description = `Heap on ${kind} ${JSON.stringify({ base, size, maxSize, endLimit, pageSize, zero })}`;
  }

  step(): void {
    const random = this.random;
    if (this.#operation++ % 256 === 0) this.#pressure = random.pick([0.3, 0.5, 0.6, 0.8]);
    const isThorough = this.#operation % this.#checkInterval === 0;
    if (random.chance(0.03)) heapMisuse(this, isThorough);
    else if (random.chance(0.01)) this.#changeHeap();
    else if (random.chance(this.#pressure)) this.#allocateSomehow(isThorough);
    else if (this.objects.length > 0) this.#changeObject();
    checkSome(this.#operation, (step) => this.heap.check(step));
    if (isThorough) this.#compare();
  }

  finish(): void {
    while (this.objects.length > 0) this.#freeOne(this.objects.length - 1);
    this.heap.shrink();
    this.#compare();
    same("heldBytes after freeing all", this.heap.stats().heldBytes, 0);
    const { base, pageSize, size, maxSize } = this.heap;
    const fresh = new BuddyAllocator({ base, pageSize, size, maxSize });
    const { freeBlocks } = this.heap.stats().buddy;
    same("freeBlocks after freeing all", freeBlocks.join(), fresh.stats().freeBlocks.join());
  }

  /** The bytes, as an array on the buffer of this moment. */
  get #buffer(): ArrayBufferLike {
    return this.heap.buffer;
  }

  #randomLength(): number {
    const random = this.random;
    const { maxSize } = this.heap;
    const limit = random.pick([64, 512, 512, 8200, 8200, maxSize >> 3, maxSize]);
    return random.chance(0.02) ? 0 : random.upTo(Math.min(maxSize, Math.max(1, limit)));
  }

  #allocateSomehow(isThorough: boolean): void {
    const kind = this.random.weighted(ALLOCATIONS);
    if (kind === "cache" && this.caches.length > 0) this.#allocateFromCache(this.random.pick(this.caches));
    else if (kind === "array" && this.#hasBytes) this.#allocateArray();
    else if (kind === "calloc") this.#calloc();
    else this.#malloc(kind === "aligned" ? 2 ** this.random.below(15) : undefined, isThorough);
  }

  #malloc(align: number | undefined, isThorough: boolean): void {
    const byteLength = this.#randomLength();
    // Figures of many caches: only where they are asked for.
    const freePages = isThorough ? this.heap.stats().buddy.freePages : 0;
    const call = (): number =>
      align === undefined ? this.heap.malloc(byteLength) : this.heap.malloc(byteLength, align);
    const offset = this.random.chance(0.5) ? this.heap.tryMalloc(byteLength, align) : this.#orNone(call);
    if (offset !== NONE) {
      if (this.#options.zero === true) verifyZero(this.#buffer, offset, byteLength);
      const { usable } = this.#take(offset, byteLength, Math.max(16, align ?? 16));
      if (align === undefined) same("usableSize", usable, slotSizeFor(byteLength, this.heap.pageSize));
    } else if (isThorough && align === undefined)
      expectRoomlessness(this.heap, byteLength, this.#endLimit, freePages);
  }

  #calloc(): void {
    const byteLength = this.#randomLength();
    const count = this.random.pick([1, 2, 3, 2 ** 30]);
    const call = (): number => this.heap.calloc(count, Math.ceil(byteLength / count));
    const total = count * Math.ceil(byteLength / count);
    const offset = this.#orNone(call);
    if (offset === NONE) return;
    if (this.#hasBytes) verifyZero(this.#buffer, offset, total);
    this.#take(offset, total, 16);
  }

  #allocateArray(): void {
    const type = this.random.pick(ARRAY_TYPES);
    const length = Math.floor(this.#randomLength() / type.BYTES_PER_ELEMENT);
    let view: InstanceType<(typeof ARRAY_TYPES)[number]>;
    try {
      view = this.heap.array<InstanceType<(typeof ARRAY_TYPES)[number]>>(type, length);
    } catch (error) {
      if (error instanceof OutOfMemoryError) return;
      throw error;
    }
    same("length of the array", view.length, length);
    const object = this.#take(view.byteOffset, view.byteLength, 16);
    object.view = view;
  }

  #allocateFromCache(owner: NamedCache): void {
    if (this.random.chance(0.1)) {
      for (const offset of this.#bulkFrom(owner.cache)) this.#takeFromCache(owner, offset);
      return;
    }
    const offset = owner.cache.tryAllocate();
    if (offset !== NONE) this.#takeFromCache(owner, offset);
  }

  /** Up to 20 objects at once; none where there is no room for all. */
  #bulkFrom(cache: SlabCache): readonly number[] {
    const offsets: number[] = [];
    try {
      cache.allocateBulk(offsets, this.random.upTo(20));
      return offsets;
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      return [];
    }
  }

  #takeFromCache(owner: NamedCache, offset: number): void {
    const { objectSize, slotSize } = owner.cache;
    const object = this.#add({ offset, usable: slotSize, owner });
    same("cacheAt", this.heap.cacheAt(offset), owner.cache.name);
    if (offset % owner.align !== 0) fail(`offset ${offset} is not aligned to ${owner.align}`);
    if (owner.construct !== undefined) {
      object.patternId = offset;
      object.usable = objectSize;
      if (this.#hasBytes) verifyPayload(this.#buffer, offset, objectSize, offset);
    } else this.#fill(object);
  }

  #orNone(call: () => number): number {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      same("freeBytes", error.freeBytes, this.heap.stats().buddy.freePages * this.heap.pageSize);
      return NONE;
    }
  }

  /** Takes over what malloc and its family gave. */
  #take(offset: number, byteLength: number, align: number): HeapObject {
    if (offset % align !== 0) fail(`offset ${offset} is not aligned to ${align}`);
    const usable = this.heap.usableSize(offset);
    if (usable < Math.max(1, byteLength)) fail(`${usable} bytes are usable, ${byteLength} were asked for`);
    const name = this.heap.cacheAt(offset);
    if (name !== undefined) same("cacheAt", name, `malloc-${usable}`);
    else if (usable % this.heap.pageSize !== 0) fail(`a run of ${usable} bytes`);
    const object = this.#add({ offset, usable });
    this.#fill(object);
    return object;
  }

  #add(what: { offset: number; usable: number; owner?: NamedCache }): HeapObject {
    const object = { ...what, id: ++this.#lastId, patternId: this.#lastId };
    same("owns", this.heap.owns(object.offset), true);
    this.#space.claim(object.offset, object.usable, object.id);
    this.objects.push(object);
    return object;
  }

  #fill({ offset, usable, patternId }: HeapObject): void {
    if (this.#hasBytes) fillPayload(this.#buffer, offset, usable, patternId);
  }

  #verify({ offset, usable, patternId }: HeapObject): void {
    if (this.#hasBytes) verifyPayload(this.#buffer, offset, usable, patternId);
  }

  #changeObject(): void {
    const index = this.random.below(this.objects.length);
    const object = this.objects[index]!;
    if (object.view !== undefined && this.random.chance(0.3)) this.#refresh(object, object.view);
    else if (object.owner === undefined && object.view === undefined && this.random.chance(0.25)) {
      this.#realloc(object);
    } else this.#freeOne(index);
  }

  #refresh(object: HeapObject, view: ArrayBufferView): void {
    const fresh = this.heap.refresh(view);
    same("buffer of the refreshed array", fresh.buffer, this.#buffer);
    same("offset of the refreshed array", fresh.byteOffset, object.offset);
    if (this.random.chance(0.5)) object.view = fresh;
  }

  #realloc(object: HeapObject): void {
    const byteLength = this.random.chance(0.5) ? this.#randomLength() : this.random.upTo(object.usable * 2);
    const offset = this.#orNone(() => this.heap.realloc(object.offset, byteLength));
    if (offset === NONE) {
      this.#verify(object);
      same("owns, after a realloc that failed", this.heap.owns(object.offset), true);
      return;
    }
    const kept = Math.min(object.usable, byteLength);
    if (this.#hasBytes) verifyPayload(this.#buffer, offset, kept, object.patternId);
    this.#space.release(object.offset, object.usable);
    if (offset !== object.offset && offset % 16 !== 0) fail(`offset ${offset} is not aligned to 16`);
    object.offset = offset;
    object.usable = this.heap.usableSize(offset);
    if (object.usable < byteLength) fail(`${object.usable} bytes are usable, ${byteLength} were asked for`);
    this.#space.claim(offset, object.usable, object.id);
    this.#fill(object);
  }

  #freeOne(index: number): void {
    const object = this.objects[index]!;
    const { offset, owner, view } = object;
    this.#verify(object);
    this.objects[index] = this.objects.at(-1)!;
    this.objects.pop();
    this.#space.release(offset, owner?.cache.slotSize ?? object.usable);
    if (owner !== undefined && this.random.chance(0.7)) owner.cache.free(offset);
    else if (view === undefined) this.heap.free(offset);
    else this.heap.freeArray(view);
    same("owns, after free", this.heap.owns(offset), false);
  }

  #changeHeap(): void {
    const random = this.random;
    const kind = random.weighted(CHANGES);
    if (kind === "shrink") this.heap.shrink();
    else if (kind === "grow") this.#grow();
    else if (kind === "cache") this.#createCache();
    else if (kind === "destroy") this.#destroyCache();
    else if (kind === "reopen") this.#reopen();
    else {
      this.heap.reset();
      this.objects.length = 0;
      this.#space.cells.fill(0);
    }
  }

  #grow(): void {
    const { base, size, maxSize, pageSize } = this.heap;
    const wanted = this.random.between(size, maxSize);
    const expected = Math.ceil(wanted / pageSize) * pageSize;
    const isPossible = base + expected <= this.#endLimit;
    try {
      this.heap.grow(wanted);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || isPossible) throw error;
    }
    same("size after growing", this.heap.size, isPossible ? expected : size);
  }

  #createCache(): void {
    if (this.caches.length >= 4) return;
    const random = this.random;
    const objectSize = random.upTo(random.chance(0.3) ? this.heap.pageSize : 300);
    const align = random.chance(0.5) ? undefined : 2 ** random.below(Math.log2(this.heap.pageSize) + 1);
    const isConstructed = random.chance(0.5);
    const construct = (offset: number): void => {
      if (this.#hasBytes) fillPayload(this.#buffer, offset, objectSize, offset);
    };
    const name = `cache-${++this.#lastId}`;
    const options = {
      name,
      objectSize,
      ...(align === undefined ? {} : { align }),
      ...(random.chance(0.3) ? { magazineSize: random.upTo(127) } : {}),
      ...(isConstructed ? { construct } : {}),
    };
    const slotBytes = Math.ceil(objectSize / Math.max(align ?? 1, 16)) * Math.max(align ?? 1, 16);
    const largestBlock = this.heap.pageSize * 2 ** this.heap.stats().buddy.maxOrder;
    if (Math.max(slotBytes, 512) > largestBlock) return;
    this.caches.push({
      cache: this.heap.createCache(options),
      construct: isConstructed ? construct : undefined,
      align: Math.max(16, align ?? 16),
    });
  }

  /** Goes on with the heap that the image of this one, and its bytes, are opened to. */
  #reopen(): void {
    const { memory, buffer, base, pageSize, zero } = this.#options;
    const image = saveHeap(this.heap);
    const before = JSON.stringify(this.heap.snapshot());
    this.heap = loadHeap(image, memory ?? buffer, {
      maxSize: this.heap.maxSize,
      ...(base === undefined ? {} : { base }),
      ...(pageSize === undefined ? {} : { pageSize }),
      ...(zero === undefined ? {} : { zero }),
    });
    same("the snapshot after saving and loading", JSON.stringify(this.heap.snapshot()), before);
    for (const owner of this.caches) {
      const { construct } = owner;
      owner.cache = this.heap.openCache(owner.cache.name, construct === undefined ? {} : { construct });
    }
    // The new heap does not know the arrays of the old one.
    for (const object of this.objects) delete object.view;
  }

  #destroyCache(): void {
    const index = this.caches.findIndex((each) => this.objects.every(({ owner }) => owner !== each));
    if (index >= 0) this.caches.splice(index, 1)[0]!.cache.destroy();
  }

  #compare(): void {
    this.heap.check();
    const stats = this.heap.stats();
    same("objects", stats.objects, this.objects.length);
    const used = this.objects.reduce((sum, { owner, usable }) => sum + (owner?.cache.slotSize ?? usable), 0);
    same("usedBytes", stats.usedBytes, used);
    if (stats.heldBytes < used || stats.heldBytes > this.heap.size) fail(`heldBytes is ${stats.heldBytes}`);
  }
}
