/** Random calls of C's functions on a WebAssembly memory, held against C's rules and a plain model of the space. */
import type { AllocError } from "../../src/index.ts";
import { type CAllocator, wasmAllocator, type WasmAllocator } from "../../src/wasm/index.ts";
import { wasmMemory } from "./backings.ts";
import { type Driver, fail, same } from "./driver.ts";
import { fillPayload, verifyPayload, verifyZero } from "./payload.ts";
import type { Random } from "./random.ts";
import { SpaceModel } from "./space-model.ts";

const WASM_PAGE = 65536;
/** Where errno lies, and where `posix_memalign` stores its result: below the heap. */
const ERRNO = 16;
const RESULT = 32;
const ENOMEM = 48;
const EINVAL = 28;

interface CObject {
  readonly id: number;
  offset: number;
  usable: number;
}

const STEPS = { allocate: 52, free: 34, realloc: 10, misuse: 3, wrong: 1 };
const ALLOCATIONS = { malloc: 60, calloc: 10, aligned_alloc: 8, memalign: 8, posix_memalign: 8, null: 3 };

export class CDriver implements Driver {
  readonly description: string;
  readonly code: readonly string[];
  readonly names: Readonly<Record<string, object>>;
  readonly #random: Random;
  readonly #allocator: WasmAllocator;
  readonly #imports: CAllocator;
  readonly #memory: { readonly buffer: ArrayBufferLike };
  readonly #space: SpaceModel;
  readonly #objects: CObject[] = [];
  readonly #checkInterval: number;
  readonly #misuses: AllocError[] = [];
  #operation = 0;
  #lastId = 0;
  #pressure = 0.6;

