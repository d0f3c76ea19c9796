/// <reference types="@webgpu/types" />
/** A real device that runs out of memory, refuses, and is lost: which errors a heap makes of that. */
import { AllocError } from "kmem";
import { GpuHeap } from "kmem/webgpu";

/** The code of the error with which `action` ends, and of each that its heap's owner was told. */
export interface Failures {
  /** A buffer larger than the device has memory for. */
  readonly outOfMemory: string[];
  /** Everything after the device was destroyed. */
  readonly lost: string[];
  /** What was wrong, in words; empty when nothing was. */
  readonly faults: string[];
}

/** Makes `adapter`'s device fail in each way. */
export async function fail(adapter: GPUAdapter): Promise<Failures> {
  const { maxBufferSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize } });
  const faults: string[] = [];
  device.onuncapturederror = ({ error }) => faults.push(error.message);
  const told: string[] = [];
  const heap = new GpuHeap(device, {
    usage: GPUBufferUsage.VERTEX,
    onError: ({ code }, gone) => told.push(`${code} of ${gone.length}`),
  });
  const kept = heap.allocate(1000);
  await heap.ready();
  const large = heap.allocate(maxBufferSize);
  const outOfMemory = [await codeOf(() => heap.ready()), ...told.splice(0)];
  outOfMemory.push(await codeOf(() => heap.write(large, new Uint8Array(4))));
  // The rest of the heap goes on.
  heap.write(kept, new Uint8Array(4));
  await device.queue.onSubmittedWorkDone();
  device.destroy();
  await device.lost;
  const lost = [await codeOf(() => heap.allocate(1000)), ...told];
  lost.push(await codeOf(() => heap.write(kept, new Uint8Array(4))), await codeOf(() => heap.ready()));
  kept.free();
  return { outOfMemory, lost, faults };
}

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    return error instanceof AllocError ? error.code : String(error);
  }
  return "no error";
}
