/**
 * Synthetic programs with an order to their lifetimes: stacks, queues, buffers that grow, work that is done and
 * dropped at once, objects with alignments, and blocks of pages of mixed orders.
 */

import { createRandom, integerBelow } from "../random.ts";
import { StreamBuilder } from "../stream/builder.ts";
import type { OperationStream } from "../stream/layout.ts";
import { randomSize, shuffledSlots } from "./replacement.ts";
import { payloadBytesOf } from "./workload.ts";

const SEED = 54321;

/** Objects come in bursts of random length and go again, the last first: a stack of up to `depth`. */
export function buildLifo(depth: number, operationCount: number): OperationStream {
  const next = createRandom(SEED);
  const builder = new StreamBuilder(undefined, operationCount + depth);
  builder.endSetup();
  let height = 0;
  for (let done = 0; done < operationCount;) {
    const target = integerBelow(next, depth + 1);
    for (; height < target; done++) builder.malloc(height++, randomSize(next));
    for (; height > target; done++) builder.free(--height);
  }
  builder.endRoundAndFreeAll();
  return builder.finish();
}

/** A queue of `length` objects: the oldest is freed, a new one allocated. */
export function buildFifo(length: number, pairCount: number): OperationStream {
  const next = createRandom(SEED);
  const builder = new StreamBuilder(undefined, length + 2 * pairCount);
  for (let slot = 0; slot < length; slot++) builder.malloc(slot, randomSize(next));
  builder.endSetup();
  for (let pair = 0; pair < pairCount; pair++) {
    builder.free(pair % length);
    builder.malloc(pair % length, randomSize(next));
  }
  return builder.finish();
}

/** Sizes between which a growing buffer begins and ends. */
const FIRST_BUFFER_BYTES = 16;
const LAST_BUFFER_BYTES = 65_536;

/** `bufferCount` buffers that grow by half at a time, a random one at each step; a full one is freed and begins anew. */
export function buildGrowth(bufferCount: number, stepCount: number): OperationStream {
  const next = createRandom(SEED);
  const builder = new StreamBuilder(undefined, bufferCount + 2 * stepCount);
  const sizes = new Float64Array(bufferCount).fill(FIRST_BUFFER_BYTES);
  for (let slot = 0; slot < bufferCount; slot++) builder.malloc(slot, FIRST_BUFFER_BYTES);
  builder.endSetup();
  for (let step = 0; step < stepCount; step++) {
    const slot = integerBelow(next, bufferCount);
    sizes[slot] = Math.ceil((sizes[slot] as number) * 1.5);
    if ((sizes[slot] as number) <= LAST_BUFFER_BYTES) {
      builder.realloc(slot, sizes[slot] as number);
    } else {
      builder.free(slot);
      builder.malloc(slot, FIRST_BUFFER_BYTES);
      sizes[slot] = FIRST_BUFFER_BYTES;
    }
  }
  // Each round begins with small buffers.
  for (let slot = 0; slot < bufferCount; slot++) builder.realloc(slot, FIRST_BUFFER_BYTES);
  return builder.finish();
}

/** `objectCount` objects are allocated and then all freed, in random order; as often as given. */
export function buildSawtooth(objectCount: number, toothCount: number): OperationStream {
  const next = createRandom(SEED);
  const builder = new StreamBuilder(undefined, 2 * objectCount * toothCount);
  builder.endSetup();
  for (let tooth = 0; tooth < toothCount; tooth++) {
    for (let slot = 0; slot < objectCount; slot++) builder.malloc(slot, randomSize(next));
    for (const slot of shuffledSlots(next, objectCount)) builder.free(slot);
  }
  return builder.finish();
}

/** Alignments of the aligned requests: 2^5 to 2^12 bytes, each as likely. */
const MIN_ALIGN_BITS = 5;
const ALIGN_CHOICES = 8;

/** Random replacement among `liveCount` objects, each aligned to 32 to 4096 bytes. */
export function buildAligned(liveCount: number, pairCount: number): OperationStream {
  const next = createRandom(SEED);
  const builder = new StreamBuilder(undefined, liveCount + 2 * pairCount);
  const place = (slot: number): void => {
    const align = 2 ** (MIN_ALIGN_BITS + integerBelow(next, ALIGN_CHOICES));
    builder.aligned(slot, randomSize(next), align);
  };
  for (let slot = 0; slot < liveCount; slot++) place(slot);
  builder.endSetup();
  for (let pair = 0; pair < pairCount; pair++) {
    const slot = integerBelow(next, liveCount);
    builder.free(slot);
    place(slot);
  }
  return builder.finish();
}

/** Most orders of a page mix. */
const MAX_MIX_ORDER = 9;
/** Share of the space that a page mix keeps in use: above it, fragmentation would refuse the larger orders. */
const MIX_SHARE = 0.5;

/**
 * Random replacement of blocks of mixed orders: an order is half as likely as the one below it, as in a kernel, and half
 * of `pageCount` pages are in use.
 */
export function buildPageMix(pageCount: number, pairCount: number): OperationStream {
  const next = createRandom(SEED);
  const builder = new StreamBuilder((order) => payloadBytesOf("buddy", order), pageCount + 2 * pairCount);
  const highest = Math.min(MAX_MIX_ORDER, Math.floor(Math.log2(pageCount / 64)));
  const randomOrder = (): number => Math.min(highest, Math.clz32(next() | 1));
  const orders: number[] = [];
  for (let pages = 0; pages < pageCount * MIX_SHARE;) {
    const order = randomOrder();
    builder.malloc(orders.length, order);
    orders.push(order);
    pages += 2 ** order;
  }
  builder.endSetup();
  // A block takes the place of one of its own order: so the pages in use stay the same, and every round is alike.
  for (let pair = 0; pair < pairCount; pair++) {
    const slot = integerBelow(next, orders.length);
    builder.free(slot);
    builder.malloc(slot, orders[slot] as number);
  }
  return builder.finish();
}
