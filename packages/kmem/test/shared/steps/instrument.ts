/**
 * The library with a numbered step before every statement, for tests that stop a thread at each of them.
 *
 * The sources are copied without their types into a folder of the cache, and in the functions of the named files a call
 * `__step(n)` is put before each statement. Whoever imports the copy sets what a step does (`onStep` in `step.js`). The
 * library itself knows nothing of it: no hook, no cost.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Node, parse } from "acorn";

const SOURCE = fileURLToPath(new URL("../../../src", import.meta.url));
const ROOT = fileURLToPath(new URL("../../../../..", import.meta.url));

/** The files that change what threads share. */
const STEPPED_FILES = new Set([
  "bits/bit-tree.ts",
  "buddy/buddy-allocator.ts",
  "buddy/free-lists.ts",
  "buddy/page-map.ts",
  "buddy/rebuild.ts",
  "slab/depot.ts",
  "slab/slab-pool.ts",
  "slab/rebuild.ts",
  "heap/heap.ts",
  "shared/inboxes.ts",
  "shared/lock.ts",
  "shared/shared-heap.ts",
  "shared/shared-pool.ts",
  "shared/handle.ts",
  "debug/shared/debug-shared-heap.ts",
  "debug/shared/guard.ts",
  "debug/shared/table.ts",
]);

/** Where a step stands. */
export interface StepPlace {
  /** The file, below `src`. */
  readonly file: string;
  /** The line, from 1. */
  readonly line: number;
  /** The statement's first line. */
  readonly text: string;
  /** The function that it belongs to: the same number in the same function. */
  readonly functionNumber: number;
}

/** The copy. */
export interface SteppedLibrary {
  /** URL of the copy's `index.js`. */
  readonly indexUrl: string;
  /** URL of the module whose `hook.onStep` is called with the number of each step. */
  readonly stepUrl: string;
  /** What stands at each step; its number is the index. */
  readonly places: readonly StepPlace[];
}

/** Text to be put at a position. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** The statements of a file that get a step, and what to insert for them. */
class Stepper {
  readonly insertions: Insertion[] = [];
  private functionCount = 0;
  private readonly places: StepPlace[];
  private readonly file: string;
  private readonly source: string;

  constructor(file: string, source: string, places: StepPlace[]) {
    this.file = file;
    this.source = source;
    this.places = places;
  }

  /** Visits `node`, which belongs to function `outer`; 0 is none. */
  visit(node: Node, outer: number): void {
    const isFunction = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
    const inner = isFunction ? 1000 * this.places.length + ++this.functionCount : outer;
    for (const [key, child] of Object.entries(node)) {
      const isBody = key === "body" || key === "consequent" || key === "alternate";
      for (const each of Array.isArray(child) ? child : [child]) {
        if (typeof each?.type !== "string") continue;
        if (outer !== 0 && isBody && this.isStatement(each)) this.addStep(each, Array.isArray(child), outer);
        this.visit(each, inner);
      }
    }
  }

  private isStatement(node: Node): boolean {
    return /(Statement|^VariableDeclaration)$/.test(node.type) && !/^(Block|Empty)Statement$/.test(node.type);
  }

  /** Puts a step before a statement, which stands in a list or alone, as the body of a loop or a condition. */
  private addStep(node: Node, isListed: boolean, functionNumber: number): void {
    const number = this.places.length;
    const text = this.source.slice(node.start, node.end).split("\n", 1)[0]!;
    const line = this.source.slice(0, node.start).split("\n").length;
    this.places.push({ file: this.file, line, text, functionNumber });
    this.insertions.push({ at: node.start, text: isListed ? `__step(${number});` : `{__step(${number});` });
    if (!isListed) this.insertions.push({ at: node.end, text: "}" });
  }
}

/** `source` with steps; their places are added to `places`. */
function addSteps(file: string, source: string, places: StepPlace[]): string {
  const stepper = new Stepper(file, source, places);
  stepper.visit(parse(source, { ecmaVersion: 2022, sourceType: "module" }), 0);
  let text = "";
  let from = 0;
  // Two insertions at one position keep their order: what ends before what begins.
  const ordered = stepper.insertions.map((each, order) => ({ ...each, order }));
  ordered.sort((one, other) => one.at - other.at || one.order - other.order);
  for (const { at, text: inserted } of ordered) {
    text += source.slice(from, at) + inserted;
    from = at;
  }
  return text + source.slice(from);
}

/** Writes the copy to `.cache/<name>` and returns it. */
export function buildSteppedLibrary(name: string): SteppedLibrary {
  const target = join(ROOT, ".cache", name);
  const places: StepPlace[] = [];
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "package.json"), '{ "type": "module" }\n');
  writeFileSync(
    join(target, "step.js"),
    "export const hook = { onStep() {} };\nexport function __step(number) { hook.onStep(number); }\n",
  );
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  for (const file of files.sort()) {
    let source = stripTypeScriptTypes(readFileSync(join(SOURCE, file), "utf8"));
    const isStepped = STEPPED_FILES.has(file);
    if (isStepped) source = addSteps(file, source, places);
    source = source.replaceAll(/(from\s+"[^"]+)\.ts"/g, '$1.js"');
    const path = join(target, file.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(path), { recursive: true });
    const step = relative(dirname(path), join(target, "step.js"));
    if (isStepped) source += `\nimport { __step } from "${step.startsWith(".") ? step : `./${step}`}";\n`;
    writeFileSync(path, source);
  }
  const url = (file: string): string => pathToFileURL(join(target, file)).href;
  return { indexUrl: url("index.js"), stepUrl: url("step.js"), places };
}
