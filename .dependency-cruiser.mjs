// The order of the layers of packages/kmem/src, bottom to top. A layer is a file or a folder; each may
// import itself and what stands in a row before its own, so the adapters do not see each other.
// packages/kmem/src/README.md describes the same rows.
const LAYERS = [
  ["bits/"],
  ["errors.ts"],
  ["backing/"],
  ["inspect/"],
  ["buddy/"],
  ["slab/"],
  ["heap/"],
  ["shared/"],
  ["debug/", "image/", "wasm/", "webgpu/"],
  ["index.ts"],
];

const ROOT = "packages/kmem/src/";

// The layers of packages/lab/src, bottom to top, in the same way. Those of the first list run in browsers and workers
// too: nothing in them may come from Node.
const LAB_PORTABLE = ["trace", "proc", "import", "replay", "compare"];
const LAB_LAYERS = [...LAB_PORTABLE, "files", "record|live|verify", "view", "cli"];
const LAB = "^packages/lab/src/";

/** A pattern for one layer, anchored at the library's source folder. */
const pattern = (layer) => `^${ROOT}${layer.replaceAll(".", "[.]")}${layer.endsWith("/") ? "" : "$"}`;

const layerRules = LAYERS.flatMap((row, rowIndex) =>
  row.map((layer) => ({
    name: `layer-${layer.replace(/[/]$|[.]ts$/, "")}`,
    comment: `${layer} may import only ${[...LAYERS.slice(0, rowIndex).flat(), layer].join(", ")}`,
    severity: "error",
    from: { path: pattern(layer) },
    to: {
      path: `^${ROOT}`,
      pathNot: [...LAYERS.slice(0, rowIndex).flat(), layer].map(pattern),
    },
  })),
);

// The folders of packages/lab/viewer/src, bottom to top: films and drawing know arrays alone, views everything.
const VIEWER = "^packages/lab/viewer/src/";
const VIEWER_LAYERS = [["film", "draw"], ["playground"], ["worker"], ["state"], ["ui"], ["views"]];

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    {
      name: "layer-unknown",
      comment: "a new file or folder of the library takes its place in LAYERS first",
      severity: "error",
      from: { path: `^${ROOT}`, pathNot: LAYERS.flat().map(pattern) },
      to: {},
    },
    {
      name: "layer-unknown-target",
      comment: "a new file or folder of the library takes its place in LAYERS first",
      severity: "error",
      from: {},
      to: { path: `^${ROOT}`, pathNot: LAYERS.flat().map(pattern) },
    },
    {
      name: "no-cycle",
      comment: "files that import each other cannot be read, tested or replaced one at a time",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "library-stands-alone",
      comment: "the library has no runtime dependencies: it imports nothing outside its own source",
      severity: "error",
      from: { path: `^${ROOT}` },
      to: { pathNot: `^${ROOT}` },
    },
    {
      name: "lab-uses-the-published-face",
      comment:
        'the lab, the benchmarks and the examples import the library as "kmem" or "kmem/…", as any other user does',
      severity: "error",
      from: { path: "^(packages/lab|bench|examples)/" },
      to: { path: "^packages/kmem/", dependencyTypes: ["local"] },
    },
    ...LAB_LAYERS.map((layer, index) => ({
      name: `lab-layer-${layer}`,
      comment: `${layer} may import only ${LAB_LAYERS.slice(0, index + 1).join(", ")}`,
      severity: "error",
      from: { path: `${LAB}(${layer})/` },
      to: { path: LAB, pathNot: `${LAB}(${LAB_LAYERS.slice(0, index + 1).join("|")})/` },
    })),
    {
      name: "lab-runs-in-browsers",
      comment: `${LAB_PORTABLE.join(", ")} run in browsers and workers: no module of Node`,
      severity: "error",
      from: { path: `${LAB}(${LAB_PORTABLE.join("|")})/` },
      to: { dependencyTypes: ["core"] },
    },
    ...VIEWER_LAYERS.map((row, index) => ({
      name: `viewer-layer-${row[0]}`,
      comment: `${row.join(", ")} of the viewer may import only ${VIEWER_LAYERS.slice(0, index + 1)
        .flat()
        .join(", ")}`,
      severity: "error",
      from: { path: `${VIEWER}(${row.join("|")})/` },
      to: {
        path: VIEWER,
        pathNot: `${VIEWER}(${VIEWER_LAYERS.slice(0, index + 1)
          .flat()
          .join("|")})/`,
      },
    })),
    {
      name: "not-resolvable",
      comment: "an import of something that is not there",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 ships no parser for other programs; swc reads the imports, type-only ones too.
    parser: "swc",
    doNotFollow: { path: ["node_modules", "/dist/"] },
    exclude: { path: ["(^|/)(dist|coverage|[.]cache)/"] },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
      extensions: [".ts", ".tsx", ".js", ".mjs", ".json", ".css"],
    },
  },
};
