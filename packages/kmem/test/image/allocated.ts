/** How many bytes of typed arrays a piece of code makes: where everything lies that an allocator or an image takes. */

const TYPES = ["Uint8Array", "Int32Array", "Uint32Array", "Float64Array"] as const;

/**
 * Bytes of the typed arrays that `work` makes, but for views of buffers that are there already. It must make them by the
 * names that the platform gives, as all of the library does.
 */
export function allocatedBy(work: () => void): number {
  let bytes = 0;
  const types = globalThis as unknown as Record<string, object>;
  const originals = TYPES.map((name) => types[name]!);
  for (const [index, name] of TYPES.entries()) {
    types[name] = new Proxy(originals[index]!, {
      construct(target, parameters: unknown[], newTarget) {
        const array = Reflect.construct(target as Uint8ArrayConstructor, parameters, newTarget) as Uint8Array;
        if (array.buffer !== parameters[0]) bytes += array.byteLength;
        return array;
      },
    });
  }
  try {
    work();
  } finally {
    for (const [index, name] of TYPES.entries()) types[name] = originals[index]!;
  }
  return bytes;
}