  /** check() and the figures come once in `checkInterval` operations. */
  constructor(random: Random, byteLimit: number, checkInterval: number) {
    this.#random = random;
    this.#checkInterval = checkInterval;
    const maximum = Math.max(2, byteLimit / WASM_PAGE);
    const initial = random.between(1, maximum);
    const memory = wasmMemory({ initial, maximum });
    const pageSize = 2 ** random.between(10, 14);
    const base = random.between(1, WASM_PAGE - pageSize - 1);
    const maxMemorySize = maximum * WASM_PAGE;
    const options = { base: Math.max(64, base), pageSize, maxMemorySize };
    this.#memory = memory;
    this.#allocator = wasmAllocator(memory, {
      ...options,
      errno: () => ERRNO,
      onMisuse: (error) => this.#misuses.push(error),
    });
    this.#imports = this.#allocator.imports;
    const { heap } = this.#allocator;
    this.#space = new SpaceModel(heap.base, heap.maxSize, 16);
    this.description = `wasmAllocator ${JSON.stringify({ initial, maximum, ...options })}`;
    this.code = [
      `const memory = new WebAssembly.Memory({ initial: ${initial}, maximum: ${maximum} });`,
      `const { heap } = wasmAllocator(memory, ${JSON.stringify(options)});`,
    ];
    this.names = { heap };
  }

  step(): void {
    const random = this.#random;
    if (this.#operation++ % 256 === 0) this.#pressure = random.pick([0.3, 0.5, 0.6, 0.8]);
    const kind = random.weighted(STEPS);
    if (kind === "misuse") this.#misuse();
    else if (kind === "wrong") this.#wrongArguments();
    else if (random.chance(this.#pressure) || this.#objects.length === 0) this.#allocate();
    else if (kind === "realloc") this.#realloc(random.pick(this.#objects));
    else this.#free(random.below(this.#objects.length));
    if (this.#operation % this.#checkInterval === 0) this.#compare();
  }

  finish(): void {
    while (this.#objects.length > 0) this.#free(this.#objects.length - 1);
    this.#allocator.heap.shrink();
    this.#compare();
    same("heldBytes after freeing all", this.#allocator.heap.stats().heldBytes, 0);
  }

  get #buffer(): ArrayBufferLike {
    return this.#memory.buffer;
  }

  #errno(value?: number): number {
    const words = new Int32Array(this.#buffer, ERRNO, 1);
    if (value !== undefined) words[0] = value;
    return words[0]!;
  }

  #randomSize(): number {
    const random = this.#random;
    const limit = random.pick([64, 512, 512, 8200, 8200, this.#allocator.heap.maxSize >> 2]);
    return random.chance(0.02) ? 0 : random.upTo(Math.max(1, limit));
  }

  #allocate(): void {
    const random = this.#random;
    const kind = random.weighted(ALLOCATIONS);
    const size = this.#randomSize();
    const align = 2 ** random.between(2, 13);
    this.#errno(0);
    const pointer = this.#call(kind, size, align);
    if (pointer === 0) {
      same("errno", this.#errno(), kind === "posix_memalign" ? 0 : ENOMEM);
      return;
    }
    same("errno", this.#errno(), 0);
    if (kind === "calloc") verifyZero(this.#buffer, pointer, size);
    const isAligned = kind !== "malloc" && kind !== "calloc" && kind !== "null";
    this.#take({ id: ++this.#lastId, offset: pointer, usable: 0 }, size, isAligned ? align : 16);
  }

  #call(kind: keyof typeof ALLOCATIONS, size: number, align: number): number {
    const imports = this.#imports;
    if (kind === "malloc") return imports.malloc(size) >>> 0;
    if (kind === "null") return imports.realloc(0, size) >>> 0;
    if (kind === "calloc") return imports.calloc(1, size) >>> 0;
    if (kind !== "posix_memalign") return imports[kind](align, size) >>> 0;
    const result = imports.posix_memalign(RESULT, align, size);
    if (result !== 0) same("posix_memalign", result, ENOMEM);
    return result === 0 ? new Uint32Array(this.#buffer, RESULT, 1)[0]! : 0;
  }

  #take(object: CObject, size: number, align: number): void {
    object.usable = this.#imports.malloc_usable_size(object.offset | 0);
    if (object.offset % align !== 0) fail(`pointer ${object.offset} is not aligned to ${align}`);
    if (object.usable < size) fail(`${object.usable} bytes are usable, ${size} were asked for`);
    this.#space.claim(object.offset, object.usable, object.id);
    fillPayload(this.#buffer, object.offset, object.usable, object.id);
    this.#objects.push(object);
  }

  #remove(object: CObject): void {
    this.#space.release(object.offset, object.usable);
    const index = this.#objects.indexOf(object);
    this.#objects[index] = this.#objects.at(-1)!;
    this.#objects.pop();
  }

  #realloc(object: CObject): void {
    const size = this.#randomSize();
    this.#errno(0);
    const pointer = this.#imports.realloc(object.offset | 0, size) >>> 0;
    if (pointer === 0) {
      same("errno", this.#errno(), ENOMEM);
      verifyPayload(this.#buffer, object.offset, object.usable, object.id);
      return;
    }
    verifyPayload(this.#buffer, pointer, Math.min(object.usable, size), object.id);
    const isMoved = pointer !== object.offset;
    this.#remove(object);
    object.offset = pointer;
    this.#take(object, size, isMoved ? 16 : 1);
  }

  #free(index: number): void {
    const object = this.#objects[index]!;
    verifyPayload(this.#buffer, object.offset, object.usable, object.id);
    this.#imports.free(object.offset | 0);
    this.#remove(object);
    if (this.#random.chance(0.02)) this.#expectMisuse(object.offset);
    if (this.#random.chance(0.02)) this.#imports.free(0);
  }

  #expectMisuse(offset: number): void {
    const before = this.#misuses.length;
    const figures = JSON.stringify(this.#allocator.heap.stats().buddy);
    this.#imports.free(offset | 0);
    same(`misuses told of free(${offset})`, this.#misuses.length, before + 1);
    same(`what realloc(${offset}) gives`, this.#imports.realloc(offset | 0, 100), 0);
    same(`misuses told of realloc(${offset})`, this.#misuses.length, before + 2);
    same("figures after misuse", JSON.stringify(this.#allocator.heap.stats().buddy), figures);
  }

  #misuse(): void {
    if (this.#objects.length === 0) return;
    const { offset, usable } = this.#random.pick(this.#objects);
    this.#expectMisuse(offset + this.#random.between(1, usable - 1));
  }

  #wrongArguments(): void {
    this.#errno(0);
    same("aligned_alloc(24, 8)", this.#imports.aligned_alloc(24, 8), 0);
    same("errno", this.#errno(), EINVAL);
    this.#errno(0);
    same("posix_memalign(2)", this.#imports.posix_memalign(RESULT, 2, 8), EINVAL);
    same("errno", this.#errno(), 0);
    same("malloc(-1)", this.#imports.malloc(-1), 0);
    same("errno", this.#errno(), ENOMEM);
    this.#errno(0);
    same("calloc(65537, 65537)", this.#imports.calloc(65_537, 65_537), 0);
    same("errno", this.#errno(), ENOMEM);
  }

  #compare(): void {
    const { heap } = this.#allocator;
    heap.check();
    const { objects, usedBytes } = heap.stats();
    same("objects", objects, this.#objects.length);
    same(
      "usedBytes",
      usedBytes,
      this.#objects.reduce((sum, { usable }) => sum + usable, 0),
    );
  }
}
