// kmem for Emscripten: malloc and its family from a kmem heap in the module's memory.
//
//   emcc program.c -sMALLOC=none -Wl,--export=__heap_base --js-library node_modules/kmem/dist/emscripten-library.js
//
// `npm run build` puts the compiled allocator in place of KMEM_BUNDLE. `emcc` reads this file as a
// JavaScript library: lines that begin with # and triple braces are its own.

if (MALLOC !== "none") {
  error("kmem: link with -sMALLOC=none, so that the module has no allocator of its own");
}
if (!WASM_EXPORTS.has("__heap_base")) {
  error("kmem: link with -Wl,--export=__heap_base, which tells where the heap may begin");
}
if (USE_PTHREADS) {
  error("kmem: this library serves modules of one thread; docs/wasm.md tells of memory that workers share");
}

mergeInto(LibraryManager.library, {
  $kmemAllocator: "=KMEM_BUNDLE",

  // The heap begins where the module's data and stack end. Before instantiation there may be no memory yet, so both
  // are asked for at the first call.
  $kmem__deps: ["$kmemAllocator", "$setErrNo"],
  $kmem__postset: "Module['kmem'] = kmem",
  $kmem: `=kmemAllocator(() => wasmMemory, {
    base: () => ___heap_base,
    maxMemorySize: {{{ ALLOW_MEMORY_GROWTH ? MAXIMUM_MEMORY : INITIAL_MEMORY }}},
    errno: () => ___errno_location(),
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
    [name]: `=kmem.imports.${name}`,
    [`${name}__deps`]: ["$kmem"],
    [`${name}__sig`]: signature,
    [`${name}__import`]: true,
  });
}
