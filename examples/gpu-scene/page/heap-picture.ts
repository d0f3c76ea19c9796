/// <reference types="@webgpu/types" />
/** The picture of a heap: a bar for each buffer, with what is in use, new and moved. */
import type { HeapSnapshot } from "kmem";

const BAR_HEIGHT = 7;
const BAR_GAP = 2;

/** Draws `snapshot`, of buffers of `blockBytes` each; `recent` tells what of it is new or moved, by offset in the heap. */
export function drawHeap(
  canvas: HTMLCanvasElement,
  snapshot: HeapSnapshot,
  blockBytes: number,
  recent: ReadonlyMap<number, "fresh" | "moved">,
): void {
  const style = getComputedStyle(canvas);
  const color = (name: string): string => resolve(style, name);
  const colors = {
    line: color("--line"),
    used: color("--used"),
    fresh: color("--fresh"),
    moved: color("--moved"),
  };
  const barCount = Math.max(1, Math.ceil(snapshot.size / blockBytes));
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const pitch = (BAR_HEIGHT + BAR_GAP) * devicePixelRatio;
  const height = Math.round(barCount * pitch);
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    canvas.style.height = `${height / devicePixelRatio}px`;
  }
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, width, height);
  const bar = (offset: number, byteLength: number, fill: string): void => {
    const row = Math.floor(offset / blockBytes);
    const left = ((offset - row * blockBytes) / blockBytes) * width;
    context.fillStyle = fill;
    context.fillRect(left, row * pitch, (byteLength / blockBytes) * width, BAR_HEIGHT * devicePixelRatio);
  };
  for (let row = 0; row < snapshot.size / blockBytes; row++) bar(row * blockBytes, blockBytes, colors.line);
  for (const { offset, byteLength } of snapshot.large)
    bar(offset, byteLength, colors[recent.get(offset) ?? "used"]);
}

/** A custom property with its light or dark value chosen. */
function resolve(style: CSSStyleDeclaration, name: string): string {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const [, light, dark] = /light-dark\((.*), (.*)\)/.exec(style.getPropertyValue(name)) ?? [];
  return (isDark ? dark : light) ?? style.getPropertyValue(name);
}
