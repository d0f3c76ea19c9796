/// <reference types="@webgpu/types" />
/**
 * Allocations used by pipelines in every way that buffers are: uniform, storage, vertex, index and indirect, each at an
 * offset that the heap chose.
 */
import { GpuHeap, type GpuAllocation } from "kmem/webgpu";

// The bits of GPUBufferUsage, of which the global may come only after this module.
const INDEX = 0x10;
const VERTEX = 0x20;
const UNIFORM = 0x40;
const STORAGE = 0x80;
const INDIRECT = 0x100;
const MAP_READ = 1;
const COPY_DST = 8;
const COPY_SRC_TEXTURE = 1;
const RENDER_ATTACHMENT = 16;
/** Bytes of a row of a texture in a buffer: a multiple of 256. */
const ROW_BYTES = 256;

const COMPUTE = `
  @group(0) @binding(0) var<uniform> factor: vec4u;
  @group(0) @binding(1) var<storage, read> source: array<u32>;
  @group(0) @binding(2) var<storage, read_write> result: array<u32>;
  @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
    result[id.x] = source[id.x] * factor.y;
  }`;

const RENDER = `
  struct Corner { @builtin(position) position: vec4f, @location(0) color: vec4f }
  @vertex fn vertex(@location(0) position: vec2f, @location(1) color: vec4f) -> Corner {
    return Corner(vec4f(position, 0, 1), color);
  }
  @fragment fn fragment(@location(0) color: vec4f) -> @location(0) vec4f { return color; }`;

/** What the pipelines made of the bytes, and what was wrong. */
export interface UsesResult {
  /** 1 to 8, each times 3, computed from a uniform and a storage binding, started by an indirect call. */
  readonly products: number[];
  /** A pixel drawn from vertices and indices by an indirect call: red, green, blue, alpha. */
  readonly pixel: number[];
  /** What was wrong, in words; empty when nothing was. */
  readonly faults: string[];
}

/** Uses allocations of heaps of each usage on `device`. */
export async function useEverywhere(device: GPUDevice): Promise<UsesResult> {
  const faults: string[] = [];
  device.onuncapturederror = ({ error }) => faults.push(error.message);
  const place = (
    usage: number,
    data: Uint32Array | Float32Array | Uint16Array,
    align?: number,
  ): GpuAllocation<GPUBuffer> => {
    const heap = new GpuHeap(device, { usage, blockBytes: 2 ** 16 });
    // Not at the start of the buffer: there every offset would do.
    heap.allocate(20);
    const allocation = heap.allocate(data.byteLength, align);
    heap.write(allocation, data);
    if (allocation.offset === 0) faults.push("the offset is 0");
    return allocation;
  };
  const products = await compute(device, place);
  const pixel = await draw(device, place);
  await device.queue.onSubmittedWorkDone();
  return { products, pixel, faults };
}

type Place = (
  usage: number,
  data: Uint32Array | Float32Array | Uint16Array,
  align?: number,
) => GpuAllocation<GPUBuffer>;

function binding({ buffer, offset, size }: GpuAllocation<GPUBuffer>): GPUBufferBinding {
  return { buffer, offset, size };
}

async function compute(device: GPUDevice, place: Place): Promise<number[]> {
  const factor = place(UNIFORM, new Uint32Array([2, 3, 5, 7]));
  const source = place(STORAGE, new Uint32Array([1, 2, 3, 4, 5, 6, 7, 8]));
  const result = place(STORAGE, new Uint32Array(8));
  const call = place(INDIRECT, new Uint32Array([8, 1, 1]));
  const module = device.createShaderModule({ code: COMPUTE });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const entries = [factor, source, result].map((allocation, index) => ({
    binding: index,
    resource: binding(allocation),
  }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroupsIndirect(call.buffer, call.offset);
  pass.end();
  const out = device.createBuffer({ size: result.size, usage: MAP_READ | COPY_DST });
  encoder.copyBufferToBuffer(result.buffer, result.offset, out, 0, result.size);
  device.queue.submit([encoder.finish()]);
  await out.mapAsync(MAP_READ);
  return [...new Uint32Array(out.getMappedRange())];
}

async function draw(device: GPUDevice, place: Place): Promise<number[]> {
  // One triangle over everything, of 24 bytes a corner; at a multiple of 24, its number can stand for its offset.
  const corner = (x: number, y: number): number[] => [x, y, 1, 0.2, 0.4, 1];
  const corners = place(VERTEX, new Float32Array([corner(-1, -1), corner(3, -1), corner(-1, 3)].flat()), 24);
  const indices = place(INDEX, new Uint16Array([0, 1, 2, 0]));
  const baseVertex = corners.offset / 24;
  const call = place(INDIRECT, new Uint32Array([3, 1, 0, baseVertex, 0]));
  const module = device.createShaderModule({ code: RENDER });
  const attributes: GPUVertexAttribute[] = [
    { shaderLocation: 0, offset: 0, format: "float32x2" },
    { shaderLocation: 1, offset: 8, format: "float32x4" },
  ];
  const pipeline = device.createRenderPipeline({
    layout: "auto",
    vertex: { module, buffers: [{ arrayStride: 24, attributes }] },
    fragment: { module, targets: [{ format: "rgba8unorm" }] },
  });
  const usage = COPY_SRC_TEXTURE | RENDER_ATTACHMENT;
  const texture = device.createTexture({ size: [1, 1], format: "rgba8unorm", usage });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginRenderPass({
    colorAttachments: [{ view: texture.createView(), loadOp: "clear", storeOp: "store" }],
  });
  pass.setPipeline(pipeline);
  pass.setVertexBuffer(0, corners.buffer);
  pass.setIndexBuffer(indices.buffer, "uint16", indices.offset, indices.size);
  pass.drawIndexedIndirect(call.buffer, call.offset);
  pass.end();
  const out = device.createBuffer({ size: ROW_BYTES, usage: MAP_READ | COPY_DST });
  encoder.copyTextureToBuffer({ texture }, { buffer: out, bytesPerRow: ROW_BYTES }, [1, 1]);
  device.queue.submit([encoder.finish()]);
  await out.mapAsync(MAP_READ);
  return [...new Uint8Array(out.getMappedRange(0, 4))];
}
