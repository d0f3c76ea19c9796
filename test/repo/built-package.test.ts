// The built package, imported by name from the repository's root as a user would, under the pinned Node and
// under whatever other Node the machine has. `npm test` builds before it tests.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Uses each settled name once; any disagreement throws, so the process ends non-zero. */
const PROGRAM = `
import assert from "node:assert/strict";
import { BuddyAllocator, SlabCache, Heap, NONE, AllocError, OutOfMemoryError } from "kmem";

assert.equal(NONE, -1);

const buddy = new BuddyAllocator({ size: 1 << 20 });
const block = buddy.allocate(3);
assert.equal(buddy.sizeOf(block), 8 * 4096);
assert.equal(block % (8 * 4096), 0);
buddy.free(block);
assert.throws(() => buddy.free(block), AllocError);
assert.throws(() => buddy.tryAllocate(20), RangeError);
const whole = buddy.allocate(buddy.maxOrder);
assert.equal(buddy.tryAllocate(0), NONE);
buddy.free(whole);

const cache = new SlabCache(buddy, { name: "inode", objectSize: 600 });
const object = cache.allocate();
cache.free(object);
assert.throws(() => cache.free(object), AllocError);
cache.destroy();

const heap = new Heap({ size: 1 << 20 });
const offset = heap.malloc(100);
assert.equal(offset % 16, 0);
assert.ok(heap.usableSize(offset) >= 100);
assert.ok(heap.owns(offset));
heap.free(offset);
assert.throws(() => heap.malloc(2 << 20), (error) => {
  assert.ok(error instanceof OutOfMemoryError && error instanceof AllocError && error instanceof Error);
  assert.equal(error.code, "OUT_OF_MEMORY");
  return true;
});
assert.equal(heap.tryMalloc(2 << 20), NONE);

const bytes = new Heap({ buffer: new ArrayBuffer(1 << 20) });
const view = bytes.array(Float32Array, 10);
view.fill(1.5);
assert.equal(view.length, 10);
bytes.freeArray(view);
for (const allocator of [buddy, heap, bytes]) allocator.check();

console.log("ok " + process.version);
`;

/** Every Node on this machine that is not the one of node_modules. */
function otherNodes(): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/bin", "/usr/bin"];
  const candidates = folders
    .filter((folder) => folder !== "" && !folder.split(sep).includes("node_modules"))
    .map((folder) => join(folder, "node"))
    .filter((path) => existsSync(path));
  return [...new Set(candidates)];
}

function run(nodePath: string): string {
  const args = ["--input-type=module", "--eval", PROGRAM];
  return execFileSync(nodePath, args, { cwd: root, encoding: "utf8" }).trim();
}

test("works by name under the pinned Node", () => {
  expect(run(process.execPath)).toBe(`ok ${process.version}`);
});

test("works by name under the machine's own Node", (context) => {
  const nodes = otherNodes();
  if (nodes.length === 0) {
    console.warn("\n!!! NOT TESTED: this machine has no Node beside the pinned one\n");
    context.skip("no other Node on this machine");
  }
  for (const node of nodes) expect(run(node)).toMatch(/^ok v\d+\./);
});
