/**
 * The parts of WebGPU that a heap uses, so that any implementation fits: a browser's, Dawn's in Node, Deno's.
 *
 * These are shapes, not classes: a `GPUDevice` is a `DeviceLike` as it stands.
 */

/** The part of `GPUBuffer` that a heap uses. */
export interface BufferLike {
  /** Bytes in the buffer. */
  readonly size: number;
  /** Gives its memory back, once the work submitted so far is done. */
  destroy(): unknown;
  /** Maps it for reading (1) or writing (2). */
  mapAsync(mode: number): Promise<unknown>;
  /** Its bytes while it is mapped. */
  getMappedRange(): ArrayBuffer;
  /** Ends the mapping. */
  unmap(): unknown;
}

/** The part of `GPUCommandEncoder` that a heap uses. */
export interface EncoderLike<Buffer> {
  /** Records a copy of `size` bytes between two different buffers. */
  copyBufferToBuffer(
    source: Buffer,
    sourceOffset: number,
    destination: Buffer,
    destinationOffset: number,
    size: number,
  ): unknown;
  /** Ends the recording. */
  finish(): unknown;
}

/** The part of `GPUQueue` that frees wait for. */
export interface QueueLike {
  /** Resolves when the work submitted before the call is done. */
  onSubmittedWorkDone(): Promise<unknown>;
}

/** The limits that a heap reads. */
export interface LimitsLike {
  /** Bytes that a buffer may have. */
  readonly maxBufferSize: number;
  /** What the offset of a uniform binding must be a multiple of. */
  readonly minUniformBufferOffsetAlignment: number;
  /** What the offset of a storage binding must be a multiple of. */
  readonly minStorageBufferOffsetAlignment: number;
}

/** What a heap asks a device to make. */
export interface BufferDescriptor {
  /** A name for messages. */
  label: string;
  /** Bytes. */
  size: number;
  /** Bits of `GPUBufferUsage`. */
  usage: number;
  /** Hand the buffer out mapped. */
  mappedAtCreation?: boolean;
}

/** The part of `GPUDevice` that a heap uses. */
export interface DeviceLike<Buffer extends BufferLike = BufferLike> {
  /** What the device can do. */
  readonly limits: LimitsLike;
  /** Where work is submitted. */
  readonly queue: QueueLike & {
    // Methods, not functions, so that a queue that takes only its own command buffers fits.
    submit(commands: never[]): unknown;
    writeBuffer(buffer: never, offset: number, data: ArrayBuffer | Uint8Array<ArrayBuffer>): unknown;
  };
  /** Resolves when the device is lost, with the reason. */
  readonly lost: Promise<{ readonly reason?: unknown; readonly message: string }>;
  /** Makes a buffer. */
  createBuffer(descriptor: BufferDescriptor): Buffer;
  /** Begins the recording of commands. */
  createCommandEncoder(): EncoderLike<never>;
  /** Begins to catch errors of one kind. */
  pushErrorScope(filter: "validation" | "out-of-memory" | "internal"): unknown;
  /** Ends that; resolves with the first error caught, or null. */
  popErrorScope(): Promise<{ readonly message: string } | null>;
}

/** The buffers that a device makes. */
export type BufferOf<Device extends DeviceLike> = ReturnType<Device["createBuffer"]>;
