/// <reference types="@webgpu/types" />
/** Draws the ground, and the rocks on it: one draw a rock, the buffer set where it changes. */
import type { Rock } from "./world.ts";
import { VERTEX_BYTES } from "./rocks.ts";

const CODE = `
  struct Camera { view: mat4x4f, sky: vec4f, place: vec4f }
  @group(0) @binding(0) var<uniform> camera: Camera;
  struct Corner { @builtin(position) position: vec4f, @location(0) color: vec4f }
  fn hazy(color: vec4f, place: vec2f) -> vec4f {
    return mix(color, camera.sky, smoothstep(45.0, 98.0, distance(place, camera.place.xz)));
  }
  @vertex fn rockVertex(@location(0) place: vec3f, @location(1) color: vec4f) -> Corner {
    return Corner(camera.view * vec4f(place, 1), hazy(color, place.xz));
  }
  @fragment fn rockFragment(@location(0) color: vec4f) -> @location(0) vec4f { return color; }

  struct Ground { @builtin(position) position: vec4f, @location(0) place: vec2f }
  @vertex fn groundVertex(@builtin(vertex_index) index: u32) -> Ground {
    // A square around the camera that ends where the haze is complete.
    let place = camera.place.xz + 100 * (2 * vec2f(vec2u(index & 1, index >> 1)) - 1);
    return Ground(camera.view * vec4f(place.x, 0, place.y, 1), place);
  }
  @fragment fn groundFragment(@location(0) place: vec2f) -> @location(0) vec4f {
    let sand = sin(place.x * 0.9 + 2 * sin(place.y * 0.35)) * sin(place.y * 0.8 + 2 * sin(place.x * 0.3));
    return hazy(vec4f(vec3f(0.66, 0.61, 0.52) + 0.035 * sand, 1), place);
  }`;

/** Where the camera is, and which way it looks, in radians from the z axis. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly heading: number;
}

/** The colour behind everything: red, green and blue from 0 to 1. */
export type Sky = readonly [number, number, number];

/** The projection of a camera, column by column. */
function viewOf({ x, y, z, heading }: Camera, aspect: number): number[] {
  const [near, far, focus] = [0.2, 200, 1.3];
  const pitch = -0.3;
  const forward = [Math.sin(heading) * Math.cos(pitch), Math.sin(pitch), Math.cos(heading) * Math.cos(pitch)];
  const right = [-Math.cos(heading), 0, Math.sin(heading)];
  const up = [
    right[1]! * forward[2]! - right[2]! * forward[1]!,
    right[2]! * forward[0]! - right[0]! * forward[2]!,
    right[0]! * forward[1]! - right[1]! * forward[0]!,
  ];
  const along = (axis: number[]): number => -(axis[0]! * x + axis[1]! * y + axis[2]! * z);
  const depth = far / (far - near);
  return [0, 1, 2]
    .flatMap((axis) => [
      (right[axis]! * focus) / aspect,
      up[axis]! * focus,
      forward[axis]! * depth,
      forward[axis]!,
    ])
    .concat(
      (along(right) * focus) / aspect,
      along(up) * focus,
      along(forward) * depth - near * depth,
      along(forward),
    );
}

/** Draws into a canvas. */
export class Renderer {
  private readonly device: GPUDevice;
  private readonly canvas: HTMLCanvasElement;
  private readonly context: GPUCanvasContext;
  private readonly rockPipeline: GPURenderPipeline;
  private readonly groundPipeline: GPURenderPipeline;
  private readonly uniforms: GPUBuffer;
  private readonly group: GPUBindGroup;
  private depth: GPUTexture | undefined;

  constructor(device: GPUDevice, canvas: HTMLCanvasElement, format: GPUTextureFormat) {
    this.device = device;
    this.canvas = canvas;
    this.context = canvas.getContext("webgpu")!;
    this.context.configure({ device, format, alphaMode: "opaque" });
    const module = device.createShaderModule({ code: CODE });
    const attributes: GPUVertexAttribute[] = [
      { shaderLocation: 0, offset: 0, format: "float32x3" },
      { shaderLocation: 1, offset: 12, format: "unorm8x4" },
    ];
    const visibility = GPUShaderStage.VERTEX | GPUShaderStage.FRAGMENT;
    const groupLayout = device.createBindGroupLayout({ entries: [{ binding: 0, visibility, buffer: {} }] });
    const shared = {
      layout: device.createPipelineLayout({ bindGroupLayouts: [groupLayout] }),
      depthStencil: { format: "depth24plus", depthWriteEnabled: true, depthCompare: "less" },
    } as const;
    this.rockPipeline = device.createRenderPipeline({
      ...shared,
      vertex: { module, entryPoint: "rockVertex", buffers: [{ arrayStride: VERTEX_BYTES, attributes }] },
      fragment: { module, entryPoint: "rockFragment", targets: [{ format }] },
    });
    this.groundPipeline = device.createRenderPipeline({
      ...shared,
      vertex: { module, entryPoint: "groundVertex" },
      fragment: { module, entryPoint: "groundFragment", targets: [{ format }] },
      primitive: { topology: "triangle-strip" },
    });
    this.uniforms = device.createBuffer({
      size: 96,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.group = device.createBindGroup({
      layout: groupLayout,
      entries: [{ binding: 0, resource: { buffer: this.uniforms } }],
    });
  }

  /** Draws `rocks` as `camera` sees them. */
  draw(camera: Camera, rocks: Iterable<Rock>, sky: Sky): void {
    this.resize();
    const view = viewOf(camera, this.canvas.width / this.canvas.height);
    this.device.queue.writeBuffer(
      this.uniforms,
      0,
      new Float32Array([...view, ...sky, 1, camera.x, 0, camera.z, 0]),
    );
    const encoder = this.device.createCommandEncoder();
    const [r, g, b] = sky;
    const pass = encoder.beginRenderPass({
      colorAttachments: [
        {
          view: this.context.getCurrentTexture().createView(),
          clearValue: { r, g, b, a: 1 },
          loadOp: "clear",
          storeOp: "store",
        },
      ],
      depthStencilAttachment: {
        view: this.depth!.createView(),
        depthClearValue: 1,
        depthLoadOp: "clear",
        depthStoreOp: "discard",
      },
    });
    pass.setBindGroup(0, this.group);
    pass.setPipeline(this.groundPipeline);
    pass.draw(4);
    pass.setPipeline(this.rockPipeline);
    let bound: GPUBuffer | undefined;
    for (const { allocation, vertexCount } of rocks) {
      const { buffer, offset } = allocation;
      if (buffer !== bound) pass.setVertexBuffer(0, buffer);
      bound = buffer;
      // Where the rock lies is asked for in each frame: a move needs nothing else here.
      pass.draw(vertexCount, 1, offset / VERTEX_BYTES);
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  private resize(): void {
    const { canvas, device } = this;
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    if (this.depth !== undefined && canvas.width === width && canvas.height === height) return;
    Object.assign(canvas, { width, height });
    this.depth?.destroy();
    const usage = GPUTextureUsage.RENDER_ATTACHMENT;
    this.depth = device.createTexture({ size: [width, height], format: "depth24plus", usage });
  }
}
