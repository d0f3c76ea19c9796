/** The thread that does the runs: one at a time, as it is told. A run that never ends leaves the main thread in charge. */
import { parentPort } from "node:worker_threads";
import { narrate } from "../test/model/narrate.ts";
import { describeFailure, noteSeed, runSeed, type Scenario, type SeededRun } from "../test/model/scenario.ts";
import { shrink } from "../test/model/shrink.ts";

/** What the worker says of a run. */
export type Message =
  | { readonly kind: "passed" }
  /** The run failed; it is being made smaller. */
  | { readonly kind: "failed"; readonly text: string; readonly stack: string; readonly scenario: Scenario }
  /** The smallest scenario that was found, and the program that it is. */
  | { readonly kind: "shrunk"; readonly scenario: Scenario; readonly program: readonly string[] };

const port = parentPort!;

function send(message: Message): void {
  port.postMessage(message);
}

port.on("message", (run: SeededRun) => {
  const failure = runSeed(run);
  if (failure === undefined) {
    send({ kind: "passed" });
    return;
  }
  // Compared after each operation, it fails as early as it can.
  const noted = noteSeed({ ...run, checkInterval: 1 });
  const { scenario } = noted.failure === undefined ? noteSeed(run) : noted;
  const stack = failure.error instanceof Error ? String(failure.error.stack) : "";
  send({ kind: "failed", text: describeFailure(run, failure), stack, scenario });
  const smallest = shrink(scenario);
  send({ kind: "shrunk", scenario: smallest, program: narrate(smallest) });
});
