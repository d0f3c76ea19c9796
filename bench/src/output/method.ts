/** How the figures are made and what to doubt about them: said in the terminal and in the documentation. */

import { REFERENCE_SUBJECT } from "../subjects/catalogue.ts";

/** What the columns mean and how they are measured. */
export const METHOD: readonly string[] = [
  "Every subject carries out the same operations in the same order: one stream, made from a seed, which each process reads from a file before the clock starts. A checksum shows that all saw the same stream.",
  "ns per op: a process runs warm-up rounds, then timed rounds; its figure is the median round. The processes of all subjects take turns. The table shows the median over processes, and the least and greatest.",
  "The first word of each object is written, as a program would; the columns under “no write” leave that out. Both come from the same processes, in alternating order.",
  "net: the median less that of the loop without an allocator, in the same language, which is shown as a row of its own. It stands for the reading of the stream and of the table of live objects, not for the cache misses on objects.",
  `× ${REFERENCE_SUBJECT}: the median over ${REFERENCE_SUBJECT}'s median in the same run; below 1 is faster.`,
  "footprint of a native allocator: a separate pass writes every byte of every object; the process's anonymous resident memory (/proc/self/smaps_rollup) is sampled at 256 places and where the payload is largest; the greatest sample, less that of the same program without an allocator. Code is not counted.",
  "footprint of kmem: sampled at the same places, pages held plus all metadata, as stats() reports them. The metadata covers the whole space that the allocator was given: the peak payload and half as much again. Code is not counted. A SlabCache alone does not report the tables of its slabs: they are left out there.",
  "payload: the bytes that the program asked for and has not yet freed, at their peak.",
];

/** What could mislead. */
export const DOUBTS: readonly string[] = [
  "The loop finds “kmem Heap” in a constant of its own module, and V8 compiles the places of the heap's tables into the loop. A function that is handed its heap, or takes it from a variable, pays more: “kmem Heap, variable” is the same loop where V8 cannot know the heap.",
  "A heap is made at its full size before the clock starts: it does not grow on the way, as a native allocator's does in the warm-up rounds.",
  "An offset takes 4 bytes in the JavaScript program's table of live objects, a pointer 8 in the C program's: with many live objects the JavaScript loop touches less memory. That is a property of offsets, but not of the allocator's code.",
  "The stream names the operations ahead of time, so a processor can run ahead into the next operation while a cache miss of this one is under way. A real program would hide less.",
  "A native allocator serves malloc through the dynamic linker and must be ready for several threads; kmem's Heap is for one thread and can be inlined into the loop.",
  "Random replacement has no phases and no relation between size and lifetime. Real programs have both.",
  "On a shared or virtual machine the memory system is shared with others; the spread shows how much that mattered.",
];
