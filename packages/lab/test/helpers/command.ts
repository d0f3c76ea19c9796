import { spawn, spawnSync, type ChildProcess, type SpawnSyncOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** The built command. */
export const KMEM = fileURLToPath(new URL("../../bin/kmem.js", import.meta.url));

/** The environment without what vitest or a terminal says about colours. */
const { FORCE_COLOR: _force, NO_COLOR: _no, ...PLAIN_ENVIRONMENT } = process.env;

/** What a command came to. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command to its end. */
export function kmem(args: readonly string[], options: SpawnSyncOptions = {}): Ended {
  return run(process.execPath, [KMEM, ...args], options);
}

/** Runs any command to its end. */
export function run(command: string, args: readonly string[], options: SpawnSyncOptions = {}): Ended {
  const { status, stdout, stderr } = spawnSync(command, args, {
    env: PLAIN_ENVIRONMENT,
    maxBuffer: 1 << 26,
    // Vitest cannot end a test that waits for a child in one call: a hang would be one for ever.
    timeout: 100_000,
    ...options,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** Starts the built command. `ended` resolves with its exit code and output. It does not outlive the test. */
export function startKmem(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [KMEM, ...args], {
    env: PLAIN_ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGTERM");
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
  return { child, ended };
}
