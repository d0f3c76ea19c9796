/** How the figures are made and what to doubt about them: said in the terminal and in the documentation. */

import { REFERENCE_SUBJECT } from "../subjects/catalogue.ts";

/** What the columns mean and how they are measured. */
export const METHOD: readonly string[] = [
  "Every subject carries out the same operations in the same order: one stream, recorded or made from a seed, which each process reads from a file before the clock starts. A checksum shows that all saw the same stream.",
  "Recorded streams are what real programs and a real kernel asked for, see bench/recordings. What a program leaves to the system at its end is freed after each round, untimed.",
  "ns: a process runs warm-up rounds, then timed rounds; its figure is the median round. The processes of all subjects take turns. Tables show the median over processes; where a least and a greatest stand beside it, they are those of the processes.",
  "The first word of each object is written, as a program would; tables and columns “without the write” leave that out. Both come from the same processes, in alternating order. For new Uint8Array and Buffer.allocUnsafe it is the first byte.",
  "The loops without an allocator, in JavaScript and in C, stand in rows of their own: they read the stream and keep the table of live objects. Net is the median less that of the loop in the same language; it leaves cache misses on objects in.",
  `× ${REFERENCE_SUBJECT}: the median over ${REFERENCE_SUBJECT}'s median in the same run; below 1 is faster. Heap ÷: kmem's median over that of the row, geometric mean over the workloads of the group.`,
  "kmem Heap: the loop finds the heap in a constant of its module. kmem Heap, inlined (not in every run that is kept): the same, in a Node that was started with --max-inlined-bytecode-size-cumulative=3000, so that V8 compiles all that a loop calls into it. kmem Heap, variable: V8 cannot know the heap, as in a function that is handed it. kmem Heap, in Wasm: the loop is inside a Wasm module, compiled with kmem.c, which imports malloc and its family from kmem/wasm. dlmalloc, emmalloc: linked into a Wasm module and called from JavaScript; “in Wasm”: with the loop inside the module too.",
  "* marks figures of subjects that a time limit of two seconds cut short: reckoned from the part of a round that was done. @thi.ng/malloc and malloc (npm) are left out where more than 20,000 objects live at once, and what runs in Wasm modules or is left to the collector above 2,000,000.",
  "Single operations: each is timed by itself after a warm-up, the last quarter of it timed likewise, the clock's own cost (20 to 60 ns) included; nine rounds of each of three processes at most, and of each figure the median over these rounds. Interruptions by the system are in it: the rows of the bare loops show how much. The collector's runs are told from operations during which it ran.",
  "Footprint of a native allocator: a separate pass writes every byte of every object; the process's anonymous resident memory (/proc/self/smaps_rollup) is sampled at 256 places and where the payload is largest; the greatest sample, less that of the same program without an allocator. Code is not counted. The same for new Uint8Array and Buffer.allocUnsafe, less that of the bare loop in JavaScript.",
  "Footprint of kmem: sampled at the same places, pages held plus all metadata, as stats() reports them: the tables for the space as far as the heap has grown, not those for what it may grow to, which are untouched zeros. A heap begins with 64 KiB and may grow to four times the peak payload, 16 MiB at least. Code is not counted. A SlabCache alone does not report the tables of its slabs: they are left out there.",
  "Footprint of the others: dlmalloc and emmalloc, what they took by sbrk; AssemblyScript's TLSF, the whole memory, which it doubles; @thi.ng/malloc and malloc (npm), up to the end of the last block in use.",
  "Payload: the bytes that the program asked for and has not yet freed, at their peak.",
];

/** What could mislead. */
export const DOUBTS: readonly string[] = [
  "The loop finds “kmem Heap” in a constant of its own module, and V8 compiles the places of the heap's tables into the loop. A function that is handed its heap, or takes it from a variable, pays more: “kmem Heap, variable”.",
  "The loop does all that a program does in one function. V8 compiles up to 920 bytes of bytecode into it: malloc, free and calloc, but not what is rarer; in runs of commit c6f4941 and before, calloc was left out, and a call of 7 ns. “kmem Heap, inlined”, where a run has it, shows what that costs. A program whose own functions fill those bytes pays a call of some 5 ns for what has no room.",
  "All figures are of warm programs: rounds are repeated, free memory of earlier rounds is at hand, V8 has compiled all that they use, which takes it up to forty million operations. A short program pays for first touches of pages, natively too, and for V8's compiler, which no native allocator has.",
  "An offset takes 4 bytes in the JavaScript program's table of live objects, a pointer 8 in the C program's: with many live objects the JavaScript loop touches less memory. That is a property of offsets, but not of the allocator's code.",
  "The stream names the operations ahead of time, so a processor can run ahead into the next operation while a cache miss of this one is under way. A real program would hide less.",
  "The programs' own work between operations is left out: it would push the allocators' tables out of the caches.",
  "A native allocator serves malloc through the dynamic linker and must be ready for several threads; kmem's Heap is for one thread and can be inlined into the loop.",
  "Native allocators move a large realloc by remapping pages; in an array buffer bytes have to be copied.",
  "Resident memory counts what the system gave, page by page; kmem's count is its own, and trusts stats(). Native allocators keep pages for a while on purpose, to be fast.",
  "Debian's versions are not the newest: mimalloc 2.0.9, tcmalloc (gperftools) 2.10, jemalloc 5.3, emscripten 3.1.6.",
  "python3 asks malloc for each small object only because PYTHONMALLOC=malloc says so. Threads of node are in one stream.",
  "On a shared or virtual machine the memory system is shared with others; the spread shows how much that mattered.",
];
