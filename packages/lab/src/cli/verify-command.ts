/** `kmem verify`: holds kmem's BuddyAllocator against the page allocator of a recorded kernel. */
import { Command, InvalidArgumentError } from "commander";
import { loadTrace } from "../files/load-trace.ts";
import { UserError } from "../files/user-error.ts";
import { verifyTrace } from "../verify/verify.ts";
import { formatCounted } from "./format.ts";
import { addCommonOptions, type CommonOptions } from "./options.ts";
import { progressFor } from "./progress.ts";
import { styleFor } from "./style.ts";
import { renderVerifyReport } from "./verify-text.ts";

const STILL_TOLERANCE_PERCENT = 0.5;
const MOVING_TOLERANCE_PERCENT = 1;

interface VerifyCommandOptions extends CommonOptions {
  readonly stillTolerance: number;
  readonly movingTolerance: number;
}

function percent(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value <= 100) return value;
  throw new InvalidArgumentError("Allowed is a number from 0 to 100.");
}

/** The command. */
export function verifyCommand(): Command {
  const command = new Command("verify")
    .description("compare the free lists of kmem's BuddyAllocator with those of a recorded kernel")
    .argument("<FILE>", "a recording that kmem record --state --pages made")
    .option(
      "--still-tolerance <percent>",
      "free blocks that may differ where nothing was moved",
      percent,
      STILL_TOLERANCE_PERCENT,
    )
    .option(
      "--moving-tolerance <percent>",
      "free blocks that may differ after all moves",
      percent,
      MOVING_TOLERANCE_PERCENT,
    );
  return addCommonOptions(command).action(runVerify);
}

async function runVerify(file: string, options: VerifyCommandOptions): Promise<void> {
  const progress = progressFor(options);
  const { trace } = await loadTrace(file, {
    onProgress: ({ readBytes, fileBytes, eventCount }) =>
      progress.show("Reading", readBytes, fileBytes ?? readBytes, formatCounted(eventCount, "event")),
  }).finally(() => progress.finish());
  const report = verifyTrace(file, trace, {
    stillPercent: options.stillTolerance,
    movingPercent: options.movingTolerance,
  });
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(report, null, 2)}\n`
      : renderVerifyReport(report, styleFor(process.stdout)),
  );
  if (report.isWithinTolerance) return;
  const { lostEvents } = report;
  throw new UserError(
    lostEvents === 0
      ? "the free lists differ by more than the tolerance"
      : `the free lists differ, since the kernel lost ${formatCounted(lostEvents, "event")}: record with a larger --buffer`,
  );
}
