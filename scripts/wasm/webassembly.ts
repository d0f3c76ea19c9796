// The part of JavaScript's WebAssembly that tests and benchmarks use. Node's types know only names of it; the types of
// a browser would bring everything else of a browser along.

/** A memory; sizes in pages of 64 KiB. */
export interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** A compiled module. */
export interface Module {
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}

/** A name that a module exports or imports. */
interface Name {
  readonly name: string;
  readonly kind: "function" | "memory" | "global" | "table";
}

interface Api {
  readonly Memory: new (limits: { initial: number; maximum?: number; shared?: boolean }) => Memory;
  readonly Module: (new (bytes: Uint8Array) => Module) & {
    exports(module: Module): Name[];
    imports(module: Module): (Name & { readonly module: string })[];
  };
  readonly Instance: new (
    module: Module,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: unknown };
}

/** `WebAssembly`, with types. */
export const wasm: Api = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;
