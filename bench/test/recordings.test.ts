/** Recorded streams: what the codec gives back, what is stored, and how heaptrack's lines are read. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createRandom, integerBelow } from "../src/random.ts";
import { readIndex, readRecording } from "../src/recordings/catalogue.ts";
import { countKinds, decodeRecording, encodeRecording } from "../src/recordings/codec.ts";
import { readHeaptrack } from "../src/recordings/heaptrack.ts";
import { StreamBuilder } from "../src/stream/builder.ts";
import { KIND_BITS, KIND_MASK, OPERATION_WORDS, type OperationStream } from "../src/stream/layout.ts";

const folder = mkdtempSync(join(tmpdir(), "kmem-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Operations of all kinds that a recording holds, slots vacated last taken first. */
function randomStream(operationCount: number, seed: number): OperationStream {
  const next = createRandom(seed);
  const builder = new StreamBuilder();
  const live: number[] = [];
  const vacant: number[] = [];
  let slotCount = 0;
  builder.endSetup();
  for (let i = 0; i < operationCount; i++) {
    const choice = integerBelow(next, 4);
    const size = integerBelow(next, 2 ** integerBelow(next, 31));
    const at = integerBelow(next, live.length);
    const slot = live[at];
    if (choice === 0 && slot !== undefined) {
      builder.free(slot);
      vacant.push(slot);
      live.splice(at, 1);
    } else if (choice === 1 && slot !== undefined) {
      builder.realloc(slot, size);
    } else {
      const taken = vacant.pop() ?? slotCount++;
      builder[choice === 2 ? "calloc" : "malloc"](taken, size);
      live.push(taken);
    }
  }
  builder.endRoundAndFreeAll();
  return builder.finish();
}

describe("the codec", () => {
  it("gives back what it was given", () => {
    for (const seed of [1, 2, 3]) {
      const stream = randomStream(2000, seed);
      expect(decodeRecording(encodeRecording(stream, "heap"))).toEqual(stream);
    }
  });

  it("refuses what it did not write", () => {
    expect(() => decodeRecording(Buffer.from("something else"))).toThrow("Decompression failed");
  });
});

describe("the stored recordings", () => {
  const index = readIndex();

  it("are of at least six programs, 100,000 to 1,000,000 operations each", () => {
    const programs = index.filter(({ name }) => !name.startsWith("kernel-"));
    expect(programs.length).toBeGreaterThanOrEqual(6);
    for (const { operations } of programs) {
      const count = Object.values(operations).reduce((sum, each) => sum + each, 0);
      expect(count).toBeGreaterThanOrEqual(1e5);
      expect(count).toBeLessThanOrEqual(1e6);
    }
  });

  it.each(index)("$name holds what the index says", ({ name, operations, peakPayloadBytes }) => {
    const stream = readRecording(name);
    expect(countKinds(stream)).toEqual(operations);
    expect(stream.peakPayloadBytes).toBe(peakPayloadBytes);
  });
});

describe("a recording of heaptrack", () => {
  const path = join(folder, "raw");
  const read = async (lines: readonly string[]): Promise<{ operations: string[]; orphanCount: number }> => {
    writeFileSync(path, lines.join("\n"));
    const { stream, orphanCount } = await readHeaptrack(path);
    const names = ["free", "malloc", "calloc", "realloc"];
    const operations = Array.from({ length: stream.roundCount }, (_, index) => {
      const head = stream.words[index * OPERATION_WORDS]!;
      return `${names[head & KIND_MASK]} ${head >>> KIND_BITS} ${stream.words[index * OPERATION_WORDS + 1]}`;
    });
    return { operations, orphanCount };
  };

  it("is read with its marks", async () => {
    const lines = [
      "v 10400 3",
      "+ 11c00 1 a00", // the C++ library's pool
      "+ a 2 b10",
      "t 1 2",
      "+ 15 3 c20",
      "- c21", // it came from calloc
      "- b10",
      "t 2 3",
      "+ 3e8 4 d30",
      "- d32", // in place of b10
      "- c20",
      "+ 5 5 e40",
      "- d30",
      "- e40",
      "- a00",
    ];
    expect(await read(lines)).toEqual({
      operations: [
        "malloc 0 10",
        "calloc 1 21",
        "realloc 0 1000",
        "free 1 0",
        "malloc 1 5",
        "free 0 0",
        "free 1 0",
      ],
      orphanCount: 1,
    });
  });

  it("takes a realloc of an object from before the recording for a malloc", async () => {
    const lines = ["+ 10 1 b10", "- b10", "- f50", "+ 20 2 c20", "- c22"];
    expect(await read(lines)).toEqual({
      operations: ["malloc 0 16", "free 0 0", "malloc 0 32"],
      orphanCount: 1,
    });
  });

  it("is refused when a mark stands on nothing", async () => {
    await expect(read(["- b11"])).rejects.toThrow("a mark on b10, where nothing is allocated");
  });
});
