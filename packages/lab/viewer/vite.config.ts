import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** The recording that the start page offers; it lies beside the page. */
const BUNDLED_TRACE = "small-project.parquet";

/** Puts the bundled recording into the site. */
function bundledTrace(): Plugin {
  return {
    name: "bundled-trace",
    generateBundle() {
      const source = readFileSync(new URL(`../traces/${BUNDLED_TRACE}`, import.meta.url));
      this.emitFile({ type: "asset", fileName: BUNDLED_TRACE, source });
    },
  };
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Two builds of one source: the site, and, in the mode "report", one script that carries its worker inside. */
export default defineConfig(({ mode }) => {
  const isReport = mode === "report";
  return {
    root: here("."),
    // Relative, so that the site may lie in any folder of a server.
    base: "./",
    clearScreen: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    plugins: isReport ? [] : [bundledTrace()],
    resolve: {
      alias: isReport
        ? [{ find: /^.*\/new-worker\.ts$/, replacement: here("src/state/new-worker-inline.ts") }]
        : [],
    },
    worker: { format: isReport ? "iife" : "es" },
    build: {
      outDir: isReport ? "dist/report" : "dist/site",
      target: "es2022",
      // Nothing inlined: the page's policy allows scripts and styles from its own origin alone.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      emptyOutDir: true,
      ...(isReport
        ? {
            cssCodeSplit: false,
            rolldownOptions: {
              input: here("src/main.tsx"),
              output: { format: "iife", entryFileNames: "report.js", assetFileNames: "report[extname]" },
            },
          }
        : {}),
    },
  };
});
