/**
 * A stage of the pipeline, in a worker of its own: the source makes frames, the filter halves their volume, the meter
 * measures and frees them. What goes between stages is a frame's offset in the shared heap, or a copy of the frame.
 */
/* oxlint-disable unicorn/require-post-message-target-origin -- a port between threads has no origin */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { SharedHeap, type SharedHeapHandle } from "kmem";

/** Samples of a frame: 10 ms of two channels at 48 kHz. */
export const SAMPLE_COUNT = 960;
/** Frames that are on their way at a time. */
const IN_FLIGHT = 256;
/** The meter tells the source after so many frames that it may go on. */
const CREDIT = 64;

/** What a stage is told when it starts. */
export interface StageData {
  readonly role: "source" | "filter" | "meter";
  readonly handle: SharedHeapHandle;
  /** Frames are passed by offset; else by copy. */
  readonly byOffset: boolean;
  readonly frameCount: number;
  /** Where frames, and for the source credits, come from. */
  readonly input: MessagePort;
  /** Where frames, and from the meter credits, go to. */
  readonly output: MessagePort;
}

/** What the meter measured. */
export interface Measured {
  readonly frames: number;
  /** The root of the mean of the squares of all samples. */
  readonly volume: number;
  /** Allocations in the shared heap that are left at the end. */
  readonly left: number;
}

type Frame = number | Float32Array<ArrayBuffer>;

const { role, handle, byOffset, frameCount, input, output } = workerData as StageData;
const heap = SharedHeap.attach(handle);

function samplesOf(frame: Frame): Float32Array {
  return typeof frame === "number" ? new Float32Array(heap.buffer, frame, SAMPLE_COUNT) : frame;
}

function makeFrame(index: number): Frame {
  const frame = byOffset ? heap.malloc(SAMPLE_COUNT * 4) : new Float32Array(SAMPLE_COUNT);
  const samples = samplesOf(frame);
  // A sine of 1,000 hertz: 48 samples a turn, 20 turns a frame.
  for (let at = 0; at < SAMPLE_COUNT; at += 2) {
    samples[at] = Math.sin(((at / 2) * 2 * Math.PI) / 48);
    samples[at + 1] = samples[at]! * (index % 2 === 0 ? 1 : -1);
  }
  return frame;
}

function runSource(): void {
  let made = 0;
  const make = (count: number): void => {
    for (let left = Math.min(count, frameCount - made); left > 0; left--)
      output.postMessage(makeFrame(made++));
  };
  input.on("message", make);
  make(IN_FLIGHT);
}

function runFilter(): void {
  input.on("message", (frame: Frame) => {
    const samples = samplesOf(frame);
    for (let at = 0; at < SAMPLE_COUNT; at++) samples[at]! *= 0.5;
    output.postMessage(frame);
  });
}

function runMeter(): void {
  let frames = 0;
  let squares = 0;
  input.on("message", (frame: Frame) => {
    for (const sample of samplesOf(frame)) squares += sample * sample;
    // Any thread may free what another has allocated.
    if (typeof frame === "number") heap.free(frame);
    frames++;
    if (frames % CREDIT === 0) output.postMessage(CREDIT);
    if (frames < frameCount) return;
    const volume = Math.sqrt(squares / (frames * SAMPLE_COUNT));
    parentPort!.postMessage({ frames, volume, left: heap.stats().objects } satisfies Measured);
  });
}

({ source: runSource, filter: runFilter, meter: runMeter })[role]();
