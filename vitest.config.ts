import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

/** Tests that take minutes, in compilers, model checkers and workers of their own, and time nothing. */
const LONG_TESTS = [
  "bench/wasm/**/*.test.ts",
  "packages/kmem/test/enumerate.test.ts",
  "packages/kmem/test/model/model.test.ts",
  "packages/kmem/test/shared/{crash,model}.test.ts",
];

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
    projects: [
      {
        extends: true,
        test: {
          name: "long",
          include: LONG_TESTS,
          // Two files at a time: each waits for one process after another.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "all others",
          include: [
            "packages/*/test/**/*.test.ts",
            "bench/test/**/*.test.ts",
            "examples/**/*.test.ts",
            "test/**/*.test.ts",
          ],
          exclude: [...configDefaults.exclude, ...LONG_TESTS],
          // One at a time: some of them look at how smoothly a page runs, or record what the whole machine does.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
    // Property tests are long by intent; a hang still ends.
    testTimeout: 120_000,
    // `npm run mutation` runs a few tests a thousand times: a new process for each file would be most of the time.
    isolate: process.env["KMEM_MUTATION"] === undefined,
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
