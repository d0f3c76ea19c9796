/** The bits of `GPUBufferUsage` that make a difference to a heap, which does not count on the global of that name. */

/** May be mapped for reading. */
export const MAP_READ = 0x1;
/** May be mapped for writing. */
export const MAP_WRITE = 0x2;
/** May be the source of a copy. */
export const COPY_SRC = 0x4;
/** May be the destination of a copy or a write. */
export const COPY_DST = 0x8;
/** May be a uniform buffer. */
export const UNIFORM = 0x40;
/** May be a storage buffer. */
export const STORAGE = 0x80;
/** May take the results of queries. */
export const QUERY_RESOLVE = 0x200;
/** All bits there are. */
export const ALL_USAGES = 0x3ff;
