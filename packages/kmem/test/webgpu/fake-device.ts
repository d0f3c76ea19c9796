/**
 * A GPU device in plain memory, with WebGPU's rules: what a real one would report as a validation error throws here.
 *
 * Commands take effect when they are submitted; `finish()` ends the work that is under way, for which
 * `onSubmittedWorkDone` and `mapAsync` wait.
 */
import type { DeviceLike } from "kmem/webgpu";

/** The bits of `GPUBufferUsage`, which is missing where no device is. */
export const BufferUsage = {
  MAP_READ: 0x1,
  MAP_WRITE: 0x2,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  INDEX: 0x10,
  VERTEX: 0x20,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  INDIRECT: 0x100,
  QUERY_RESOLVE: 0x200,
} as const;

const { COPY_DST, COPY_SRC } = BufferUsage;

function demand(condition: boolean, message: string): void {
  if (!condition) throw new Error(`validation: ${message}`);
}

/** A buffer with bytes. */
export class FakeBuffer {
  readonly size: number;
  readonly usage: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  isDestroyed = false;
  private mapped: ArrayBuffer | undefined;
  private readonly device: FakeDevice;

  constructor(device: FakeDevice, size: number, usage: number, isMapped: boolean) {
    this.device = device;
    this.size = size;
    this.usage = usage;
    this.bytes = new Uint8Array(size);
    if (isMapped) this.mapped = new ArrayBuffer(size);
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  async mapAsync(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    this.mapped = this.bytes.slice().buffer;
  }

  getMappedRange(): ArrayBuffer {
    demand(this.mapped !== undefined, "getMappedRange of a buffer that is not mapped");
    return this.mapped!;
  }

  unmap(): void {
    this.bytes.set(new Uint8Array(this.mapped!));
    structuredClone(this.mapped, { transfer: [this.mapped!] });
    this.mapped = undefined;
  }

  /** Throws unless a queue may read or write `size` bytes from `offset` on, with `usage`. */
  requireRange(offset: number, size: number, usage: number): void {
    demand(!this.isDestroyed, "use of a destroyed buffer");
    demand(this.mapped === undefined, "use of a mapped buffer");
    demand((this.usage & usage) !== 0, `usage ${this.usage} lacks ${usage}`);
    demand(offset % 4 === 0 && size % 4 === 0, `offset ${offset} and size ${size} must be multiples of 4`);
    demand(
      offset >= 0 && size >= 0 && offset + size <= this.size,
      `${offset} + ${size} is beyond ${this.size}`,
    );
  }
}

type Command = () => void;

class FakeEncoder {
  private readonly commands: Command[] = [];

  copyBufferToBuffer(
    from: FakeBuffer,
    fromOffset: number,
    to: FakeBuffer,
    toOffset: number,
    size: number,
  ): void {
    demand(from !== to, "source and destination are the same buffer");
    this.commands.push(() => {
      from.requireRange(fromOffset, size, COPY_SRC);
      to.requireRange(toOffset, size, COPY_DST);
      to.bytes.set(from.bytes.subarray(fromOffset, fromOffset + size), toOffset);
    });
  }

  finish(): Command[] {
    return this.commands;
  }
}

class FakeQueue {
  private waiting: (() => void)[] = [];

  submit(lists: Command[][]): void {
    for (const command of lists.flat()) command();
  }

  writeBuffer(buffer: FakeBuffer, offset: number, data: ArrayBuffer | ArrayBufferView): void {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    buffer.requireRange(offset, bytes.length, COPY_DST);
    buffer.bytes.set(bytes, offset);
  }

  onSubmittedWorkDone(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** How many wait for the work under way. */
  get waitingCount(): number {
    return this.waiting.length;
  }

  finish(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** A device whose limits, refusals and loss a test decides. */
export class FakeDevice {
  limits = {
    maxBufferSize: 2 ** 28,
    minUniformBufferOffsetAlignment: 256,
    minStorageBufferOffsetAlignment: 64,
  };
  readonly queue = new FakeQueue();
  readonly buffers: FakeBuffer[] = [];
  readonly lost: Promise<{ reason: string; message: string }>;
  /** The error that the next buffer meets, by the kind of scope that catches it. */
  nextRefusal: { filter: string; message: string } | undefined;
  lose!: (message: string) => void;
  private readonly scopes: { filter: string; error: { message: string } | null }[] = [];

  constructor() {
    this.lost = new Promise((resolve) => {
      this.lose = (message) => resolve({ reason: "unknown", message });
    });
  }

  /** Buffers that are not destroyed. */
  get live(): FakeBuffer[] {
    return this.buffers.filter(({ isDestroyed }) => !isDestroyed);
  }

  createBuffer({
    size,
    usage,
    mappedAtCreation = false,
  }: Parameters<DeviceLike["createBuffer"]>[0]): FakeBuffer {
    demand(size <= this.limits.maxBufferSize, `size ${size} is beyond the limit`);
    const buffer = new FakeBuffer(this, size, usage, mappedAtCreation);
    this.buffers.push(buffer);
    const refusal = this.nextRefusal;
    const scope = this.scopes.findLast(({ filter }) => filter === refusal?.filter);
    if (scope !== undefined && refusal !== undefined) {
      scope.error = { message: refusal.message };
      this.nextRefusal = undefined;
    }
    return buffer;
  }

  createCommandEncoder(): FakeEncoder {
    return new FakeEncoder();
  }

  pushErrorScope(filter: string): void {
    this.scopes.push({ filter, error: null });
  }

  popErrorScope(): Promise<{ message: string } | null> {
    const scope = this.scopes.pop();
    demand(scope !== undefined, "popErrorScope without a scope");
    return Promise.resolve(scope!.error);
  }
}
