/** Recordings through several allocators. Runs in browsers, workers and Node alike. */
export { compareTrace, type CompareOptions, type Guest } from "./compare.ts";
export { NO_ROOM, type Contender, type ContenderSpace } from "./contender.ts";
export {
  COMPARE_SCHEMA,
  type CompareReport,
  type ComparedRecording,
  type ContenderReport,
} from "./report.ts";
