/** Random operations on a `GpuHeap`, on a device in plain memory that throws where a real one would report an error. */
import { OutOfMemoryError } from "../../src/index.ts";
import { type GpuAllocation, GpuHeap } from "../../src/webgpu/index.ts";
import { BufferUsage, type FakeBuffer, FakeDevice } from "../webgpu/fake-device.ts";
import { type Driver, expectArgumentError, expectRefusal, fail, NOT_INTEGERS, same } from "./driver.ts";
import { fillPayload, verifyPayload } from "./payload.ts";
import type { Random } from "./random.ts";

/** An allocation whose bytes are the pattern of `id`. */
interface GpuObject {
  readonly allocation: GpuAllocation<FakeBuffer>;
  id: number;
}

const STEPS = { allocate: 50, free: 40, copy: 4, pin: 2, defragment: 3, trim: 1, misuse: 3 };
const USAGES = [BufferUsage.VERTEX, BufferUsage.UNIFORM, BufferUsage.STORAGE];

export class GpuDriver implements Driver {
  readonly description: string;
  readonly code: readonly string[];
  readonly names: Readonly<Record<string, object>>;
  readonly #random: Random;
  readonly #device = new FakeDevice();
  readonly #heap: GpuHeap<FakeDevice>;
  readonly #objects: GpuObject[] = [];
  readonly #checkInterval: number;
  readonly #byteLimit: number;
  #operation = 0;
  #lastId = 0;
  /** More is freed than allocated beyond so many allocations. */
  #goal = 50;

