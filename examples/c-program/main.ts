// A C program in Wasm, once on kmem's malloc and once on dlmalloc, which the C library has: the same answers, and the time.
//
//   npm run example -- c-program [requests]      2,000,000 requests a round unless told otherwise

import { wasmAllocator } from "kmem/wasm";
import { wasm } from "../../scripts/wasm/webassembly.ts";
import { compile } from "./build.ts";

const ROUNDS = 9;
const KEYS = 20_000;

interface Program {
  readonly memory: InstanceType<typeof wasm.Memory>;
  _initialize(): void;
  serve(requests: number, keys: number): number;
  kmem_heap_base(): number;
  kmem_errno(): number;
}

/** Makes the two modules, or ends with what is missing. */
function modules(): InstanceType<typeof wasm.Module>[] {
  try {
    return [new wasm.Module(compile("kmem")), new wasm.Module(compile("dlmalloc"))];
  } catch (error) {
    console.error(`cannot compile C for wasm32-wasi (npm run setup -- wasm): ${(error as Error).message}`);
    process.exit(1);
  }
}

const requests = Number(process.argv[2] ?? "2000000");
if (!Number.isInteger(requests) || requests < 1) {
  console.error(`requests must be a positive integer, got ${process.argv[2]}`);
  process.exit(2);
}
const [withKmem, withDlmalloc] = modules();

const allocator = wasmAllocator(() => onKmem.memory, {
  base: () => onKmem.kmem_heap_base(),
  errno: () => onKmem.kmem_errno(),
});
const imports = { kmem: { ...allocator.imports } };
const onKmem = new wasm.Instance(withKmem!, imports).exports as Program;
const onDlmalloc = new wasm.Instance(withDlmalloc!, {}).exports as Program;

/** Milliseconds of each round, and the checksums of all. */
const runs = [onKmem, onDlmalloc].map((program) => ({ program, ms: [] as number[], sums: [] as number[] }));
for (const { program } of runs) program._initialize();
// They take turns, so that what else the machine does meets both. The first round is for V8 to compile.
for (let round = 0; round <= ROUNDS; round++) {
  for (const { program, ms, sums } of runs) {
    const startedMs = performance.now();
    sums.push(program.serve(requests, KEYS) >>> 0);
    if (round > 0) ms.push(performance.now() - startedMs);
  }
}

const [kmem, dlmalloc] = runs.map(({ ms, sums, program }) => ({
  // Other work on the machine only ever makes a round slower.
  ms: Math.min(...ms),
  sums: sums.join(" "),
  mib: program.memory.buffer.byteLength / 2 ** 20,
}));
if (kmem!.sums !== dlmalloc!.sums) throw new Error(`different answers: ${kmem!.sums}, ${dlmalloc!.sums}`);

console.log(
  `${requests.toLocaleString("en")} requests to a cache of ${KEYS.toLocaleString("en")} texts, the fastest of ${ROUNDS} rounds\n`,
);
for (const [name, { ms, mib }] of Object.entries({ kmem: kmem!, dlmalloc: dlmalloc! })) {
  console.log(`  ${name.padEnd(8)}  ${ms.toFixed(0).padStart(5)} ms  ${mib.toFixed(1).padStart(5)} MiB`);
}
console.log(`\nThe same answers. kmem takes ${(kmem!.ms / dlmalloc!.ms).toFixed(2)} of dlmalloc's time.\n`);

const { objects, usedBytes, heldBytes } = allocator.heap.stats();
allocator.heap.check();
console.log("What only kmem can tell of its heap, which it has checked:");
console.log(`  ${objects.toLocaleString("en")} objects of ${(usedBytes / 2 ** 20).toFixed(1)} MiB`);
console.log(`  ${(heldBytes / 2 ** 20).toFixed(1)} MiB of pages hold them`);
