/// <reference types="@webgpu/types" />
/**
 * Which rocks are there: those of the cells around the camera, each with an allocation in the heap.
 */
import type { GpuAllocation, GpuHeap } from "kmem/webgpu";
import type { StagingRing } from "kmem/webgpu/staging";
import { CELL_SIZE, VERTEX_BYTES, vertexCountOf, writeRock } from "./rocks.ts";

/** Cells from the camera to the edge of what is there. */
const REACH = 34;
/** Rocks that come in a frame at most, so that none takes long. */
const MOST_NEW = 400;

/** A rock that is there. */
export interface Rock {
  readonly x: number;
  readonly z: number;
  readonly vertexCount: number;
  readonly allocation: GpuAllocation<GPUBuffer>;
  /** When it came, in milliseconds. */
  readonly since: number;
}

/** The rocks around a place that moves. */
export class World {
  readonly rocks = new Map<string, Rock>();
  /** Rocks that came and that went, since the beginning. */
  come = 0;
  gone = 0;
  private readonly heap: GpuHeap<GPUDevice>;
  private readonly ring: StagingRing<GPUDevice>;
  private readonly queue: GPUQueue;

  constructor(heap: GpuHeap<GPUDevice>, ring: StagingRing<GPUDevice>, queue: GPUQueue) {
    this.heap = heap;
    this.ring = ring;
    this.queue = queue;
  }

  /** Lets rocks come and go for a camera at `(x, z)`. */
  update(cameraX: number, cameraZ: number, now: number): void {
    const centerX = Math.floor(cameraX / CELL_SIZE);
    const centerZ = Math.floor(cameraZ / CELL_SIZE);
    for (const [key, rock] of this.rocks) {
      if (Math.hypot(rock.x - centerX, rock.z - centerZ) <= REACH + 1) continue;
      // The frame before may still draw it.
      rock.allocation.freeAfter(this.queue);
      this.rocks.delete(key);
      this.gone++;
    }
    let left = MOST_NEW;
    for (let x = centerX - REACH; x <= centerX + REACH && left > 0; x++) {
      for (let z = centerZ - REACH; z <= centerZ + REACH && left > 0; z++) {
        const key = `${x} ${z}`;
        if (this.rocks.has(key) || Math.hypot(x - centerX, z - centerZ) > REACH) continue;
        this.add(key, x, z, now);
        left--;
      }
    }
    this.ring.flush();
  }

  private add(key: string, x: number, z: number, since: number): void {
    const vertexCount = vertexCountOf(x, z);
    const allocation = this.heap.allocate(vertexCount * VERTEX_BYTES, VERTEX_BYTES);
    writeRock(x, z, this.ring.stage(allocation));
    this.rocks.set(key, { x, z, vertexCount, allocation, since });
    this.come++;
  }
}