  /** check(), the figures and all bytes are compared once in `checkInterval` operations. */
  constructor(random: Random, byteLimit: number, checkInterval: number) {
    this.#random = random;
    this.#checkInterval = checkInterval;
    this.#byteLimit = byteLimit;
    const usage = random.pick(USAGES);
    const blockBytes = 256 * random.upTo(byteLimit / 1024);
    const options = {
      usage,
      blockBytes,
      ...(random.chance(0.5) ? { maxBytes: random.between(blockBytes, byteLimit) } : {}),
    };
    this.#heap = new GpuHeap(this.#device, options);
    this.description = `GpuHeap ${JSON.stringify(options)}`;
    this.code = [`const gpuHeap = new GpuHeap(device, ${JSON.stringify(options)});`];
    this.names = { gpuHeap: this.#heap, device: this.#device };
  }

  step(): void {
    const random = this.#random;
    if (this.#operation++ % 256 === 0) this.#goal = random.upTo(200);
    const kind = random.weighted(STEPS);
    const isFull = this.#objects.length > this.#goal && random.chance(0.6);
    if (kind === "misuse") this.#misuse();
    else if (kind === "defragment") this.#defragment();
    else if (kind === "trim") this.#heap.trim();
    else if (kind === "allocate" && !isFull) this.#allocate();
    else if (this.#objects.length === 0) return;
    else if (kind === "copy") this.#copy();
    else if (kind === "pin") random.pick(this.#objects).allocation.pinned = random.chance(0.5);
    else this.#free(random.below(this.#objects.length));
    if (this.#operation % this.#checkInterval === 0) this.#compare();
  }

  finish(): void {
    this.#compare();
    while (this.#objects.length > 0) this.#free(this.#objects.length - 1);
    this.#heap.trim();
    this.#compare();
    same("heldBytes after freeing all", this.#heap.stats().heldBytes, 0);
    this.#heap.destroy();
    same("buffers that are not destroyed", this.#device.live.length, 0);
  }

  #allocate(): void {
    const random = this.#random;
    const byteLength = random.upTo(random.chance(0.05) ? this.#byteLimit / 4 : 2000);
    const align = random.chance(0.3) ? random.upTo(600) : undefined;
    const { maxBytes } = this.#heap;
    let allocation: GpuAllocation<FakeBuffer>;
    try {
      allocation =
        align === undefined ? this.#heap.allocate(byteLength) : this.#heap.allocate(byteLength, align);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || maxBytes === Infinity) throw error;
      return;
    }
    const { offset, size, buffer } = allocation;
    if (size < byteLength || size > byteLength + 3) fail(`${byteLength} bytes became ${size}`);
    if (offset % (align ?? 1) !== 0 || offset % this.#heap.alignment !== 0)
      fail(`offset ${offset} is not aligned`);
    if (offset + size > buffer.size) fail(`${size} bytes at ${offset} are not in a buffer of ${buffer.size}`);
    const object = { allocation, id: ++this.#lastId };
    this.#objects.push(object);
    this.#fill(object);
  }

  #fill({ allocation, id }: GpuObject): void {
    const bytes = new Uint8Array(allocation.size);
    fillPayload(bytes.buffer, 0, allocation.size, id);
    this.#heap.write(allocation, bytes);
  }

  #verify({ allocation, id }: GpuObject): void {
    const { buffer, offset, size } = allocation;
    if (buffer.isDestroyed) fail(`the buffer of allocation ${id} is destroyed`);
    verifyPayload(buffer.bytes.buffer, offset, size, id);
  }

  #free(index: number): void {
    const object = this.#objects[index]!;
    const { allocation } = object;
    this.#verify(object);
    this.#objects[index] = this.#objects.at(-1)!;
    this.#objects.pop();
    const way = this.#random.below(3);
    if (way === 0) this.#heap.free(allocation);
    else if (way === 1) allocation.free();
    else allocation[Symbol.dispose]();
    if (this.#random.chance(0.05)) {
      const again = (): void => this.#heap.free(allocation);
      expectRefusal("a double free", ["DOUBLE_FREE"], again, this.#state);
      expectRefusal(
        "a write",
        ["NOT_ALLOCATED"],
        () => this.#heap.write(allocation, new Uint8Array(4)),
        this.#state,
      );
    }
  }

  /** All of one allocation over another of its size, which has the same bytes afterwards. */
  #copy(): void {
    const from = this.#random.pick(this.#objects);
    const to = this.#objects.find((each) => each !== from && each.allocation.size === from.allocation.size);
    if (to === undefined) return;
    this.#heap.copy(from.allocation, to.allocation);
    to.id = from.id;
    this.#verify(to);
  }

  #defragment(): void {
    const random = this.#random;
    const options = {
      ...(random.chance(0.7) ? { maxBytes: random.upTo(10_000) } : {}),
      ...(random.chance(0.5) ? { maxHoles: random.below(10) / 10 } : {}),
    };
    const before = new Map(this.#objects.map(({ allocation }) => [allocation, allocation.version]));
    const { moves, movedBytes } = this.#heap.defragment(options);
    let bytes = 0;
    for (const { allocation, fromBuffer, fromOffset } of moves) {
      const version = before.get(allocation);
      if (version === undefined) fail("what is not allocated was moved");
      if (allocation.pinned) fail("what is pinned was moved");
      if (fromBuffer === allocation.buffer && fromOffset === allocation.offset)
        fail("a move to the same place");
      before.set(allocation, version + 1);
      bytes += allocation.size;
    }
    same("movedBytes", movedBytes, bytes);
    for (const [allocation, version] of before) same("version", allocation.version, version);
    for (const { allocation } of moves) {
      this.#verify(this.#objects.find((object) => object.allocation === allocation)!);
    }
  }

  #misuse(): void {
    const random = this.#random;
    const wrong = random.pick(NOT_INTEGERS);
    expectArgumentError("byteLength", () => this.#heap.allocate(wrong), this.#state);
    expectArgumentError("align", () => this.#heap.allocate(4, wrong), this.#state);
    expectArgumentError("maxHoles", () => this.#heap.defragment({ maxHoles: 1 }), this.#state);
    expectArgumentError("allocation", () => this.#heap.free({} as never), this.#state);
    if (this.#objects.length === 0) return;
    const { allocation } = random.pick(this.#objects);
    const tooMany = new Uint8Array(allocation.size + 4);
    expectArgumentError("byteLength", () => this.#heap.write(allocation, tooMany), this.#state);
  }

  #compare(): void {
    this.#heap.check();
    const { allocations, heldBytes, usedBytes, freeBytes } = this.#heap.stats();
    same("allocations", allocations, this.#objects.length);
    same("usedBytes and freeBytes", usedBytes + freeBytes, heldBytes);
    if (heldBytes > this.#heap.maxBytes) fail(`${heldBytes} bytes are held, more than allowed`);
    for (const object of this.#objects) this.#verify(object);
  }

  readonly #state = (): string => JSON.stringify(this.#heap.stats());
}
