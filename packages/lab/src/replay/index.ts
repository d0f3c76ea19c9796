/** Recordings through allocators. Runs in browsers, workers and Node alike. */
export { arranged, KMALLOC_CLASSES, type Arrangement } from "./arrangement.ts";
export { ObjectReplay } from "./object-replay.ts";
export { KMALLOC, objectStream, type ObjectStream, type RecordedCache } from "./object-stream.ts";
export { PageReplay } from "./page-replay.ts";
export { pageStream, type PageStream } from "./page-stream.ts";
export { replayTrace, type ReplayOptions } from "./replay.ts";
export { ReplayError } from "./replay-error.ts";
export type { ReplayReport } from "./report.ts";
