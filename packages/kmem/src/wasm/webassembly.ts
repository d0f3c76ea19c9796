/** The part of JavaScript's WebAssembly that the library uses: its types belong to no edition of the language. */

/** A memory of 64 KiB pages. */
interface Memory {
  readonly buffer: ArrayBuffer;
}

interface Api {
  readonly Memory: new (limits: { initial: number; maximum: number }) => Memory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: unknown };
}

/** `WebAssembly`, with types. Looked up when it is used: a page may forbid or lack it. */
export function webAssembly(): Api {
  return (globalThis as unknown as { WebAssembly: Api }).WebAssembly;
}
