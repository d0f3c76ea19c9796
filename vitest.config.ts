import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes minutes, in compilers and model checkers; the longest first. */
const LONGEST = ["bench/wasm/programs.test.ts", "shared/model.test.ts", "shared/crash.test.ts"];

/** Where a file stands among the longest; behind all of them for another. */
function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((end) => moduleId.endsWith(end));
  return rank === -1 ? LONGEST.length : rank;
}

/** Begins with the longest files, so that two at a time end at about the same time. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

/** `npm run mutation` runs a few tests a thousand times, and counts on one process for all. */
const isMutation = process.env["KMEM_MUTATION"] !== undefined;

export default defineConfig({
  resolve: {
    // Tests see the library's source, so that a failure points into it; test/repo looks at the build.
    alias: [
      {
        find: /^kmem[/]debug$/,
        replacement: fileURLToPath(new URL("packages/kmem/src/debug/index.ts", import.meta.url)),
      },
      {
        find: /^kmem\/wasm$/,
        replacement: fileURLToPath(new URL("packages/kmem/src/wasm/index.ts", import.meta.url)),
      },
      {
        find: /^kmem[/]image$/,
        replacement: fileURLToPath(new URL("packages/kmem/src/image/index.ts", import.meta.url)),
      },
      { find: /^kmem$/, replacement: fileURLToPath(new URL("packages/kmem/src/index.ts", import.meta.url)) },
      {
        find: /^kmem[/]webgpu$/,
        replacement: fileURLToPath(new URL("packages/kmem/src/webgpu/index.ts", import.meta.url)),
      },
      {
        find: /^kmem\/webgpu\/staging$/,
        replacement: fileURLToPath(new URL("packages/kmem/src/webgpu/staging-ring.ts", import.meta.url)),
      },
    ],
  },
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "library",
          include: ["packages/kmem/test/**/*.test.ts", "bench/{test,wasm}/**/*.test.ts"],
          // Two files at a time: none of them times anything.
          maxWorkers: isMutation ? 1 : 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "lab",
          include: ["packages/lab/test/**/*.test.ts", "examples/**/*.test.ts", "test/**/*.test.ts"],
          // One at a time: some look at how smoothly a page runs, or record what the whole machine does.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
    // Property tests are long by intent; a hang still ends.
    testTimeout: 120_000,
    isolate: !isMutation,
    hookTimeout: 120_000,
    // `npm run coverage`: what the library's quick tests reach within their own process. What runs in workers and browsers
    // is not counted, so each line needs a test that calls it directly.
    coverage: {
      provider: "v8",
      include: ["packages/kmem/src/**/*.ts"],
      reporter: ["text", "html", "json"],
      reportsDirectory: "coverage",
      thresholds: { lines: 98, branches: 98 },
    },
  },
});
