/** What this process is to do: its only argument, and the stream that it names. */

import { readStream } from "../stream/file.ts";
import type { ChildTask } from "../subjects/javascript.ts";

/** The task. */
export const task = JSON.parse(process.argv[2] ?? "{}") as ChildTask;
/** The stream to replay, all of it in memory. */
export const stream = readStream(task.streamPath);
