/// <reference types="@webgpu/types" />
/** The page: a camera that flies, rocks that come and go, the heap that holds them, and its figures. */
import { GpuHeap } from "kmem/webgpu";
import { StagingRing } from "kmem/webgpu/staging";
import { drawHeap } from "./heap-picture.ts";
import { Renderer, type Sky } from "./renderer.ts";
import type { Progress } from "./progress.ts";
import { World } from "./world.ts";

const BLOCK_BYTES = 2 ** 20;
const STEP_BYTES = 2 ** 16;
const MOST_HOLES = 0.01;
/** How long something counts as new or moved, in milliseconds. */
const RECENT = 1000;
const PICTURE_EVERY = 6;

const progress: Progress = {
  frames: 0,
  faults: [],
  meshes: 0,
  come: 0,
  gone: 0,
  moves: 0,
  holes: 0,
  buffers: 0,
};
Object.assign(globalThis, { progress });

function element<Type extends HTMLElement>(id: string): Type {
  return document.getElementById(id) as Type;
}

function fault(message: string): void {
  progress.faults.push(message);
  Object.assign(element("fault"), { textContent: message, hidden: false });
}

function skyNow(): Sky {
  return matchMedia("(prefers-color-scheme: dark)").matches ? [0.08, 0.09, 0.12] : [0.87, 0.9, 0.93];
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}

async function start(): Promise<void> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return fault("This browser gives no WebGPU device here, which the scene needs.");
  const device = await adapter.requestDevice();
  device.onuncapturederror = ({ error }) => fault(error.message);
  const heap = new GpuHeap(device, {
    usage: GPUBufferUsage.VERTEX,
    blockBytes: BLOCK_BYTES,
    label: "rocks",
    onError: ({ message }) => fault(message),
  });
  const world = new World(heap, new StagingRing(device, { chunkBytes: 2 ** 20 }), device.queue);
  const renderer = new Renderer(device, element("scene"), navigator.gpu.getPreferredCanvasFormat());
  run(heap, world, renderer);
}

function run(heap: GpuHeap<GPUDevice>, world: World, renderer: Renderer): void {
  const moved = new WeakMap<object, number>();
  let [x, z, last, movedBytes] = [0, 0, performance.now(), 0];
  const frameTimes: number[] = [];

  const frame = (now: number): void => {
    const seconds = Math.min(0.1, (now - last) / 1000);
    frameTimes.push(now - last);
    if (frameTimes.length > 60) frameTimes.shift();
    last = now;
    const heading = 0.6 * Math.sin(now / 9000);
    const speed = Number(element<HTMLInputElement>("speed").value);
    x += Math.sin(heading) * speed * seconds;
    z += Math.cos(heading) * speed * seconds;
    world.update(x, z, now);
    if (element<HTMLInputElement>("defragment").checked) {
      // Nothing is recorded here that is not submitted yet, so places may change.
      const step = heap.defragment({ maxBytes: STEP_BYTES, maxHoles: MOST_HOLES });
      for (const { allocation } of step.moves) moved.set(allocation, now);
      movedBytes += step.movedBytes;
      progress.moves += step.moves.length;
    }
    renderer.draw({ x, y: 7, z, heading }, world.rocks.values(), skyNow());
    if (progress.frames % PICTURE_EVERY === 0) show(now);
    progress.frames++;
    if (progress.faults.length === 0) requestAnimationFrame(frame);
  };

  const show = (now: number): void => {
    const bases = new Map(heap.buffers.map((buffer, index) => [buffer, index * BLOCK_BYTES]));
    const recent = new Map<number, "fresh" | "moved">();
    for (const { allocation, since } of world.rocks.values()) {
      const offset = (bases.get(allocation.buffer) ?? 0) + allocation.offset;
      if (now - since < RECENT) recent.set(offset, "fresh");
      else if (now - (moved.get(allocation) ?? -Infinity) < RECENT) recent.set(offset, "moved");
    }
    drawHeap(element("heap"), heap.snapshot(), BLOCK_BYTES, recent);
    const { heldBytes, usedBytes, holes, blockBuffers } = heap.stats();
    const frameTime = frameTimes.reduce((sum, each) => sum + each, 0) / frameTimes.length;
    const { come, gone, rocks } = world;
    Object.assign(progress, { meshes: rocks.size, come, gone, holes, buffers: blockBuffers });
    const figures: Record<string, string> = {
      meshes: rocks.size.toLocaleString("en"),
      "meshes that came": come.toLocaleString("en"),
      "meshes that went": gone.toLocaleString("en"),
      buffers: `${blockBuffers}`,
      "held by the buffers": mebibytes(heldBytes),
      "in use": mebibytes(usedBytes),
      holes: `${(100 * holes).toFixed(1)} %`,
      "moved by defragmentation": mebibytes(movedBytes),
      "a frame": `${frameTime.toFixed(1)} ms`,
    };
    element("figures").replaceChildren(
      ...Object.entries(figures).flatMap(([name, value]) => [
        Object.assign(document.createElement("dt"), { textContent: name }),
        Object.assign(document.createElement("dd"), { textContent: value }),
      ]),
    );
  };

  requestAnimationFrame(frame);
}

void start().catch((error: unknown) => fault(String(error)));
