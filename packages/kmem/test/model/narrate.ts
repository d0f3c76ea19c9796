/**
 * A run told as a program: the calls that a driver made on the library, one a line, with what each gave.
 *
 * The methods of the library's classes are wrapped while the run is played. Only what the driver itself calls is told, and
 * of the calls that merely ask only those that throw.
 */
import { BuddyAllocator, Heap, SharedHeap, SlabCache } from "../../src/index.ts";
import { GpuHeap } from "../../src/webgpu/index.ts";
import { playScenario, type Scenario } from "./scenario.ts";

/** Classes whose calls are told, and what their instances are called. */
const CLASSES = [
  { type: BuddyAllocator, name: "buddy" },
  { type: SlabCache, name: "cache" },
  { type: SharedHeap, name: "heap" },
  { type: Heap, name: "heap" },
  { type: GpuHeap, name: "gpuHeap" },
] as const;

/** Calls that change nothing. */
const QUESTIONS = new Set(
  "blocks cacheAt check isAllocated leaks outOfMemory owns read sizeOf snapshot stats usableSize".split(" "),
);

type Method = (...parameters: unknown[]) => unknown;

function isIterator(value: unknown): value is IterableIterator<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value && "next" in value;
}

/** Tells calls as lines of a program. */
class Narrator {
  readonly lines: string[] = [];
  readonly #names = new Map<unknown, string>();
  readonly #counts = new Map<string, number>();
  #depth = 0;

  /** A function that does what `method`, called `name`, does and tells of it. */
  wrap(name: string, method: Method): Method {
    const tell = (self: unknown, parameters: unknown[]): unknown =>
      this.#tell(name, method, self, parameters);
    return function told(this: unknown, ...parameters: unknown[]): unknown {
      return tell(this, parameters);
    };
  }

  /** A getter that does what `getter` does, and of whose own calls nothing is told. */
  silence(getter: () => unknown): () => unknown {
    const ask = (self: unknown): unknown => this.#inside(() => getter.call(self));
    return function silent(this: unknown): unknown {
      return ask(this);
    };
  }

  #tell(name: string, method: Method, self: unknown, parameters: unknown[]): unknown {
    if (this.#depth > 0) return method.apply(self, parameters);
    const shown = parameters.map((each) => this.#show(each)).join(", ");
    const call = `${this.#nameOf(self)}.${name}(${shown})`;
    try {
      const result = this.#inside(() => {
        const value = method.apply(self, parameters);
        // A generator would go on when nobody looks any more.
        return isIterator(value) ? [...value].values() : value;
      });
      if (!QUESTIONS.has(name)) this.lines.push(this.#statement(call, result));
      return result;
    } catch (error) {
      this.lines.push(`${call}; // throws ${String(error)}`);
      throw error;
    }
  }

  #inside(action: () => unknown): unknown {
    this.#depth++;
    try {
      return action();
    } finally {
      this.#depth--;
    }
  }

  #statement(call: string, result: unknown): string {
    if (result === undefined) return `${call};`;
    if (typeof result === "object" && result !== null && Object.getPrototypeOf(result) !== Object.prototype) {
      const known = this.#names.get(result);
      if (known !== undefined) return `${call}; // ${known}`;
      const name = `${this.#kindOf(result)}${this.#count(this.#kindOf(result))}`;
      this.#names.set(result, name);
      return `const ${name} = ${call};`;
    }
    return `${call}; // ${JSON.stringify(result)}`;
  }

  /** Takes `names` for the objects that `code` makes, and tells the run from there on. */
  begin(code: readonly string[], names: Readonly<Record<string, object>>): void {
    this.lines.splice(0, Infinity, ...code);
    this.#names.clear();
    this.#counts.clear();
    for (const [name, object] of Object.entries(names)) {
      this.#names.set(object, name);
      this.#count(this.#kindOf(object));
    }
  }

  #count(kind: string): number {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return count;
  }

  /** The name of an object in the program: of a kind, and numbered. */
  #nameOf(object: unknown): string {
    const known = this.#names.get(object);
    if (known !== undefined) return known;
    if (typeof object === "function") return object.name;
    const kind = this.#kindOf(object);
    const name = `${kind}${this.#count(kind)}`;
    this.#names.set(object, name);
    // What a function made that is no method.
    if (CLASSES.some(({ type }) => object instanceof type)) this.lines.push(`// here, ${name} is made`);
    return name;
  }

  #kindOf(object: unknown): string {
    const found = CLASSES.find(({ type }) => object instanceof type);
    return found?.name ?? (ArrayBuffer.isView(object) ? "view" : "allocation");
  }

  #show(value: unknown): string {
    if (typeof value === "function") return value.name === "" ? "() => {}" : value.name;
    if (typeof value === "object" && value !== null && this.#names.has(value)) return this.#names.get(value)!;
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      return `${value.constructor.name}.of(${(value as Uint8Array).join(", ")})`;
    }
    if (typeof value === "object" && value !== null && "construct" in value) {
      return `{ ...${JSON.stringify(value)}, construct: () => {} }`;
    }
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}

/** The scenario as the lines of a program. */
export function narrate(scenario: Scenario): string[] {
  const narrator = new Narrator();
  const restore: (() => void)[] = [];
  for (const { type } of CLASSES) {
    for (const holder of [type.prototype, type] as object[]) {
      for (const name of Object.getOwnPropertyNames(holder)) {
        const descriptor = Object.getOwnPropertyDescriptor(holder, name)!;
        const { value, get } = descriptor;
        if (name === "constructor" || name === "prototype") continue;
        if (typeof value === "function") {
          Object.defineProperty(holder, name, { ...descriptor, value: narrator.wrap(name, value as Method) });
        } else if (get !== undefined) {
          Object.defineProperty(holder, name, { ...descriptor, get: narrator.silence(get) });
        } else continue;
        restore.push(() => Object.defineProperty(holder, name, descriptor));
      }
    }
  }
  try {
    playScenario(scenario, ({ code, names }) => narrator.begin(code, names));
  } finally {
    for (const each of restore) each();
  }
  return narrator.lines;
}
