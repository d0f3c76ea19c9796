// kmem for Emscripten: malloc and its family from a kmem heap in the module's memory.
//
//   emcc program.c node_modules/kmem/wasm/kmem.c -sMALLOC=none --js-library node_modules/kmem/dist/emscripten-library.js
//
// kmem.c defines C's functions and calls those below. `npm run build` puts the compiled allocator in place of
// KMEM_BUNDLE. `emcc` reads this file as one of its JavaScript libraries: triple braces are its own.

if (MALLOC !== "none") {
  error("kmem: link with -sMALLOC=none, so that the module has no allocator of its own");
}
if (!WASM_EXPORTS.has("kmem_heap_base")) {
  error("kmem: link with kmem.c, which defines malloc and its family");
}
if (!WASM) {
  error("kmem: its fast path is WebAssembly, so link without -sWASM=0");
}
if (USE_PTHREADS) {
  error("kmem: this library serves modules of one thread; docs/wasm.md tells of memory that workers share");
}

mergeInto(LibraryManager.library, {
  $kmemAllocator: "=KMEM_BUNDLE",

  // Before instantiation there may be no memory yet, so it is asked for at the first call.
  $kmem__deps: ["$kmemAllocator"],
  $kmem__postset: "Module['kmem'] = kmem",
  $kmem: `=kmemAllocator(() => wasmMemory, {
    base: () => _kmem_heap_base(),
    maxMemorySize: {{{ ALLOW_MEMORY_GROWTH ? MAXIMUM_MEMORY : INITIAL_MEMORY }}},
    errno: () => _kmem_errno(),
    onGrow: (buffer) =>
      typeof updateMemoryViews == 'function' ? updateMemoryViews() : updateGlobalBufferAndViews(buffer),
    onMisuse: (error) => {
      if (!Module['onKmemMisuse']) throw error;
      Module['onKmemMisuse'](error);
    },
  })`,
});

for (const [name, signature] of Object.entries({
  malloc: "ii",
  free: "vi",
  calloc: "iii",
  realloc: "iii",
  aligned_alloc: "iii",
  memalign: "iii",
  posix_memalign: "iiii",
  malloc_usable_size: "ii",
})) {
  mergeInto(LibraryManager.library, {
    [`kmem_${name}`]: `=kmem.imports.${name}`,
    [`kmem_${name}__deps`]: ["$kmem"],
    [`kmem_${name}__sig`]: signature,
    [`kmem_${name}__import`]: true,
  });
}
